"""Promises about the source itself: sizes, and names that the documents and the contracts rely on."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path

import pytest
from django.core.management import get_commands

ROOT = Path(__file__).resolve().parent.parent
FOLDERS = ["checkpoints", "dashboard", "emulator", "bench"]
SOURCES = [ROOT / "run.py", *(path for folder in FOLDERS for path in sorted((ROOT / folder).rglob("*.py")))]
TESTS = sorted((ROOT / "tests").rglob("test_*.py"))
COMMANDS = {
    "audit",
    "catalogues",
    "collect",
    "endpoint",
    "lag",
    "prepare",
    "reset",
    "snapshot",
    "approval",
    "user",
}
READERS = {"choice", "database", "flag", "number", "price", "text", "time_zone", "words"}
MOST_LINES = 300


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))


def settings_read() -> set[str]:
    """Every name that the settings read from the environment: the first words of calls in dashboard/."""
    found: set[str] = set()
    for path in (ROOT / "dashboard").glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and node.args and isinstance(node.args[0], ast.Constant):
                called = getattr(node.func, "attr", getattr(node.func, "id", ""))
                found |= {str(node.args[0].value)} if called in READERS else set()
    return {name for name in found if re.fullmatch(r"[A-Z_]+", name)}


@pytest.mark.parametrize("path", [path for path in SOURCES if "migrations" not in path.parts], ids=name_of)
def test_a_file_is_short_enough_to_be_read_at_once(path: Path) -> None:
    assert len(path.read_text().splitlines()) <= MOST_LINES


def test_every_management_command_of_the_contract_exists() -> None:
    ours = {name for name, app in get_commands().items() if app == "checkpoints"}
    assert COMMANDS - ours == set()


def test_every_setting_that_is_read_is_documented() -> None:
    table = (ROOT / "docs" / "settings.md").read_text()
    read = settings_read()
    assert {"DATA_DIR", "SECRET_KEY", "DATABASE_URL", "DEBUG", "COLLECT_INTERVAL"} <= read
    assert {name for name in read if f"`{name}`" not in table} == set()


def test_every_setting_in_the_table_is_read() -> None:
    table = (ROOT / "docs" / "settings.md").read_text()
    assert set(re.findall(r"^\| `([A-Z_]+)`", table, re.MULTILINE)) - settings_read() == set()


@pytest.mark.parametrize("path", TESTS, ids=name_of)
def test_no_test_hides_another_of_the_same_name(path: Path) -> None:
    names = [
        node.name
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("test_")
    ]
    assert [name for name, count in Counter(names).items() if count > 1] == []
