"""What rules for alerts look for: conditions, their limits, and whether one holds for a group."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

from checkpoints.domain import clocks, durations
from checkpoints.domain.messages import Message, Refusal, say
from checkpoints.domain.schedule import STALE_AFTER_READINGS
from checkpoints.domain.verdicts import Verdict

MOST_BACKLOG = 10**15


class Condition(StrEnum):
    """What a rule looks for."""

    LAG = "lag"
    UNREAD = "unread"
    BACKLOG = "backlog"
    DATA_LOSS = "data_loss"
    STALLED = "stalled"
    NO_READING = "no_reading"
    OVERWRITTEN = "overwritten"
    FOREIGN_MOVE = "foreign_move"


WITHOUT_LIMIT = (Condition.STALLED, Condition.FOREIGN_MOVE)
BY_THE_CLOCK = (Condition.NO_READING, Condition.OVERWRITTEN)
"""Looked at whenever the clock says, also without a new reading."""


@dataclass(frozen=True)
class Figures:
    """What is known of a group; None is not known. Spans are as of the reading.

    `words` are all verdicts that are true of some shard, complete unless history is short or a call failed.
    `is_partial`: a shard could not be read, so lag, age and backlog are lower bounds, data loss an upper one.
    `known_since` is when the group was found, `overwritten_at` when a reset was last seen overwritten,
    `read_every` how often the Logstore is read.
    """

    read_at: datetime | None
    words: frozenset[str]
    is_partial: bool
    is_complete: bool
    lag: timedelta | None
    lag_is_lower_bound: bool
    unread_age: timedelta | None
    backlog: int | None
    data_loss_in: timedelta | None
    lost: int | None
    known_since: datetime | None
    overwritten_at: datetime | None = None
    read_every: timedelta = timedelta(0)


@dataclass(frozen=True)
class Finding:
    """Whether a condition holds, None when that is not known, and the sentence to show."""

    holds: bool | None
    words: Message


NOT_KNOWN = Finding(None, say("This is not known."))


def find(condition: Condition, limit: float | None, figures: Figures, *, now: datetime) -> Finding:
    """Judge a condition; `limit` is seconds, or log groups of the backlog, None for one without a limit."""
    span = timedelta(0) if condition is Condition.BACKLOG else timedelta(seconds=limit or 0)
    match condition:
        case Condition.LAG:
            return _lag(figures, span)
        case Condition.UNREAD:
            return _unread(figures, span)
        case Condition.BACKLOG:
            return _backlog(figures, int(limit or 0))
        case Condition.DATA_LOSS:
            return _data_loss(figures, span)
        case Condition.STALLED:
            over = say("Its checkpoints move again, or nothing is unread.")
            return _verdict(figures, (Verdict.STALLED, Verdict.STOPPED), over)
        case Condition.FOREIGN_MOVE:
            over = say("Nobody else moved a checkpoint lately.")
            return _verdict(figures, (Verdict.FOREIGN_MOVE,), over)
        case Condition.NO_READING:
            return _no_reading(figures, span, now)
        case Condition.OVERWRITTEN:
            return _overwritten(figures, span, now)


def read_limit(condition: Condition, text: str) -> float | None:
    """Read a limit as typed: log groups of a backlog, else a duration such as 10m; raises Refusal."""
    if condition in WITHOUT_LIMIT:
        return None
    plain = text.strip()
    if condition is not Condition.BACKLOG:
        return durations.parse_duration(plain).total_seconds()
    if not (plain.isascii() and plain.isdigit() and int(plain[:16]) <= MOST_BACKLOG):
        raise Refusal(say("Write a whole number of log groups, such as 10000."))
    return float(plain)


def show_limit(condition: Condition, limit: float | None) -> str:
    """Return a limit as one types it: "10m", "2h30m", "10000", "" for none."""
    if limit is None:
        return ""
    if condition is Condition.BACKLOG:
        return str(int(limit))
    left, text = int(limit), ""
    for unit, size in (("d", 86_400), ("h", 3600), ("m", 60), ("s", 1)):
        count, left = divmod(left, size)
        text += f"{count}{unit}" if count else ""
    return text or "0s"


def _lag(figures: Figures, limit: timedelta) -> Finding:
    if figures.lag is None:
        return NOT_KNOWN
    over = figures.lag > limit
    words = {"value": durations.in_words(figures.lag), "limit": durations.in_words(limit)}
    if figures.lag_is_lower_bound:
        holds = _at_least(over)
        return Finding(holds, say("The lag is at least %(value)s, the limit %(limit)s.", **words))
    return Finding(over, say("The lag is %(value)s, the limit %(limit)s.", **words))


def _unread(figures: Figures, limit: timedelta) -> Finding:
    age = timedelta(0) if figures.backlog == 0 else figures.unread_age
    if age is None:
        return NOT_KNOWN
    words = {"value": durations.in_words(age), "limit": durations.in_words(limit)}
    holds = _at_least(age > limit) if figures.is_partial else age > limit
    return Finding(holds, say("The oldest unread is %(value)s old, the limit %(limit)s.", **words))


def _backlog(figures: Figures, limit: int) -> Finding:
    if figures.backlog is None:
        return NOT_KNOWN
    words = {"value": figures.backlog, "limit": limit}
    over = figures.backlog > limit
    return Finding(
        _at_least(over) if figures.is_partial else over,
        say("The backlog is %(value)d log groups, the limit %(limit)d.", **words),
    )


def _data_loss(figures: Figures, limit: timedelta) -> Finding:
    if figures.lost:
        return Finding(True, say("%(count)d log groups expired unread.", count=figures.lost))
    if figures.backlog == 0:
        return Finding(False, say("Nothing is unread."))
    if figures.data_loss_in is None:
        return NOT_KNOWN
    words = {
        "value": durations.in_words(max(figures.data_loss_in, timedelta(0))),
        "limit": durations.in_words(limit),
    }
    near = figures.data_loss_in < limit
    return Finding(
        _at_least(near) if figures.is_partial else near,
        say("Unread data expires in %(value)s, the limit is %(limit)s.", **words),
    )


def _at_least(over: bool) -> bool | None:
    """Return whether a limit is passed, by a bound: it may be far more than is known."""
    return True if over else None


def _verdict(figures: Figures, wanted: tuple[Verdict, ...], over: Message) -> Finding:
    """Judge by all words, not by the worst: a stopped group that is about to lose data is stopped."""
    for word in wanted:
        if word in figures.words:
            return Finding(True, SAID[word])
    if not figures.is_complete or not figures.words:
        return NOT_KNOWN
    return Finding(False, over)


SAID: dict[Verdict, Message] = {
    Verdict.STALLED: say("The group is stalled: log groups arrive, its checkpoints do not move."),
    Verdict.STOPPED: say("The group has stopped: nothing is saved and the backlog grows."),
    Verdict.FOREIGN_MOVE: say("A checkpoint was moved by somebody else."),
}


def _no_reading(figures: Figures, limit: timedelta, now: datetime) -> Finding:
    read_at = figures.read_at
    # A clock that was ahead may have taken the last one; when that was nobody knows.
    since = read_at if read_at and read_at <= now + clocks.APART else figures.known_since
    if since is None:
        return NOT_KNOWN
    limit = max(
        limit, STALE_AFTER_READINGS * figures.read_every
    )  # one that is read rarely may miss a reading
    words = {"value": durations.in_words(now - since), "limit": durations.in_words(limit)}
    return Finding(
        now - since > limit, say("The last reading is %(value)s old, the limit %(limit)s.", **words)
    )


def _overwritten(figures: Figures, limit: timedelta, now: datetime) -> Finding:
    at = figures.overwritten_at
    if at is None or now - at > limit:
        return Finding(False, say("No reset was overwritten lately."))
    return Finding(True, say("A reset was overwritten %(value)s ago.", value=durations.in_words(now - at)))
