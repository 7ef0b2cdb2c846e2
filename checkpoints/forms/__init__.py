"""Forms: every bad input becomes a sentence."""
