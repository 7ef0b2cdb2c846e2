"""Where a target lies on one shard, asked from the service; touches no database."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Literal, TypeVar

from checkpoints import sls
from checkpoints.domain import lag, moments, positions, targets
from checkpoints.domain.messages import Message, say
from checkpoints.domain.moments import iso
from checkpoints.domain.plans import Resolved, ShardBefore, clamp
from checkpoints.services import parallel
from checkpoints.services.refusals import BadPlan

T = TypeVar("T")
R = TypeVar("R")
__all__ = [
    "Aimed",
    "Probe",
    "Source",
    "Surveyed",
    "aim",
    "iso",
    "position_of",
    "survey",
    "text_of",
    "together",
]

EPOCH = datetime.fromtimestamp(0, UTC)  # the state of a shard does not depend on the time


@dataclass(frozen=True)
class Source:
    """What a target brings along: positions by shard, or one time for all; both None when it has nothing.

    `left_at` is where an earlier reset left each shard, for an undo, which is never pulled into the retained
    range. `warnings` tell what was left out.
    """

    kept: Mapping[int, int] | None = None
    when: datetime | None = None
    left_at: Mapping[int, int] | None = None
    warnings: tuple[Message, ...] = ()


@dataclass(frozen=True)
class Aimed:
    """What was asked for on one shard, and the position it stands for before it is pulled into the range.

    `undoes` is for the way back from a reset; `left_at` is where that reset left the shard, if that is known.
    """

    asked: str
    position: int
    asked_at: datetime | None = None
    undoes: bool = False
    left_at: int | None = None


@dataclass(frozen=True)
class Surveyed:
    """One shard read fresh; `consumed_until` is the time of the log group before the checkpoint."""

    before: ShardBefore
    consumed_until: datetime | None
    consumer: str
    updated_at: datetime | None
    aimed: Aimed
    resolved: Resolved


@dataclass(frozen=True)
class Probe:
    """Asks about one shard."""

    client: sls.Client
    project: str
    logstore: str
    shard: int

    def cursor(self, at: Literal["begin", "end"] | datetime) -> int:
        """Return the position of "begin", "end" or a time."""
        return positions.decode(self.client.get_cursor(self.project, self.logstore, self.shard, at).value)

    def time(self, position: int) -> datetime | None:
        """Return when the log group at a position was received, None when it is gone."""
        try:
            cursor = positions.encode(position)
            return self.client.get_cursor_time(self.project, self.logstore, self.shard, cursor).value
        except sls.ApiError as error:
            if error.is_invalid_cursor:
                return None
            raise


def together(client: sls.Client, call: Callable[[T], R], items: Iterable[T]) -> list[R]:
    """Make a call for every item at once and wait for all, also when one fails: nothing is left running."""
    done = parallel.each(client, call, items)
    errors = [error for future in done if (error := future.exception())]
    if errors:
        raise errors[0]
    return [future.result() for future in done]


def survey(
    probe: Probe,
    shard: sls.Shard,
    found: sls.Checkpoint | None,
    target: targets.Target,
    source: Source,
) -> Surveyed:
    """Read one shard and find the target on it; `source` is what the target brings along.

    The checkpoint was read before: the end has to be newer (docs/sls-protocol.md, section Lag).
    """
    before = _before(probe, shard, found)
    until = _consumed_until(probe, before)
    aimed = aim(target, probe, before, until, source)
    position, clamped = clamp(aimed.position, before.begin, before.end)
    time = None if clamped or position == before.end else _time(probe, before, position)
    return Surveyed(
        before=before,
        consumed_until=until,
        consumer=found.consumer if found else "",
        updated_at=found.updated_at if found else None,
        aimed=aimed,
        resolved=Resolved(positions.encode(aimed.position), aimed.position, time),
    )


def _before(probe: Probe, shard: sls.Shard, found: sls.Checkpoint | None) -> ShardBefore:
    text = found.checkpoint if found else positions.UNSAVED
    position = position_of(text)
    begin, end = probe.cursor("begin"), probe.cursor("end")
    begin_at = probe.time(begin) if begin < end else None
    time = None
    if position is not None and begin <= position < end:
        time = begin_at if position == begin else probe.time(position)
    facts = lag.ShardFacts(shard.id, shard.status == "readonly", text, "", None, begin, end)
    return ShardBefore(
        shard=shard.id,
        readonly=facts.readonly,
        cursor=text,
        position=position,
        time=time,
        begin=begin,
        end=end,
        begin_at=begin_at,
        state=lag.assess(facts, now=EPOCH, retention=None).state,
    )


def position_of(text: str) -> int | None:
    """Return the position inside a checkpoint, None when it is unsaved or not readable."""
    try:
        return positions.decode(text) if text else None
    except positions.Undecodable:
        return None


def _consumed_until(probe: Probe, before: ShardBefore) -> datetime | None:
    if before.position is None or before.begin is None or before.end is None:
        return None
    if not before.begin < before.position <= before.end:
        return None
    return probe.time(before.position - 1)


def _time(probe: Probe, before: ShardBefore, position: int) -> datetime | None:
    if position == before.begin:
        return before.begin_at
    return before.time if position == before.position else probe.time(position)


def aim(
    target: targets.Target,
    probe: Probe,
    before: ShardBefore,
    until: datetime | None,
    source: Source,
) -> Aimed:
    """Return where a target lies on one shard; raises BadPlan when it lies nowhere there."""
    assert before.begin is not None  # noqa: S101 - read a moment ago
    assert before.end is not None  # noqa: S101
    match target:
        case targets.Earliest():
            return Aimed("earliest", before.begin)
        case targets.Latest():
            return Aimed("latest", before.end)
        case targets.At(when):
            return _at(probe, when)
        case targets.Shift(delta):
            return _at(probe, _shifted(before, until, delta))
        case targets.Groups(count):
            return Aimed(text_of(target), max(0, _present(before) + count))
        case targets.Exact(_, position):
            if not before.begin <= position <= before.end:
                raise BadPlan(say("This cursor is not one of shard %(shard)d.", shard=before.shard))
            return Aimed(text_of(target), position)
        case _ if source.when is not None:
            return _at(probe, source.when)
        case _:
            assert source.kept is not None  # noqa: S101 - sources.py gives one of both
            position, left_at = source.kept[before.shard], (source.left_at or {}).get(before.shard)
            return Aimed(text_of(target), position, undoes=source.left_at is not None, left_at=left_at)


def _at(probe: Probe, when: datetime) -> Aimed:
    return Aimed(iso(when), probe.cursor(when), when)


def _present(before: ShardBefore) -> int:
    if before.position is None:
        raise BadPlan(say("Shard %(shard)d has no readable checkpoint to measure from.", shard=before.shard))
    if before.end is not None and before.position > before.end:
        raise BadPlan(
            say("The checkpoint of shard %(shard)d lies after its end: choose a time.", shard=before.shard)
        )
    return before.position


def _shifted(before: ShardBefore, until: datetime | None, delta: timedelta) -> datetime:
    _present(before)
    base = until or before.time or before.begin_at
    if base is None:
        raise BadPlan(say("Shard %(shard)d holds no log group to take a time from.", shard=before.shard))
    try:
        return moments.checked(base + delta)
    except OverflowError:
        raise BadPlan(say("This distance leads out of the calendar.")) from None


def text_of(target: targets.Target) -> str:  # noqa: C901, PLR0911 - one text per kind
    """Return a target as one would type it; parsing it again gives the same target."""
    match target:
        case targets.Keep():
            return "keep"
        case targets.Earliest():
            return "earliest"
        case targets.Latest():
            return "latest"
        case targets.At(when):
            return iso(when)
        case targets.Shift(delta):
            return f"{'-' if delta < timedelta(0) else '+'}{_seconds(abs(delta))}"
        case targets.Groups(count):
            return f"{count:+d}groups"
        case targets.Exact(cursor):
            return f"cursor:{cursor}"
        case targets.FromGroup(margin=margin):
            return f"group:{target.place}{_margin(margin)}"
        case targets.FromFile(path):
            return f"file:{path}"
        case targets.FromSnapshot(name, margin):
            return f"snapshot:{name}{_margin(margin)}"
        case targets.Undo(reset_id):
            return f"undo:{reset_id}"
        case targets.Rest(reset_id):
            return f"rest:{reset_id}"


def _margin(margin: timedelta | None) -> str:
    return "" if margin is None else f"~{_seconds(margin)}"


def _seconds(span: timedelta) -> str:
    return f"{int(span.total_seconds())}s"
