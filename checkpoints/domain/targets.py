"""Where a reset should go, as people type it (the TARGET grammar of `reset plan --to`)."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from checkpoints.domain import durations, moments, positions
from checkpoints.domain.durations import in_words, parse_duration
from checkpoints.domain.kinds import (
    MARGIN,
    At,
    Earliest,
    Exact,
    FromFile,
    FromGroup,
    FromSnapshot,
    Groups,
    Keep,
    Latest,
    Rest,
    Shift,
    Target,
    Undo,
)
from checkpoints.domain.messages import Message, Refusal, say

__all__ = [
    "MARGIN",
    "At",
    "BadTarget",
    "Earliest",
    "Exact",
    "FromFile",
    "FromGroup",
    "FromSnapshot",
    "Groups",
    "Keep",
    "Latest",
    "Rest",
    "Shift",
    "Target",
    "Undo",
    "echo",
    "parse",
    "parse_shards",
]

LONGEST, LONGEST_PLACE = 200, 400
_NAME = re.compile(r"[0-9A-Za-z_-]{1,128}")
_ID = re.compile(r"[0-9A-Za-z-]{1,64}")
_GROUPS = re.compile(r"([+-])([0-9]{1,15}) ?(?:log ?)?groups?", re.IGNORECASE)
_SHIFT = re.compile(r"([+-])(.+)")
_AGO = re.compile(r"(.+?) ?ago", re.IGNORECASE)
_SHARDS = re.compile(r"([0-9]{1,9})(?:-([0-9]{1,9}))?")
_MOST_SHARDS = 4096


class BadTarget(Refusal):
    """A target or a list of shards that cannot be read."""


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
        case "keep":
            return Keep()
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
    """Read [[ENDPOINT/]PROJECT/]LOGSTORE/NAME[~MARGIN], from the right: an endpoint may be named anyhow."""
    *place, last = rest.rsplit("/", 3)
    name, margin = _with_margin(last)
    endpoint, project, logstore = [""] * (3 - len(place)) + place
    if not _NAME.fullmatch(name):
        raise BadTarget(say("A consumer group's name has letters, digits, - and _ only, at most 128."))
    if "" in place or not all(_NAME.fullmatch(part) for part in place[-2:]):
        raise BadTarget(say("Write the other group as group:[[ENDPOINT/]PROJECT/]LOGSTORE/NAME."))
    if margin is not None and not place:
        raise BadTarget(say("Within one Logstore cursors are copied: a margin has no meaning."))
    return FromGroup(name, logstore, project, endpoint, margin)


def _with_margin(text: str) -> tuple[str, timedelta | None]:
    head, tilde, margin = text.partition("~")
    return head, parse_duration(margin) if tilde else None


def _file(rest: str) -> Target:
    if not rest:
        raise BadTarget(say("Name the file after file:."))
    return FromFile(rest)


def _snapshot(rest: str) -> Target:
    name, margin = _with_margin(rest)
    if not _ID.fullmatch(name):
        raise BadTarget(say("Name the snapshot by its id after snapshot:."))
    return FromSnapshot(name, margin)


def _undo(rest: str) -> Target:
    return Undo(_reset(rest, "undo:"))


def _rest(rest: str) -> Target:
    return Rest(_reset(rest, "rest:"))


def _reset(rest: str, prefix: str) -> str:
    if not _ID.fullmatch(rest):
        raise BadTarget(say("Name the reset by its id after %(prefix)s.", prefix=prefix))
    return rest


_PREFIXES: dict[str, Callable[[str], Target]] = {
    "cursor": _exact,
    "group": _group,
    "file": _file,
    "snapshot": _snapshot,
    "undo": _undo,
    "rest": _rest,
}


def _refuse_odd_characters(text: str) -> None:
    kind = text.lstrip().lower().partition(":")[0]
    limit = LONGEST_PLACE if kind == "group" else LONGEST
    if len(text) > limit:
        raise BadTarget(say("A target has at most %(limit)d characters.", limit=limit))
    if any(ord(char) < 32 or ord(char) == 127 for char in text.strip("\r\n")):
        raise BadTarget(say("This holds control characters."))
    if kind not in ("file", "group") and any(char.isnumeric() and not char.isascii() for char in text):
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


def echo(
    target: Target, zone: ZoneInfo | None = None, typed: str = "", *, now: datetime | None = None
) -> Message:
    """Return in words where a target goes.

    What was typed is set beside the time it stands for, in UTC and in `zone`; the year is left out when it is
    that of `now`.
    """
    match target:
        case At(when) if typed:
            clocks = moments.clocks(when, zone, now=now)
            return say("%(typed)s = %(clocks)s", typed=typed, clocks=clocks)
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
        case _:
            return _echo_of_kept(target)


def _echo_of_kept(
    target: Keep | Earliest | Latest | FromGroup | FromFile | FromSnapshot | Rest | Undo,
) -> Message:
    match target:
        case Keep():
            return say("Only the shards with a target of their own move.")
        case Earliest():
            return say("To the oldest log group still retained.")
        case Latest():
            return say("To the end: everything unread is skipped.")
        case FromGroup() as other:
            return _echo_of_group(other)
        case FromFile(path):
            return say("To the cursors in the file %(path)s.", path=path)
        case FromSnapshot(name):
            return say("To the checkpoints kept in snapshot %(name)s.", name=name)
        case Rest(reset_id):
            return say("To what the reset %(reset)s planned and did not attempt.", reset=reset_id)
        case Undo(reset_id):
            return say("Back to what was there before the reset %(reset)s.", reset=reset_id)


def _echo_of_group(other: FromGroup) -> Message:
    if not other.logstore:
        return say("To the checkpoints of the group %(name)s.", name=other.name)
    return say(
        "To where the group %(name)s stands: from another Logstore by time, %(margin)s earlier.",
        name=other.place,
        margin=in_words(MARGIN if other.margin is None else other.margin),
    )
