"""The readings of the last minutes as samples for verdicts, each parsed once per process.

Only the database decides which readings there are: a sample is used again while the reading it was made from
is stored, so several processes may write and prune.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from operator import itemgetter

from django.db.models import Count, Max, Min, QuerySet

from checkpoints.domain import lag
from checkpoints.domain.lag import ShardFacts, ShardLag
from checkpoints.domain.verdicts import Sample, ShardSample
from checkpoints.models import ConsumerGroup, Reading

Key = tuple[int, datetime]  # reading, when it was taken

EVERY = timedelta(minutes=1)

_kept: defaultdict[int, dict[Key, Sample]] = defaultdict(dict)  # by group
_swept = datetime.min.replace(tzinfo=UTC)


def samples(groups: Iterable[ConsumerGroup], *, since: datetime, until: datetime) -> dict[int, list[Sample]]:
    """Return the samples of each group between two times, oldest first, by group id."""
    _sweep(since)
    stored = Reading.objects.filter(
        group__in=[group.pk for group in groups], taken_at__gte=since, taken_at__lte=until
    )
    counts = stored.order_by().values_list("group_id").annotate(Count("pk"), Min("pk"), Max("pk"))
    found, unlike = {}, []
    for group, *counted in counts:
        mine = sorted((key for key in list(_kept[group]) if since <= key[1] <= until), key=itemgetter(1))
        if _counted(mine) == counted:
            found[group] = [_kept[group][key] for key in mine]
        else:
            unlike.append(group)
    return found | _stored(stored.filter(group__in=unlike)) if unlike else found


def _counted(keys: Sequence[Key]) -> list[int | None]:
    """Return how many readings these are, the first and the last: others of the same group differ in that."""
    ids = [pk for pk, _ in keys]
    return [len(ids), min(ids, default=None), max(ids, default=None)]


def _stored(readings: QuerySet[Reading]) -> dict[int, list[Sample]]:
    """Return the samples of readings as the database has them; only those not known are parsed."""
    keys = list(readings.order_by("taken_at").values_list("group_id", "pk", "taken_at"))
    _parse([pk for group, pk, at in keys if (pk, at) not in _kept[group]])
    found = defaultdict(list)
    for group, pk, at in keys:
        if (seen := _kept[group].get((pk, at))) is not None:  # None: pruned meanwhile
            found[group].append(seen)
    return found


def sample(at: datetime, facts: Sequence[ShardFacts], lags: Sequence[ShardLag]) -> Sample:
    """Return what was seen at one instant as one point of the history that verdicts look at."""
    return Sample(at, tuple(_shard(fact, found) for fact, found in zip(facts, lags, strict=True)))


def sample_of(reading: Reading) -> Sample:
    """Return the sample of a stored reading."""
    facts = reading.facts()
    # A sample says nothing about time until data loss, so the retention does not matter here.
    lags = [lag.assess(fact, now=reading.taken_at, retention=None) for fact in facts]
    return sample(reading.taken_at, facts, lags)


def remember(reading: Reading, seen: Sample) -> None:
    """Keep the sample of a stored reading, so that it need not be parsed again."""
    _kept[reading.group_id][reading.pk, reading.taken_at] = seen


def forget(before: datetime) -> None:
    """Drop the samples taken earlier."""
    for group, kept in list(_kept.items()):
        for key in [key for key in list(kept) if key[1] < before]:
            kept.pop(key, None)
        if not kept:
            _kept.pop(group, None)


def _sweep(since: datetime) -> None:
    """Drop, once a minute, what nobody asks for any more."""
    global _swept  # noqa: PLW0603 - one per process, like what it sweeps
    if abs(since - _swept) >= EVERY:
        _swept = since
        forget(since)


def _parse(readings: Sequence[int]) -> None:
    for reading in Reading.objects.filter(pk__in=readings):
        remember(reading, sample_of(reading))


def _shard(fact: ShardFacts, found: ShardLag) -> ShardSample:
    return ShardSample(
        shard=fact.shard,
        state=found.state,
        position=found.position,
        end=fact.end,
        updated_at=fact.updated_at,
        consumer=fact.consumer,
        backlog=found.backlog,
        lag_seconds=None if found.lag is None else found.lag.total_seconds(),
        unread_at=found.oldest_unread_at,
    )
