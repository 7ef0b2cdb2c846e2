"""Which tables SQLite reads from the first row to the last to answer a query."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import connection

SMALL = {
    "checkpoints_endpoint": "all are needed: is one sealed with another key, is one asked without TLS",
    "checkpoints_channel": "all are needed: is one sealed with another key",
}
"""Tables that may be read whole, and why: people make their rows one by one, and their number does not grow
with the fleet.
"""
_WHOLE = re.compile(r"SCAN (?:TABLE )?(\w+)(?: AS \w+)?(?! CONSTANT)(?!.* USING )")
_NAMED = re.compile(r'"(\w+)" (?:AS )?"?([TUVW]\d+)"?')
Asked = tuple[str, Sequence[Any]]


@contextmanager
def asked() -> Iterator[list[Asked]]:
    """Note every SELECT that is asked while the block runs, with its values."""
    seen: list[Asked] = []

    def note(execute: Any, sql: str, values: Any, many: bool, context: Any) -> Any:
        if sql.startswith("SELECT"):
            seen.append((sql, values or ()))
        return execute(sql, values, many, context)

    with connection.execute_wrapper(note):
        yield seen


def plan(query: Asked) -> list[str]:
    """Return the steps in which SQLite answers a query."""
    sql, values = query
    with connection.cursor() as cursor:
        cursor.execute(f"EXPLAIN QUERY PLAN {sql}", values)
        return [row[3] for row in cursor.fetchall()]


def read_whole(query: Asked) -> list[str]:
    """Return the tables that are read whole and without any index, but for the SMALL ones."""
    names = {short: table for table, short in _NAMED.findall(query[0])}
    scanned = [found[1] for step in plan(query) if (found := _WHOLE.fullmatch(step))]
    return sorted({names.get(name, name) for name in scanned} - SMALL.keys())


def walked(query: Asked) -> list[str]:
    """Return the steps that go along an index from one end: up to a LIMIT, or to count all there is."""
    return [step for step in plan(query) if step.startswith("SCAN") and " USING " in step]
