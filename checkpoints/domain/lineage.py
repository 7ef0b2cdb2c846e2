"""Which shards came from which: the service does not tell, but a child covers keys of its parents."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Protocol


class HasKeys(Protocol):
    """A shard as it is listed: its half-open range of hash keys in hex."""

    @property
    def id(self) -> int: ...
    @property
    def status(self) -> str: ...
    @property
    def begin_key(self) -> str: ...
    @property
    def end_key(self) -> str: ...


@dataclass(frozen=True)
class Lineage:
    """Where a shard came from; `waits_for` are the parents that an in-order group consumes first."""

    created_at: datetime | None = None
    parents_in_plan: tuple[int, ...] = ()
    parents_outside: tuple[int, ...] = ()
    waits_for: tuple[int, ...] = ()

    @property
    def parents(self) -> tuple[int, ...]:
        """Return the parents, and the parents of these."""
        return (*self.parents_in_plan, *self.parents_outside)


def parents(shards: Iterable[HasKeys]) -> dict[int, list[int]]:
    """Return for each shard the read-only ones that are older and share keys with it; ids only ever grow."""
    listed = sorted(((shard.id, shard.status, _keys(shard)) for shard in shards), key=lambda one: one[0])
    closed = [(shard, keys) for shard, status, keys in listed if status == "readonly"]
    return {
        shard: [older for older, others in closed if older < shard and _overlap(keys, others)]
        for shard, _, keys in listed
    }


def nearest(older: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """Return for each shard its parents alone, from the parents and the parents of these."""
    return {
        shard: [one for one in above if not any(one in older.get(other, ()) for other in above)]
        for shard, above in older.items()
    }


def children(parents: Mapping[int, Sequence[int]]) -> dict[int, list[int]]:
    """Return for each shard that became others which these are."""
    found: dict[int, list[int]] = {}
    for shard, above in parents.items():
        for one in above:
            found.setdefault(one, []).append(shard)
    return found


def _keys(shard: HasKeys) -> tuple[int, int]:
    """Return the range as numbers: the number of digits differs between answers."""
    try:
        return int(shard.begin_key, 16), int(shard.end_key, 16)
    except ValueError:
        return 0, 0


def _overlap(one: tuple[int, int], other: tuple[int, int]) -> bool:
    return one[0] < other[1] and other[0] < one[1]
