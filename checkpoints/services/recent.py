"""The readings of the last minutes as samples for verdicts, each parsed once per process.

Only the database decides which readings there are: a sample is used again while the reading it was made from
is stored, so several processes may write and prune.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta

from checkpoints.domain import lag
from checkpoints.domain.lag import ShardFacts, ShardLag
from checkpoints.domain.verdicts import Sample, ShardSample
from checkpoints.models import ConsumerGroup, Reading

Key = tuple[int, int, datetime]  # reading, group, when it was taken

EVERY = timedelta(minutes=1)

_kept: dict[Key, Sample] = {}
_swept = datetime.min.replace(tzinfo=UTC)


def samples(groups: Iterable[ConsumerGroup], *, since: datetime, until: datetime) -> dict[int, list[Sample]]:
    """Return the samples of each group between two times, oldest first, by group id."""
    _sweep(since)
    stored = Reading.objects.filter(
        group__in=[group.pk for group in groups], taken_at__gte=since, taken_at__lte=until
    )
    keys: list[Key] = list(stored.order_by("taken_at").values_list("pk", "group_id", "taken_at"))
    _parse([key for key in keys if key not in _kept])
    found = defaultdict(list)
    for key in keys:
        if (seen := _kept.get(key)) is not None:  # None: pruned meanwhile
            found[key[1]].append(seen)
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
    _kept[reading.pk, reading.group_id, reading.taken_at] = seen


def forget(before: datetime) -> None:
    """Drop the samples taken earlier."""
    for key in [key for key in list(_kept) if key[2] < before]:
        _kept.pop(key, None)


def _sweep(since: datetime) -> None:
    """Drop, once a minute, what nobody asks for any more."""
    global _swept  # noqa: PLW0603 - one per process, like what it sweeps
    if abs(since - _swept) >= EVERY:
        _swept = since
        forget(since)


def _parse(keys: Sequence[Key]) -> None:
    for reading in Reading.objects.filter(pk__in=[key[0] for key in keys]):
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
