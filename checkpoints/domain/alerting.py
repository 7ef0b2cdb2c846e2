"""The standing of one rule towards one group, and what a further sample makes of it.

Neither fires nor resolves before as many samples in a row say so as the rule wants, so that nothing flaps.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum

from checkpoints.domain import clocks
from checkpoints.domain.messages import Refusal, say


class State(StrEnum):
    """Where an alert stands; all but pending and resolved are open."""

    PENDING = "pending"
    FIRING = "firing"
    ACKNOWLEDGED = "acknowledged"
    SILENCED = "silenced"
    RESOLVED = "resolved"


class Event(StrEnum):
    """What people are told."""

    FIRED = "fired"
    RESOLVED = "resolved"


OPEN = (State.FIRING, State.ACKNOWLEDGED, State.SILENCED)


@dataclass(frozen=True)
class Standing:
    """An alert between two samples.

    `streak` counts samples in a row against the present state: towards firing while pending, towards
    resolved while open. `told_at` is when people were last told of it, None when they were not.
    """

    state: State = State.RESOLVED
    streak: int = 0
    sampled_at: datetime | None = None
    since: datetime | None = None
    acknowledged: bool = False
    silenced_until: datetime | None = None
    told_at: datetime | None = None


def step(
    old: Standing, *, holds: bool | None, sampled_at: datetime, samples: int, now: datetime
) -> tuple[Standing, Event | None]:
    """Return the standing after a look, and what is to be told.

    `holds` None is not known: it counts neither way. A sample that was counted before counts no more.
    A silence that is over changes the state at once, but only a further sample that holds is told.
    """
    new = _heard(old, now)
    if holds is None or _was_counted(old.sampled_at, sampled_at, now):
        return new, None
    new = replace(_counted(new, holds, sampled_at, samples, now), sampled_at=sampled_at)
    if new.state is State.RESOLVED:
        return replace(new, told_at=None), Event.RESOLVED if old.told_at else None
    if holds and new.state is State.FIRING and _is_owed(new):
        return replace(new, told_at=now), Event.FIRED
    return new, None


def _was_counted(last: datetime | None, sampled_at: datetime, now: datetime) -> bool:
    """Whether a sample is not newer than the last, unless a clock that was ahead has taken that."""
    return last is not None and sampled_at <= last <= now + clocks.APART


def end(old: Standing) -> tuple[Standing, Event | None]:
    """Return the standing once nobody looks any more: resolved, and told when its beginning was."""
    event = Event.RESOLVED if old.told_at else None
    return Standing(sampled_at=old.sampled_at, silenced_until=old.silenced_until), event


def acknowledge(old: Standing) -> Standing:
    """Return the standing once somebody is at it; raises Refusal when nothing fires."""
    if old.state not in OPEN:
        raise Refusal(say("Only an alert that fires can be acknowledged."))
    return _named(replace(old, acknowledged=True), silent=old.state is State.SILENCED)


def silence(old: Standing, until: datetime) -> Standing:
    """Return the standing of which nothing is told until a time; one that is pending stays so."""
    if old.state is State.RESOLVED:
        raise Refusal(say("This alert is resolved: there is nothing to silence."))
    return _named(replace(old, silenced_until=until), silent=True)


def unsilence(old: Standing) -> Standing:
    """Return the standing without its silence."""
    return _named(replace(old, silenced_until=None), silent=False)


def _counted(old: Standing, holds: bool, sampled_at: datetime, samples: int, now: datetime) -> Standing:
    if old.state in OPEN:
        if holds:
            return replace(old, streak=0)
        return replace(old, streak=old.streak + 1) if old.streak + 1 < samples else _resolved(old)
    if not holds:
        return _resolved(old)
    since = sampled_at if old.state is State.RESOLVED else old.since
    if old.streak + 1 < samples:
        return replace(old, state=State.PENDING, streak=old.streak + 1, since=since)
    fired = replace(old, state=State.FIRING, streak=0, since=since)
    return _named(fired, silent=old.silenced_until is not None and old.silenced_until > now)


def _resolved(old: Standing) -> Standing:
    return replace(old, state=State.RESOLVED, streak=0, since=None, acknowledged=False)


def _heard(old: Standing, now: datetime) -> Standing:
    """Return the standing without a silence that is over."""
    if old.state is State.SILENCED and old.silenced_until is not None and old.silenced_until <= now:
        return _named(old, silent=False)
    return old


def _named(old: Standing, *, silent: bool) -> Standing:
    """Return an open standing under its right name; others stay as they are."""
    if old.state not in OPEN:
        return old
    if silent:
        return replace(old, state=State.SILENCED)
    return replace(old, state=State.ACKNOWLEDGED if old.acknowledged else State.FIRING)


def _is_owed(new: Standing) -> bool:
    """Tell whether people do not know: never told, or silenced since."""
    return new.told_at is None or (new.silenced_until is not None and new.told_at < new.silenced_until)
