"""Stores readings and the summaries of their groups that pages sort by, many groups at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery

from checkpoints.domain import lag, rhythm, verdicts
from checkpoints.domain.clocks import APART
from checkpoints.domain.lag import ShardFacts, ShardLag
from checkpoints.domain.moves import OwnWrite
from checkpoints.domain.thresholds import Thresholds
from checkpoints.domain.unread import unread_reason
from checkpoints.domain.verdicts import Before, Sample
from checkpoints.models import ConsumerGroup, Logstore, Reading
from checkpoints.models.facts import dump
from checkpoints.queries.own_writes import own_writes
from checkpoints.queries.thresholds import thresholds
from checkpoints.services import intervals, recent, staleness, storing

# What a verdict looks back on, and so what is kept for now.
HISTORY = timedelta(minutes=75)
UNPACKED = timedelta(days=1)
SPARE = timedelta(minutes=5)
MOST = 2**63 - 1


@dataclass(frozen=True)
class Judged:
    """A reading and the summary of its group, both not stored yet."""

    reading: Reading
    summary: dict[str, Any]
    facts: Sequence[ShardFacts]
    lags: Sequence[ShardLag]
    sample: Sample


def latest_readings(logstores: Iterable[Logstore]) -> dict[int, list[Reading]]:
    """Return the latest reading of each group that exists, by Logstore id."""
    newest = Reading.objects.filter(group=OuterRef("pk")).order_by("-taken_at").values("pk")[:1]
    groups = ConsumerGroup.objects.filter(logstore__in=[store.pk for store in logstores], vanished_at=None)
    wanted = dict(groups.annotate(latest=Subquery(newest)).values_list("latest", "logstore"))
    found = defaultdict(list)
    for row in Reading.objects.filter(pk__in=[pk for pk in wanted if pk is not None]):
        found[wanted[row.pk]].append(row)
    return found


def judge(seen: Iterable[tuple[ConsumerGroup, Sequence[ShardFacts]]], *, now: datetime) -> list[Judged]:
    """Judge groups by what was just seen and by their last readings; nothing is written yet."""
    seen = list(seen)
    groups = [group for group, _ in seen]
    since = now - _look_back(groups)
    history = recent.samples(groups, since=since, until=now)
    history |= _last_of([group for group in groups if not history.get(group.pk)], until=now)
    begin = min((samples[0].at for samples in history.values() if samples), default=since)
    own = own_writes(groups, min(begin, since) - SPARE)
    found = [_judged(group, facts, history.get(group.pk, []), own[group.pk], now) for group, facts in seen]
    for one in found:
        for name, value in one.summary.items():
            setattr(one.reading.group, name, value)
    return found


@transaction.atomic
def write(found: Sequence[Judged]) -> None:
    """Store judged readings and the summaries of their groups."""
    if not found:
        return
    Reading.objects.bulk_create([one.reading for one in found])
    storing.update([one.reading.group for one in found], list(found[0].summary))
    for one in found:
        recent.remember(one.reading, one.sample)


def _last_of(groups: Sequence[ConsumerGroup], *, until: datetime) -> dict[int, list[Sample]]:
    """Return the last sample of groups that were not read for long: what moved since is seen by it."""
    stores = {group.logstore_id: group.logstore for group in groups}
    wanted = {group.pk for group in groups}
    readings = latest_readings(stores.values()).values() if groups else ()
    return {
        one.group_id: [recent.sample_of(one)]
        for some in readings
        for one in some
        if one.group_id in wanted and one.taken_at <= until
    }


def storable(count: int | None) -> int | None:
    """Return a count as the database can hold it: a checkpoint may be any number."""
    return None if count is None else min(count, MOST)


def _limits(interval: timedelta) -> Thresholds:
    """Return the limits for groups read so often: a trend needs some readings, however far apart they are."""
    return thresholds().for_readings_every(interval)


def _look_back(groups: Sequence[ConsumerGroup]) -> timedelta:
    """Return how far back the verdicts of these groups look."""
    kinds = {(intervals.interval(one.endpoint), one.timeout) for one in groups}
    return max((_limits(every).look_back(timeout) for every, timeout in kinds), default=SPARE) + SPARE


def _before(group: ConsumerGroup, now: datetime) -> Before:
    """Return what the verdict before said; that of a group never read said nothing."""
    visits = {
        int(shard): tuple(one for one in rhythm.load(stored) if one.ended <= now.timestamp())
        for shard, stored in group.rhythm.items()
    }
    return Before(staleness.said(group) if group.read_at else None, visits)


def prune(groups: Iterable[ConsumerGroup], *, now: datetime) -> None:
    """Delete what verdicts no longer need of groups that were just read, so never their latest reading.

    What the history has not packed yet stays for a day: perhaps it was seen just before the workers stopped.
    What a clock that was ahead has taken goes as well: it would be the latest reading for hours.
    """
    groups = list(groups)
    before = now - max(HISTORY, _look_back(groups))
    theirs = Reading.objects.filter(group__in=[group.pk for group in groups])
    unpacked = Q(group__history__raw_until__lte=F("taken_at"), taken_at__gte=now - UNPACKED)
    theirs.filter(taken_at__lt=before).exclude(unpacked).delete()
    theirs.filter(taken_at__gt=now + APART).delete()


def _judged(
    group: ConsumerGroup,
    facts: Sequence[ShardFacts],
    history: Sequence[Sample],
    own: Sequence[OwnWrite],
    now: datetime,
) -> Judged:
    kept_for = group.logstore.retention
    lags = [lag.assess(fact, now=now, retention=kept_for) for fact in facts]
    if group.in_order:
        lags = lag.waiting(facts, lags)
    sample = recent.sample(now, facts, lags)
    verdict = verdicts.judge(
        [*history, sample],
        lags,
        now=now,
        group_timeout=group.timeout,
        retention=kept_for,
        own_writes=own,
        thresholds=_limits(intervals.interval(group.endpoint)),
        before=_before(group, now),
    )
    total = lag.total(lags)
    commits = [fact.updated_at for fact in facts if fact.updated_at is not None]
    summary: dict[str, Any] = {
        "read_at": now,
        "verdict": verdict.verdict.value,
        "severity": verdicts.severity(verdict.verdict),
        "reasons": [reason.dump() for reason in (*verdict.reasons, unread_reason(facts, lags)) if reason],
        "words": sorted(word.value for word in verdict.words),
        "verdict_complete": verdict.complete,
        "is_partial": not total.complete,
        "rhythm": {str(shard): rhythm.dump(visits) for shard, visits in verdict.rhythm.items()},
        "backlog": storable(total.backlog),
        "lag_seconds": None if total.lag is None else total.lag.total_seconds(),
        "lag_is_lower_bound": total.lag_is_lower_bound,
        "oldest_unread_at": None if total.unread_age is None else now - total.unread_age,
        "data_loss_at": None if total.data_loss_in is None else now + total.data_loss_in,
        "lost": storable(total.lost),
        "shard_count": len(facts),
        "consumer_count": len({fact.consumer for fact in facts if fact.consumer}),
        "last_commit_at": max(commits, default=None),
        "problem": None,
        "problem_at": None,
    }
    return Judged(Reading(group=group, taken_at=now, shards=dump(facts)), summary, facts, lags, sample)
