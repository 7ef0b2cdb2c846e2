"""What is stored of the past of a group: packed chunks, and readings that are not packed yet."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from functools import cache, partial
from typing import Any, TypeVar

from django.conf import settings
from django.db.models import QuerySet

from checkpoints.domain import history, rollup
from checkpoints.domain.history import FIVE, HOURLY, RAW, Level, Mark, Sample, Total
from checkpoints.domain.moves import OwnWrite
from checkpoints.domain.packing import Unreadable
from checkpoints.domain.series import Span
from checkpoints.models import ConsumerGroup, GroupHistory, HistoryChunk
from checkpoints.queries.prepared import Prepared, from_json
from checkpoints.queries.samples import samples_of

_LEVELS = {level.number: level for level in (HOURLY, FIVE, RAW)}
T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Past:
    """A group, or one of its shards, oldest first; `shards` are those of the newest reading."""

    points: list[Total]
    marks: list[Mark]
    shards: list[int]
    begins_at: datetime | None


@dataclass(frozen=True)
class _Stored:
    """A chunk as far as it is needed; `packed` are the totals, or the shards when one of them is wanted."""

    level: Level
    marks: list[Mark]
    packed: bytes


def gap() -> int:
    """Return over how many seconds without a reading no rate is told."""
    return history.gap(settings.COLLECT_INTERVAL)


def past(
    group: ConsumerGroup, span: Span, *, now: datetime, own: Sequence[OwnWrite], shard: int | None
) -> Past:
    """Return what is stored of a span that ends now, as fine as the span needs it.

    The group comes best with its history selected as well. `own` are our writes, from before the span on.
    """
    since = now - timedelta(seconds=span.seconds)
    packed: GroupHistory | None = getattr(group, "history", None)
    chunks = list(_chunks(packed, span, since, whole=shard is None)) if packed else []
    before, fresh = samples_of(group, max(since, packed.raw_until) if packed else since)
    marks = [mark for chunk in chunks for mark in chunk.marks]
    moved = rollup.marks(fresh, before=before, own=own, timeout=group.timeout.total_seconds())
    marks += moved
    newest = [*before, *fresh][-1:]
    if shard is None:
        points = [*_each(chunks, history.unpack_totals)]
        last = before[-1] if before else None
        points += rollup.totals(fresh, before=last, own=own, gap=gap(), moved=moved)
    else:
        points = _of_shard(shard, chunks, [*before[-1:], *fresh], own, marks)
        marks = [mark for mark in marks if shard in mark.shards]
    return Past(points, marks, sorted(newest[0].shards) if newest else [], _begin(packed, fresh))


def _begin(packed: GroupHistory | None, fresh: Sequence[Sample]) -> datetime | None:
    if packed:
        return packed.begins_at
    return datetime.fromtimestamp(fresh[0].at, UTC) if fresh else None


def _of_shard(
    shard: int,
    chunks: Sequence[_Stored],
    fresh: Sequence[Sample],
    own: Sequence[OwnWrite],
    moved: Sequence[Mark],
) -> list[Total]:
    samples = [*_each(chunks, partial(history.unpack_samples, only=shard))]
    newest = samples[-1].at if samples else 0
    samples += [one for one in fresh if one.at > newest]
    alone = [Sample(one.at, {shard: one.shards[shard]}) for one in samples if shard in one.shards]
    widest = max((chunk.level.step for chunk in chunks), default=0)
    return rollup.totals(alone, before=None, own=own, gap=max(gap(), 5 * widest // 2), moved=moved)


def _each(chunks: Iterable[_Stored], unpack: Callable[[bytes], Iterable[T]]) -> Iterator[T]:
    """Yield what is in the chunks; one that cannot be read is a gap, not the end of the page."""
    for chunk in chunks:
        try:
            yield from unpack(chunk.packed)
        except Unreadable as error:
            log.warning("a chunk of the history is left out: %s", error)


def _chunks(packed: GroupHistory, span: Span, since: datetime, *, whole: bool) -> Iterator[_Stored]:
    """Yield the chunks of a span: of the coarsest level that is fine enough, then of finer ones."""
    levels: list[int] = []
    limits: list[datetime] = []
    untils = (packed.hourly_until, packed.five_until, packed.raw_until)
    for level, until in zip(_LEVELS.values(), untils, strict=True):
        if level.step > span.width or until <= since:
            continue
        levels.append(level.number)
        limits += [since - timedelta(seconds=level.span), until]
        since = until
    rows = _stored(tuple(levels), whole=whole).rows(packed.pk, *limits) if levels else []
    for level_number, marks, content, _ in rows:
        kept = [Mark(at, kind, tuple(shards), who) for at, kind, shards, who in from_json(marks)]
        yield _Stored(_LEVELS[level_number], kept, bytes(content))


@cache
def _stored(levels: tuple[int, ...], *, whole: bool) -> Prepared:
    """Return the query for chunks of these levels, each between two times."""

    def union(group: int, *limits: datetime) -> QuerySet[Any, Any]:
        field, times = "totals" if whole else "shards", iter(limits)
        parts = [
            HistoryChunk.objects.filter(
                group=group, level=level, starts_at__gt=next(times), starts_at__lt=next(times)
            ).values_list("level", "marks", field, "starts_at")
            for level in levels
        ]
        # A union, so that each part is looked up in the index: "or" would go through all the group has.
        return parts[0].union(*parts[1:], all=True).order_by("starts_at")

    return Prepared(union, ["int", *["datetime"] * (2 * len(levels))])
