"""The log groups on both sides of a place in a shard, a few lines of each; touches no database."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from checkpoints import sls
from checkpoints.domain import excerpts, positions
from checkpoints.domain.messages import Message, say
from checkpoints.services.aims import Probe
from checkpoints.services.problems import Problem
from checkpoints.sls.loggroups import PullTooLarge

LARGEST = 256 * 1024
LINES = 5
# How far back in time a neighbour is looked for when the service does not know the cursor before a place.
STEPS = tuple(timedelta(seconds=seconds) for seconds in (1, 10, 60, 600))

NOTHING_AFTER = say("Nothing after: the next log group that arrives.")
NOTHING_BEFORE = say("Nothing before: this is the oldest log group that is retained.")
EXPIRED = say("This place has expired: the log groups around it are no longer retained.")
FOUND_BY_TIME = say(
    "Found by its time, because the cursor right before is not accepted: others may follow it."
)
NOT_OF_SHARD = say("This place lies after the end of the shard.")
TOO_LARGE = say("This log group is larger than %(limit)d KB and is not shown.", limit=LARGEST // 1024)


@dataclass(frozen=True)
class Side:
    """Some lines of the log group on one side of a place; `note` says why there are none, or what to mind.

    `received_at` is when the service received the log group; each line has its own `__time__`. `more_lines`
    of it are not shown.
    """

    position: int | None = None
    received_at: datetime | None = None
    topic: str = ""
    source: str = ""
    tags: excerpts.Shown = ()
    lines: tuple[excerpts.Line, ...] = ()
    more_lines: int = 0
    note: Message | None = None
    problem: Problem | None = None


def first_after(probe: Probe, position: int) -> Side:
    """Return the log group at a place, its first lines; raises SLSError."""
    return _at(probe, position, slice(0, LINES)) or Side(note=_why_none(probe, position, NOTHING_AFTER))


def last_before(probe: Probe, position: int) -> Side:
    """Return the log group before a place, its last lines; raises SLSError.

    That cursors count by one is a habit of the service: without the one before, time leads there.
    """
    last = slice(-LINES, None)
    found = (_at(probe, position - 1, last) if position else None) or _earlier(probe, position, last)
    return found or Side(note=_why_none(probe, position, NOTHING_BEFORE))


def _earlier(probe: Probe, position: int, part: slice) -> Side | None:
    at = probe.time(position)
    if at is None:
        return None
    for step in STEPS:
        found = probe.cursor(at - step)
        if found < position and (side := _at(probe, found, part)):
            return replace(side, note=side.note or FOUND_BY_TIME)
    return None


def _why_none(probe: Probe, position: int, otherwise: Message) -> Message:
    if position < probe.cursor("begin"):
        return EXPIRED
    return NOT_OF_SHARD if position > probe.cursor("end") else otherwise


def _at(probe: Probe, position: int, part: slice) -> Side | None:
    """Return part of the log group at a place; the time first, as a pull may answer from elsewhere."""
    received_at = probe.time(position)
    return None if received_at is None else _pulled(probe, position, received_at, part)


def _pulled(probe: Probe, position: int, received_at: datetime, part: slice) -> Side | None:
    """Return part of one log group; None when there is none at this place."""
    cursor = positions.encode(position)
    where = (probe.project, probe.logstore, probe.shard, cursor)
    try:
        pulled = probe.client.pull_logs(*where, count=1, max_bytes=LARGEST).value
    except PullTooLarge:
        return Side(position, received_at, note=TOO_LARGE)
    except sls.ApiError as error:
        if error.is_invalid_cursor:
            return None
        raise
    return _side(position, received_at, pulled.groups[0], part) if pulled.groups else None


def _side(position: int, received_at: datetime, group: sls.LogGroup, part: slice) -> Side:
    lines = group.lines[part]
    return Side(
        position=position,
        received_at=received_at,
        topic=excerpts.value_of("", group.topic),
        source=excerpts.value_of("", group.source),
        tags=excerpts.shown(group.tags[: excerpts.FIELDS]),
        lines=tuple(excerpts.line(line.time, line.fields) for line in lines),
        more_lines=len(group.lines) - len(lines),
    )
