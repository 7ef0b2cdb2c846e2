"""Use cases: the only code that writes or calls out. The module is the namespace: `resets.apply(...)`."""
