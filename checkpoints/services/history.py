"""Keeps the history: packs readings into chunks, rolls them up, drops what is too old (docs/decisions.md).

Each run does a bounded part of what is due. A chunk is made once, of what no longer changes, in the
transaction that notes how far its group is packed: a run that dies or comes twice loses and doubles nothing.
"""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import F, Min, Q

from checkpoints.domain import history, rollup, sparks
from checkpoints.domain.history import FIVE, HOURLY, RAW, Level, Mark, Sample, Total
from checkpoints.domain.moves import OwnWrite
from checkpoints.domain.packing import Unreadable
from checkpoints.models import ConsumerGroup, GroupHistory, HistoryChunk, Reading
from checkpoints.queries.own_writes import own_writes
from checkpoints.queries.past import gap
from checkpoints.queries.samples import sample_of
from checkpoints.services import jobs, storing, summaries

LEASE = timedelta(minutes=5)
SETTLED = timedelta(minutes=5)
"""How long after its end a chunk is made: readings that began before then are stored by now."""
BATCH = 50
MOST_PACKED, MOST_ROLLED, MOST_DROPPED = 500, 25, 2000
"""What one run does at most: groups packed, chunks rolled up, chunks dropped per level."""
NAME = "history"
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Step:
    """From which level another is made, and the fields that tell how far each has come."""

    fine: Level
    coarse: Level
    fine_until: str
    coarse_until: str


STEPS = (
    Step(RAW, FIVE, "raw_until", "five_until"),
    Step(FIVE, HOURLY, "five_until", "hourly_until"),
)


def roll_up(now: datetime) -> bool:
    """Do what is due, unless another process does; says whether this one did."""
    with jobs.alone(NAME, LEASE, now=now) as mine:
        if mine:
            _work(now)
    return mine


def _work(now: datetime) -> None:
    _take_back(now)
    _begin()
    _note_recent()
    _pack(now)
    for step in STEPS:
        _roll(step, now)
    _drop(now)


def _take_back(now: datetime) -> None:
    """Undo what a clock that was ahead has packed and rolled up of spans that are not over."""
    untils = {"raw_until": RAW, "five_until": FIVE, "hourly_until": HOURLY}
    some_ahead = Q(*((until + "__gt", now) for until in untils), _connector=Q.OR)
    for row in GroupHistory.objects.filter(some_ahead).defer("recent"):
        for until, level in untils.items():
            if getattr(row, until) > now:
                setattr(row, until, _start(level, now))
        with transaction.atomic():
            # Raw chunks are packed again over what is there: they have nothing finer to come from.
            ahead = Q(level=FIVE.number, starts_at__gte=row.five_until)
            ahead |= Q(level=HOURLY.number, starts_at__gte=row.hourly_until)
            HistoryChunk.objects.filter(ahead, group=row.group_id).delete()
            row.save(update_fields=[*untils])


def _begin() -> None:
    """Begin the history of groups that were read for the first time."""
    new = ConsumerGroup.objects.filter(history=None, read_at__isnull=False)
    first = new.annotate(first=Min("readings__taken_at")).exclude(first=None).values_list("pk", "first")
    GroupHistory.objects.bulk_create(
        [
            GroupHistory(
                group_id=pk,
                begins_at=at,
                raw_until=_start(RAW, at),
                five_until=_start(FIVE, at),
                hourly_until=_start(HOURLY, at),
            )
            for pk, at in first
        ],
        ignore_conflicts=True,
    )


def _note_recent() -> None:
    """Note the summary of each group that was read since, for the small lines of the overview."""
    living = GroupHistory.objects.filter(group__vanished_at=None, group__read_at__isnull=False)
    read = living.select_related("group")
    read = read.defer("group__reasons", "group__problem")
    changed = [row for row in read if row.recent_at != _read_at(row)]
    for row in changed:
        row.recent_at, lag = _read_at(row), row.group.lag_seconds
        row.recent = sparks.note(
            bytes(row.recent),
            at=int(row.recent_at.timestamp()),
            lag=None if lag is None else round(lag),
            backlog=None if row.group.is_partial else row.group.backlog,
        )
    storing.update(changed, ["recent", "recent_at"])


def _read_at(row: GroupHistory) -> datetime:
    assert row.group.read_at is not None  # noqa: S101 - the query leaves out the others
    return row.group.read_at


def _pack(now: datetime) -> None:
    """Pack the quarters of an hour that are over."""
    over = now - SETTLED - timedelta(seconds=RAW.span)
    due = GroupHistory.objects.filter(raw_until__lte=over).order_by("raw_until")
    starts: dict[datetime, list[int]] = defaultdict(list)
    for pk, start in due.values_list("pk", "raw_until")[:MOST_PACKED]:
        starts[start].append(pk)
    for start, pks in starts.items():
        for at in range(0, len(pks), BATCH):
            _pack_batch(pks[at : at + BATCH], start, now - SETTLED)


def _pack_batch(pks: Sequence[int], start: datetime, limit: datetime) -> None:
    end = start + timedelta(seconds=RAW.span)
    found = _readings(pks, start, end)
    if not found:
        end = _next_start(pks, end, limit)
    groups = ConsumerGroup.objects.in_bulk([*found])
    own = own_writes(groups.values(), start - timedelta(hours=1))
    chunks = [
        _raw_chunk(groups[pk], start, samples, before, own[pk])
        for pk, (before, samples) in found.items()
        if pk in groups
    ]
    _keep(chunks, pks, "raw_until", start, end)


def _readings(
    pks: Sequence[int], start: datetime, end: datetime
) -> dict[int, tuple[list[Sample], list[Sample]]]:
    """Return the samples of each group that has some, and those before them."""
    before = start - timedelta(seconds=gap())
    stored = Reading.objects.filter(group__in=pks, taken_at__gte=before, taken_at__lt=end)
    inside: dict[int, list[int]] = defaultdict(list)
    ahead: dict[int, deque[int]] = defaultdict(lambda: deque(maxlen=rollup.BEFORE))
    for pk, group, at in stored.order_by("taken_at").values_list("pk", "group", "taken_at"):
        if at < start:
            ahead[group].append(pk)
        else:
            inside[group].append(pk)
    wanted = [pk for group, own in inside.items() for pk in (*ahead[group], *own)]
    samples = {pk: sample_of(reading) for pk, reading in Reading.objects.in_bulk(wanted).items()}
    return {
        group: (
            [samples[pk] for pk in ahead[group] if pk in samples],
            [samples[pk] for pk in own if pk in samples],
        )
        for group, own in inside.items()
    }


def _next_start(pks: Sequence[int], end: datetime, limit: datetime) -> datetime:
    """Return where the next readings begin: nothing is packed where there are none."""
    after = Reading.objects.filter(group__in=pks, taken_at__gte=end, taken_at__lt=limit)
    return max(end, _start(RAW, after.aggregate(first=Min("taken_at"))["first"] or limit))


def _raw_chunk(
    group: ConsumerGroup,
    start: datetime,
    samples: Sequence[Sample],
    before: Sequence[Sample],
    own: Sequence[OwnWrite],
) -> HistoryChunk:
    marks = rollup.marks(samples, before=before, own=own, timeout=group.timeout.total_seconds())
    points = rollup.totals(samples, before=next(reversed(before), None), own=own, gap=gap(), moved=marks)
    return _chunk(RAW, group.pk, start, samples, points, marks)


def _roll(step: Step, now: datetime) -> None:
    """Roll up the days or weeks that are packed to their end at the finer level."""
    span = timedelta(seconds=step.coarse.span)
    due = GroupHistory.objects.filter(**{f"{step.coarse_until}__lte": now - span}).order_by(step.coarse_until)
    found = due.values_list("pk", step.fine_until, step.coarse_until)
    ready = [(pk, start) for pk, fine_until, start in found if fine_until >= start + span]
    for pk, start in ready[:MOST_ROLLED]:
        _keep([*_rolled(step, pk, start)], [pk], step.coarse_until, start, start + span)


def _rolled(step: Step, group: int, start: datetime) -> Iterator[HistoryChunk]:
    """Yield the chunk that sums up finer ones, when there are any."""
    end = start + timedelta(seconds=step.coarse.span)
    samples: list[Sample] = []
    points: list[Total] = []
    marks: list[Mark] = []
    fine = HistoryChunk.objects.filter(group=group, level=step.fine.number)
    for chunk in fine.filter(starts_at__gte=start, starts_at__lt=end).order_by("starts_at"):
        try:
            samples += history.unpack_samples(bytes(chunk.shards))
            points += history.unpack_totals(bytes(chunk.totals))
        except Unreadable as error:
            log.warning("history of group %s from %s left out: %s", group, chunk.starts_at, error)
        marks += [Mark(at, kind, tuple(shards), who) for at, kind, shards, who in chunk.marks]
    if points:
        seconds = step.coarse.step
        rolled = rollup.roll_samples(samples, seconds), rollup.roll_totals(points, seconds)
        yield _chunk(step.coarse, group, start, *rolled, rollup.roll_marks(marks, seconds))


@transaction.atomic
def _keep(
    chunks: Iterable[HistoryChunk], pks: Sequence[int], until: str, start: datetime, end: datetime
) -> None:
    """Store chunks and how far their groups are packed now, unless somebody else did so meanwhile."""
    HistoryChunk.objects.bulk_create(
        chunks,
        update_conflicts=True,
        unique_fields=["group", "level", "starts_at"],
        update_fields=["samples", "marks", "totals", "shards"],
    )
    GroupHistory.objects.filter(pk__in=pks, **{until: start}).update(**{until: end})


def _chunk(
    level: Level,
    group: int,
    start: datetime,
    samples: Sequence[Sample],
    points: Sequence[Total],
    marks: Iterable[Mark],
) -> HistoryChunk:
    return HistoryChunk(
        group_id=group,
        level=level.number,
        starts_at=start,
        samples=len(points),
        marks=[list(mark) for mark in marks],
        totals=history.pack_totals(points),
        shards=history.pack_samples(samples),
    )


def _drop(now: datetime) -> None:
    """Drop chunks that are too old, but none that is not rolled up yet."""
    for level, kept, until in (
        (RAW, timedelta(hours=settings.HISTORY_RAW_HOURS), "five_until"),
        (FIVE, timedelta(days=settings.HISTORY_5MIN_DAYS), "hourly_until"),
        (HOURLY, timedelta(days=settings.HISTORY_HOURLY_DAYS), None),
    ):
        before = now - kept - timedelta(seconds=level.span)
        old = HistoryChunk.objects.filter(level=level.number, starts_at__lt=before)
        if until:
            old = old.filter(**{f"group__history__{until}__gt": F("starts_at")})
        oldest = old.order_by("starts_at").values_list("pk", flat=True)[:MOST_DROPPED]
        HistoryChunk.objects.filter(pk__in=list(oldest)).delete()
    _forget_vanished(now)


def _forget_vanished(now: datetime) -> None:
    """Drop what is left of groups that vanished: readings after a day, all when their history is over.

    A group with plans, resets or snapshots stays: they are in incident documents, or to be restored from.
    """
    gone = ConsumerGroup.objects.exclude(vanished_at=None)
    a_day_ago = now - summaries.UNPACKED
    for group in gone.filter(vanished_at__lt=a_day_ago, readings__isnull=False).distinct()[:BATCH]:
        group.readings.all().delete()
    over = gone.filter(vanished_at__lt=now - timedelta(days=settings.HISTORY_HOURLY_DAYS))
    forgotten = over.filter(plans=None, resets=None, snapshots=None).values_list("pk", flat=True)[:BATCH]
    ConsumerGroup.objects.filter(pk__in=list(forgotten)).delete()


def _start(level: Level, at: datetime) -> datetime:
    return datetime.fromtimestamp(level.start(int(at.timestamp())), UTC)
