"""Where a reset should go, as people type it (the TARGET grammar of `reset plan --to`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from checkpoints.domain import durations, moments, positions
from checkpoints.domain.durations import in_words, parse_duration
from checkpoints.domain.messages import Message, Refusal, say

LONGEST = 200
_NAME = re.compile(r"[0-9A-Za-z_-]{1,128}")
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_GROUPS = re.compile(r"([+-])([0-9]{1,15}) ?(?:log ?)?groups?", re.IGNORECASE)
_SHIFT = re.compile(r"([+-])(.+)")
_AGO = re.compile(r"(.+?) ?ago", re.IGNORECASE)
_SHARDS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_MOST_SHARDS = 4096


class BadTarget(Refusal):
    """A target or a list of shards that cannot be read."""


@dataclass(frozen=True)
class Earliest:
    """The oldest log group still retained."""


@dataclass(frozen=True)
class Latest:
    """After the newest log group."""


@dataclass(frozen=True)
class At:
    """The first log group received at or after `when` (aware, UTC)."""

    when: datetime


@dataclass(frozen=True)
class Shift:
    """A distance in time from where the checkpoint is now; negative goes back."""

    delta: timedelta


@dataclass(frozen=True)
class Groups:
    """A distance in log groups from where the checkpoint is now; negative goes back."""

    count: int


@dataclass(frozen=True)
class Exact:
    """One cursor, for one shard."""

    cursor: str
    position: int


@dataclass(frozen=True)
class FromGroup:
    """The checkpoints of another group of the same Logstore."""

    name: str


@dataclass(frozen=True)
class FromFile:
    """A CSV file with the columns shard and cursor."""

    path: str


@dataclass(frozen=True)
class FromSnapshot:
    """The checkpoints kept in a snapshot."""

    id: str


@dataclass(frozen=True)
class Undo:
    """The checkpoints from before an earlier reset."""

    reset_id: str


Target = Earliest | Latest | At | Shift | Groups | Exact | FromGroup | FromFile | FromSnapshot | Undo


def parse(text: str, *, zone: ZoneInfo | None, now: datetime) -> Target:
    """Read a target; a time without zone is taken in `zone`, and "2h ago" from `now`. Raises BadTarget."""
    _refuse_odd_characters(text)
    plain = text.strip()
    if not plain:
        raise BadTarget(say("Say where to go: earliest, latest, a time, or a distance such as -2h."))
    try:
        return _parse(plain, zone, now)
    except (durations.BadDuration, moments.BadMoment, positions.Undecodable) as refusal:
        raise BadTarget(refusal.message) from None


def _parse(plain: str, zone: ZoneInfo | None, now: datetime) -> Target:
    match plain.lower():
        case "earliest":
            return Earliest()
        case "latest":
            return Latest()
    head, colon, rest = plain.partition(":")
    if colon and head.lower() in _PREFIXES:
        return _PREFIXES[head.lower()](rest.strip())
    if found := _GROUPS.fullmatch(plain):
        return Groups(int(found[1] + found[2]))
    if found := _SHIFT.fullmatch(plain):
        delta = parse_duration(found[2])
        return Shift(delta if found[1] == "+" else -delta)
    if found := _AGO.fullmatch(plain):
        return At(moments.checked(now.astimezone(UTC) - parse_duration(found[1])))
    return At(moments.parse(plain, zone=zone))


def _exact(rest: str) -> Target:
    return Exact(rest, positions.decode(rest))


def _group(rest: str) -> Target:
    if not _NAME.fullmatch(rest):
        raise BadTarget(say("A consumer group's name has letters, digits, - and _ only, at most 128."))
    return FromGroup(rest)


def _file(rest: str) -> Target:
    if not rest:
        raise BadTarget(say("Name the file after file:."))
    return FromFile(rest)


def _snapshot(rest: str) -> Target:
    if not _ID.fullmatch(rest):
        raise BadTarget(say("Name the snapshot by its id after snapshot:."))
    return FromSnapshot(rest)


def _undo(rest: str) -> Target:
    if not _ID.fullmatch(rest):
        raise BadTarget(say("Name the reset by its id after undo:."))
    return Undo(rest)


_PREFIXES: dict[str, Callable[[str], Target]] = {
    "cursor": _exact,
    "group": _group,
    "file": _file,
    "snapshot": _snapshot,
    "undo": _undo,
}


def _refuse_odd_characters(text: str) -> None:
    if len(text) > LONGEST:
        raise BadTarget(say("This is longer than %(limit)d characters.", limit=LONGEST))
    if any(ord(char) < 32 or ord(char) == 127 for char in text.strip("\r\n")):
        raise BadTarget(say("This holds control characters."))
    if any(char.isnumeric() and not char.isascii() for char in text) and not text.startswith("file:"):
        raise BadTarget(say("Write numbers with the digits 0 to 9."))


def parse_shards(text: str) -> tuple[int, ...]:
    """Read shard ids such as "0,2-5", sorted and each once; raises BadTarget."""
    if len(text) > 10 * _MOST_SHARDS:
        raise BadTarget(say("The list of shards is too long."))
    if not text.strip():
        raise BadTarget(say("Name at least one shard."))
    chosen: set[int] = set()
    for part in text.split(","):
        chosen |= set(_shard_range(part.strip()))
        if len(chosen) > _MOST_SHARDS:
            raise BadTarget(say("At most %(limit)d shards can be named.", limit=_MOST_SHARDS))
    return tuple(sorted(chosen))


def _shard_range(part: str) -> range:
    found = _SHARDS.fullmatch(part)
    if found is None:
        raise BadTarget(say("Write shards as numbers and ranges, such as 0,2-5."))
    first, last = int(found[1]), int(found[2] or found[1])
    if last < first:
        raise BadTarget(say("A range of shards goes from low to high: %(part)s does not.", part=part))
    if last - first >= _MOST_SHARDS:
        raise BadTarget(say("At most %(limit)d shards can be named.", limit=_MOST_SHARDS))
    return range(first, last + 1)


def echo(target: Target) -> Message:  # noqa: C901, PLR0911 - one sentence per kind
    """Return in words where a target goes; times in UTC."""
    match target:
        case Earliest():
            return say("To the oldest log group still retained.")
        case Latest():
            return say("To the end: everything unread is skipped.")
        case At(when):
            return say("To the first log group received at or after %(time)s.", time=moments.utc(when))
        case Shift(delta) if delta < timedelta(0):
            return say("Back by %(span)s from each shard's present checkpoint.", span=in_words(-delta))
        case Shift(delta):
            return say("Forward by %(span)s from each shard's present checkpoint.", span=in_words(delta))
        case Groups(count) if count < 0:
            return say("Back by %(count)d log groups on each shard.", count=-count)
        case Groups(count):
            return say("Forward by %(count)d log groups on each shard.", count=count)
        case Exact(_, position):
            return say("To the position %(position)s, on one shard.", position=str(position))
        case FromGroup(name):
            return say("To the checkpoints of the group %(name)s.", name=name)
        case FromFile(path):
            return say("To the cursors in the file %(path)s.", path=path)
        case FromSnapshot(name):
            return say("To the checkpoints kept in snapshot %(name)s.", name=name)
        case _:
            return say("Back to what was there before the reset %(reset)s.", reset=target.reset_id)
