"""The part of a group that could not be read: how many of its shards, and why."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from checkpoints.domain.lag import ShardFacts, ShardLag, State
from checkpoints.domain.messages import Message, load, say

NOT_READ = say("%(count)d of %(total)d shards not read.")
NOT_READ_WHY = say("%(count)d of %(total)d shards not read: %(why)s")


def unread_reason(facts: Sequence[ShardFacts], lags: Sequence[ShardLag]) -> Message | None:
    """Return how many shards could not be read and what went wrong with the first; None when all were."""
    unread = [fact for fact, lag in zip(facts, lags, strict=True) if lag.state is State.UNKNOWN]
    if not unread:
        return None
    counts: dict[str, object] = {"count": len(unread), "total": len(facts)}
    why = next((fact.error for fact in unread if fact.error), None)
    return Message(NOT_READ_WHY.text, counts | {"why": why}) if why else Message(NOT_READ.text, counts)


def unread_part(reasons: Iterable[Mapping[str, Any]]) -> Message | None:
    """Find what unread_reason() said among the stored reasons of a verdict."""
    texts = {NOT_READ.text, NOT_READ_WHY.text}
    return next((load(reason) for reason in reasons if reason.get("text") in texts), None)
