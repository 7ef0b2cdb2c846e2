"""Benchmarks, run as `python3 run.py bench NAME`; each ratio is measured within one run."""
