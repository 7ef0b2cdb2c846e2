"""The stored form of the facts of a shard: positions as decimal text, times as ISO 8601, null for unknown."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import fields
from datetime import datetime
from typing import Any

from checkpoints.domain.lag import ShardFacts

KNOWN = {field.name for field in fields(ShardFacts)}
POSITIONS = {"begin", "end"}
TIMES = {"updated_at", "begin_at", "newest_at", "read_at", "unread_at", "before_at"}
SELDOM = {"parents", "before", "before_at"}
"""Fields that are left out when empty: hardly any shard comes from another, or cannot be read."""


def dump(facts: Iterable[ShardFacts]) -> list[dict[str, Any]]:
    """Return the JSON form of the facts, one object per shard."""
    return [
        {
            field.name: _out(field.name, value)
            for field in fields(fact)
            if (value := getattr(fact, field.name)) or field.name not in SELDOM
        }
        for fact in facts
    ]


def load(stored: Iterable[dict[str, Any]]) -> list[ShardFacts]:
    """Return the facts that dump() stored; fields of another release are left out. Raises what is wrong."""
    return [_loaded(row) for row in stored]


def _loaded(row: dict[str, Any]) -> ShardFacts:
    values = dict(row) if row.keys() <= KNOWN else {name: row[name] for name in row if name in KNOWN}
    for name, read in _READ.items():
        if (text := values.get(name)) is not None:
            values[name] = read(text)
    return ShardFacts(**values)


_READ: dict[str, Callable[[Any], Any]] = {
    **dict.fromkeys(POSITIONS, int),
    **dict.fromkeys(TIMES, datetime.fromisoformat),
    "parents": tuple,
    "before": _loaded,
}


def _out(name: str, value: Any) -> Any:
    if value is None:
        return None
    if name in POSITIONS:
        return str(value)
    if isinstance(value, ShardFacts):
        return dump([value])[0]
    return value.isoformat() if name in TIMES else value
