"""What became of a reset, per shard and as a whole."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum


class ShardOutcome(StrEnum):
    """What became of one shard of a reset.

    CONFIRMED: read back equals the target, also when nothing had to be sent. UNCHANGED: read back is still
    the value from before. REFUSED: SLS said no, or the checkpoint had moved. UNKNOWN: no answer, or read back
    is a third value. NOT_ATTEMPTED: nothing was sent.
    """

    CONFIRMED = "confirmed"
    UNCHANGED = "unchanged"
    REFUSED = "refused"
    UNKNOWN = "unknown"
    NOT_ATTEMPTED = "not_attempted"


class ResetOutcome(StrEnum):
    """What became of a reset."""

    CONFIRMED = "confirmed"
    PARTIAL = "partial"
    REFUSED = "refused"
    UNKNOWN = "unknown"


def settle(before: int | None, target: int, seen: int | None) -> ShardOutcome:
    """Return the outcome that reading back shows; `seen` None: the read failed or found nothing saved."""
    if seen == target:
        return ShardOutcome.CONFIRMED
    if seen is not None and seen == before:
        return ShardOutcome.UNCHANGED
    return ShardOutcome.UNKNOWN


def overall(outcomes: Iterable[ShardOutcome]) -> ResetOutcome:
    """Return CONFIRMED when all are, PARTIAL when some are, else UNKNOWN when any is, else REFUSED."""
    seen = set(outcomes)
    if seen == {ShardOutcome.CONFIRMED}:
        return ResetOutcome.CONFIRMED
    if ShardOutcome.CONFIRMED in seen:
        return ResetOutcome.PARTIAL
    return ResetOutcome.UNKNOWN if ShardOutcome.UNKNOWN in seen else ResetOutcome.REFUSED
