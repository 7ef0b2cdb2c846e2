"""Reads shaped for pages and commands: select only."""
