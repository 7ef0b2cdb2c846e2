"""Checks that the lock files still say what the requirements ask for."""

from __future__ import annotations

import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
NAMES = ["requirements", "requirements-scale", "requirements-dev"]
COMPILE = [sys.executable, "-m", "uv", "pip", "compile", "--quiet", "--universal", "--python-version", "3.11"]
STYLE = ["--generate-hashes", "--no-strip-extras", "--no-header", "--no-emit-index-url", "--no-annotate"]


def main() -> int:
    """Lock again beside the present lock, whose versions are kept; any difference is an error."""
    fix = "--fix" in sys.argv
    stale = [name for name in NAMES if relock(name, fix=fix)]
    for name in stale:
        print(
            f"{name}.txt does not match {name}.in"
            + ("; written anew" if fix else "; run: python -m bench.locks --fix")
        )
    return 0 if fix or not stale else 1


def relock(name: str, *, fix: bool) -> bool:
    """Return whether the lock file differs from a fresh one; write the fresh one when asked to."""
    present = ROOT / f"{name}.txt"
    with tempfile.TemporaryDirectory() as scratch:
        fresh = Path(scratch) / present.name
        fresh.write_text(present.read_text() if present.exists() else "")
        subprocess.run([*COMPILE, *STYLE, f"{name}.in", "-o", str(fresh)], cwd=ROOT, check=True)
        differs = not present.exists() or fresh.read_text() != present.read_text()
        if differs and fix:
            present.write_text(fresh.read_text())
    return differs


if __name__ == "__main__":
    sys.exit(main())
