"""Durations as people type and read them."""

from __future__ import annotations

import re
from datetime import datetime, timedelta

from checkpoints.domain.messages import Message, Refusal, say

_SECONDS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_WORDS = {"min": "m", "mins": "m", "minute": "m", "minutes": "m", "sec": "s", "secs": "s", "second": "s"}
_WORDS |= {"seconds": "s", "hour": "h", "hours": "h", "day": "d", "days": "d", "week": "w", "weeks": "w"}
_WORDS |= {unit: unit for unit in _SECONDS}
_PART = re.compile(r"([0-9]{1,9})[ ]?([a-z]+)")
_WHOLE = re.compile(r"[0-9]{1,9}[ ]?[a-z]+(?: ?[0-9]{1,9}[ ]?[a-z]+){0,4}")
_ISO = re.compile(
    r"p(?:([0-9]{1,9})w)?(?:([0-9]{1,9})d)?(?:t(?:([0-9]{1,9})h)?(?:([0-9]{1,9})m)?(?:([0-9]{1,9})s)?)?"
)
LONGEST = timedelta(days=3650)
"""The longest duration accepted: the longest retention SLS knows."""


class BadDuration(Refusal):
    """A text that is not a duration."""


def parse_duration(text: str) -> timedelta:
    """Read "2h", "90m", "1d 4h", "45 sec" or ISO 8601 such as "PT2H"; raises BadDuration."""
    plain = text.strip().lower()
    seconds = _from_iso(plain) if plain.startswith("p") else _from_parts(plain)
    if seconds > LONGEST.total_seconds():
        raise BadDuration(say("A duration is at most %(days)d days.", days=LONGEST.days))
    return timedelta(seconds=seconds)


def _from_iso(plain: str) -> int:
    found = _ISO.fullmatch(plain)
    if found is None or not any(found.groups()):
        raise _unreadable()
    return sum(int(count or 0) * size for count, size in zip(found.groups(), _SECONDS.values(), strict=True))


def _from_parts(plain: str) -> int:
    if not _WHOLE.fullmatch(plain):
        raise _unreadable()
    total = 0
    for count, word in _PART.findall(plain):
        if word not in _WORDS:
            raise _unreadable()
        total += int(count) * _SECONDS[_WORDS[word]]
    return total


def _unreadable() -> BadDuration:
    return BadDuration(say("Write a duration such as 90m, 2h or 1d 4h."))


def in_words(span: timedelta) -> str:
    """Return the two largest units, rounded down: "3h 12m", "26d 20h", "4s", "0s"."""
    if span < timedelta(0):
        return f"-{in_words(-span)}"
    seconds = span.seconds
    if span.days:
        return _units(span.days, "d", seconds // 3_600, "h")
    if seconds >= 3_600:
        return _units(seconds // 3_600, "h", seconds % 3_600 // 60, "m")
    return _units(seconds // 60, "m", seconds % 60, "s") if seconds >= 60 else f"{seconds}s"


def _units(more: int, unit: str, less: int, smaller: str) -> str:
    return f"{more}{unit} {less}{smaller}" if less else f"{more}{unit}"


_NOW = say("just now")
_SINCE = (
    say("%(count)d s ago", count=0),
    say("%(count)d min ago", count=0),
    say("%(count)d h ago", count=0),
    say("%(count)d d ago", count=0),
)
_UNTIL = (
    say("in %(count)d s", count=0),
    say("in %(count)d min", count=0),
    say("in %(count)d h", count=0),
    say("in %(count)d d", count=0),
)
AGES = (_NOW, *_SINCE, *_UNTIL)
"""What relative() can say, of 0 each: static/js/ages.js goes on with these words between two answers."""


def relative(then: datetime, now: datetime) -> Message:
    """Return how far `then` lies from `now`, in one unit: "3 min ago", "in 2 h"."""
    seconds = int(abs((now - then).total_seconds()))
    if seconds < 1:
        return _NOW
    unit, count = _counted(seconds)
    words = (_UNTIL if then > now else _SINCE)[unit]
    return Message(words.text, {"count": count})


def _counted(seconds: int) -> tuple[int, int]:
    if seconds < 60:
        return 0, seconds
    if seconds < 3_600:
        return 1, seconds // 60
    return (2, seconds // 3_600) if seconds < 2 * 86_400 else (3, seconds // 86_400)
