"""Every static check; `python3 run.py check` runs this with all packages installed."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
STEPS = {
    "lint": ["-m", "ruff", "check", "."],
    "format": ["-m", "ruff", "format", "--check", "."],
    "types": ["-m", "mypy"],
    "templates": [],
    "import contracts": ["-c", "from importlinter.cli import lint_imports_command as main; main()"],
    "migrations": ["manage.py", "makemigrations", "--check", "--dry-run"],
    "deploy check": ["manage.py", "check", "--deploy", "--fail-level", "WARNING"],
    "catalogues": ["manage.py", "catalogues", "--check"],
    "locks": ["-m", "bench.locks"],
}


def main() -> int:
    """Run all steps, also after one failed; exit code 1 when any did."""
    failed = [name for name, arguments in STEPS.items() if step(name, arguments)]
    print(f"check: {'failed: ' + ', '.join(failed) if failed else 'all passed'}")
    return 1 if failed else 0


def step(name: str, arguments: list[str]) -> int:
    """Run one check and say which; returns its exit code."""
    print(f"--- {name}", flush=True)
    command = [sys.executable, *arguments] if arguments else templates()
    return subprocess.run(command, cwd=ROOT, check=False).returncode


def templates() -> list[str]:
    """Return the command that looks at every template; djade is a program, not a module."""
    files = [str(path) for path in sorted((ROOT / "templates").rglob("*.html"))]
    return [str(Path(sys.executable).parent / "djade"), "--target-version", "5.2", "--check", *files]


if __name__ == "__main__":
    sys.exit(main())
