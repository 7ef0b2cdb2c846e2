"""Pages: authorise, parse, one call, render."""
