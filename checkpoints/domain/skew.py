"""How unevenly a load lies on the shards of a Logstore."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

LEAST = 10
"""Fewer log groups a shard than this lie where chance puts them."""


@dataclass(frozen=True)
class Skew:
    """The most loaded shard: its share of the whole and the share it would have evenly, both in per cent."""

    shard: int
    share: int
    even: int


def skew(loads: Mapping[int, int]) -> Skew | None:
    """Return the skew of loads by shard; None when the load is tiny, or only one shard bears it."""
    whole = sum(loads.values())
    if len(loads) < 2 or whole < LEAST * len(loads):
        return None
    most = max(loads, key=lambda shard: (loads[shard], -shard))
    return Skew(most, round(100 * loads[most] / whole), round(100 / len(loads)))
