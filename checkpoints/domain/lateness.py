"""Which shards are really late, by the limits of the verdicts: a few seconds of lag are none."""

from __future__ import annotations

from datetime import timedelta

from checkpoints.domain.lag import ShardLag, State

IN_TIME = "in_time"
AT_BEGIN_IN_TIME = "at_begin_in_time"


def is_late(found: ShardLag, *, limit: timedelta, since: timedelta = timedelta(0)) -> bool:
    """Whether something lies unread for longer than the limit, or needs somebody.

    `since`: how long ago the shard was read; for so long nobody knows whether it was consumed. When the age
    of what is unread is not known, nobody can say that it is in time either.
    """
    if found.state in (State.EXPIRED, State.INVALID):
        return True
    if found.state not in (State.BEHIND, State.AT_BEGIN):
        return False
    age = found.unread_age if found.unread_age is not None else found.lag
    return age is None or age - since > limit


def word(found: ShardLag, *, late: bool, late_word: str) -> str:
    """Return the word for a shard: its state, but what is unread only for a moment is in time."""
    if found.state is State.BEHIND:
        return late_word if late else IN_TIME
    if found.state is State.AT_BEGIN and not late:
        return AT_BEGIN_IN_TIME
    return found.state.value
