"""Points in time as people type them: ISO 8601, local times with a zone, epochs."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo

from checkpoints.domain.messages import Refusal, say

_TIME = re.compile(
    r"([0-9]{4})-([0-9]{2})-([0-9]{2})(?:[T ]([0-9]{2}):([0-9]{2})(?::([0-9]{2})(?:[.,]([0-9]{1,9}))?)?)?"
    r"(?: ?(Z|[+-][0-9]{2}:?[0-9]{2})| ([A-Za-z][A-Za-z0-9_+/-]{0,60}))?",
    re.IGNORECASE,
)
_EPOCH = re.compile(r"@([0-9]{1,18})|([0-9]{10}|[0-9]{13})")
_MILLISECONDS = 100_000_000_000
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_FIRST_YEAR, _LAST_YEAR = 1970, 2999


class BadMoment(Refusal):
    """A text that is not a point in time."""


def parse(text: str, *, zone: tzinfo | None) -> datetime:
    """Read a time, returned in UTC; one without offset is taken in `zone`. Raises BadMoment.

    Accepts "2026-11-20T08:00:00Z", "... 08:00+08:00", "2026-11-20 08:00[:00]", a zone's name behind a space,
    and epoch seconds or milliseconds, behind "@" or as a bare number of 10 or 13 digits.
    """
    if found := _EPOCH.fullmatch(text):
        return _from_epoch(int(found[1] or found[2]))
    found = _TIME.fullmatch(text)
    if found is None:
        raise BadMoment(say("This is not a target: try earliest, latest, 2026-11-20 08:00, -2h or 2h ago."))
    naive = _naive(found)
    if found[8]:
        return checked(naive, _offset(found[8].upper()))
    if found[9]:
        return _local(naive, parse_zone(found[9]))
    if zone is None:
        raise BadMoment(say("Add the zone to the time, such as Z or +08:00."))
    return _local(naive, zone)


def parse_zone(name: str) -> ZoneInfo:
    """Return the zone of an IANA name; raises BadMoment when there is none."""
    try:
        return ZoneInfo(name.strip())
    except (KeyError, ValueError, OSError):
        raise BadMoment(say("There is no time zone named %(name)s.", name=name[:60])) from None


def checked(moment: datetime, zone: tzinfo | None = None) -> datetime:
    """Return a time in UTC; raises BadMoment outside the years this product knows."""
    year = moment.year
    if not _FIRST_YEAR <= year <= _LAST_YEAR:
        raise BadMoment(
            say("The year must lie between %(first)d and %(last)d.", first=_FIRST_YEAR, last=_LAST_YEAR)
        )
    aware = moment if zone is None else moment.replace(tzinfo=zone)
    result = aware.astimezone(UTC)
    if result.year < _FIRST_YEAR:
        raise BadMoment(say("The time lies before 1970."))
    return result


def utc(moment: datetime) -> str:
    """Return "2026-11-20 08:00:00 UTC"."""
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


def iso(moment: datetime) -> str:
    """Return a time as ISO 8601 in UTC with the letter Z."""
    return moment.astimezone(UTC).isoformat().replace("+00:00", "Z")


def clocks(moment: datetime, zone: ZoneInfo | None, *, now: datetime | None = None) -> str:
    """Return "Fri 20 Nov 02:47:00 UTC, 10:47:00 Asia/Shanghai"; with the year unless it is that of `now`.

    The second clock has its own day where that differs, and is left out where it shows the same.
    """
    first = moment.astimezone(UTC)
    text = f"{_day(first, now)} {first:%H:%M:%S} UTC"
    if zone is None:
        return text
    second = moment.astimezone(zone)
    if not second.utcoffset():
        return text
    day = "" if second.date() == first.date() else f"{_day(second, now)} "
    return f"{text}, {day}{second:%H:%M:%S} {zone.key}"


def _day(moment: datetime, now: datetime | None) -> str:
    year = "" if now is not None and now.astimezone(moment.tzinfo).year == moment.year else f" {moment.year}"
    return f"{_DAYS[moment.weekday()]} {moment.day} {_MONTHS[moment.month - 1]}{year}"


def _from_epoch(number: int) -> datetime:
    seconds = number / 1000 if number >= _MILLISECONDS else number
    try:
        return checked(datetime.fromtimestamp(seconds, UTC))
    except (OverflowError, ValueError, OSError) as error:
        if isinstance(error, BadMoment):
            raise
        raise BadMoment(say("The epoch number is too large.")) from None


def _naive(found: re.Match[str]) -> datetime:
    year, month, day, hour, minute, second = (int(part or 0) for part in found.groups()[:6])
    micros = int((found[7] or "0")[:6].ljust(6, "0"))
    try:
        return datetime(year, month, day, hour, minute, second, micros)  # noqa: DTZ001 - the zone comes next
    except ValueError:
        raise BadMoment(say("There is no such date or time.")) from None


def _offset(text: str) -> tzinfo:
    if text == "Z":
        return UTC
    hours, minutes = int(text[1:3]), int(text[-2:])
    if hours > 23 or minutes > 59:
        raise BadMoment(say("There is no such offset from UTC."))
    span = timedelta(hours=hours, minutes=minutes)
    return timezone(-span if text[0] == "-" else span)


def _local(naive: datetime, zone: tzinfo) -> datetime:
    first = checked(naive, zone)
    second = checked(naive.replace(fold=1), zone)
    if first == second:
        return first
    if first.astimezone(zone).replace(tzinfo=None) != naive:
        raise BadMoment(say("The clock was put forward then: this local time does not exist."))
    raise BadMoment(say("The clock was put back then: this local time exists twice. Add the offset."))
