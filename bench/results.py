"""Writes what was measured: a table on the terminal, JSON in bench/results/."""

from __future__ import annotations

import json
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

FOLDER = Path(__file__).resolve().parent / "results"


def write(name: str, rows: list[dict[str, Any]], part: str = "", **figures: Any) -> None:
    """Print the rows as a table and store them with the machine, the date and the command.

    `part` names a further file of a benchmark that measures several things.
    """
    columns = list(rows[0])
    for line in [columns, *[[_text(row[column]) for column in columns] for row in rows]]:
        print("  ".join(f"{word:>24}" for word in line))
    for key, value in figures.items():
        print(f"{key}: {_text(value)}")
    FOLDER.mkdir(exist_ok=True)
    about = {
        "command": f"python3 run.py bench {name} {' '.join(sys.argv[1:])}".strip(),
        "date": datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
        "machine": f"{platform.machine()}, Python {platform.python_version()}",
    }
    stored = {**about, "rows": rows, **figures}
    (FOLDER / f"{name}{part and '-'}{part}.json").write_text(json.dumps(stored, indent=2) + "\n")


def _text(value: Any) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)
