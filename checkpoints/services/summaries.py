"""Stores readings and the summaries of their groups that pages sort by, many groups at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, OuterRef, Q, Subquery

from checkpoints.domain import lag, verdicts
from checkpoints.domain.lag import ShardFacts, ShardLag
from checkpoints.domain.verdicts import Sample
from checkpoints.models import ConsumerGroup, Logstore, Reading, ShardReset
from checkpoints.models.facts import dump
from checkpoints.services import recent

# What a verdict looks back on, and so what is kept for now.
HISTORY = timedelta(hours=1)
UNPACKED = timedelta(days=1)
LOOK_BACK = timedelta(minutes=20)
DEFAULT_TIMEOUT = timedelta(seconds=60)


@dataclass(frozen=True)
class Judged:
    """A reading and the summary of its group, both not stored yet."""

    reading: Reading
    summary: dict[str, Any]
    facts: Sequence[ShardFacts]
    lags: Sequence[ShardLag]
    sample: Sample


def retention(logstore: Logstore) -> timedelta | None:
    """Return how long the Logstore keeps data, None when that is not known."""
    return None if logstore.retention_days is None else timedelta(days=logstore.retention_days)


def latest_readings(logstores: Iterable[Logstore]) -> dict[int, list[Reading]]:
    """Return the latest reading of each group of the Logstores, by Logstore id."""
    newest = Reading.objects.filter(group=OuterRef("pk")).order_by("-taken_at").values("pk")[:1]
    groups = ConsumerGroup.objects.filter(logstore__in=[store.pk for store in logstores])
    wanted = dict(groups.annotate(latest=Subquery(newest)).values_list("latest", "logstore"))
    found = defaultdict(list)
    for row in Reading.objects.filter(pk__in=[pk for pk in wanted if pk is not None]):
        found[wanted[row.pk]].append(row)
    return found


def judge(seen: Iterable[tuple[ConsumerGroup, Sequence[ShardFacts]]], *, now: datetime) -> list[Judged]:
    """Judge groups by what was just seen and by their last readings; nothing is written yet."""
    seen = list(seen)
    groups = [group for group, _ in seen]
    history = recent.samples(groups, since=now - LOOK_BACK)
    resets = own_resets(groups, now - LOOK_BACK)
    return [_judged(group, facts, history.get(group.pk, []), resets[group.pk], now) for group, facts in seen]


@transaction.atomic
def write(found: Sequence[Judged]) -> None:
    """Store judged readings and the summaries of their groups."""
    if not found:
        return
    Reading.objects.bulk_create([one.reading for one in found])
    # One statement for all: an insert of rows that exist, which updates them.
    ConsumerGroup.objects.bulk_create(
        [one.reading.group for one in found],
        update_conflicts=True,
        unique_fields=["id"],
        update_fields=list(found[0].summary),
    )
    for one in found:
        recent.remember(one.reading, one.sample)


def timeout_of(group: ConsumerGroup) -> timedelta:
    """Return after how long without a heartbeat the service drops a consumer of this group."""
    return timedelta(seconds=group.timeout_seconds) if group.timeout_seconds else DEFAULT_TIMEOUT


def own_resets(
    groups: Iterable[ConsumerGroup], since: datetime
) -> defaultdict[int, list[tuple[int, datetime]]]:
    """Return (shard, when) of what we wrote ourselves, by group id: it is no foreign move."""
    sent = ShardReset.objects.filter(reset__group__in=[group.pk for group in groups], sent_at__gte=since)
    found = defaultdict(list)
    for group, shard, at in sent.values_list("reset__group", "shard", "sent_at"):
        if at is not None:
            found[group].append((shard, at))
    return found


def prune(groups: Iterable[ConsumerGroup], *, now: datetime) -> None:
    """Delete what verdicts no longer need of groups that were just read, so never their latest reading.

    What the history has not packed yet stays for a day: perhaps it was seen just before the workers stopped.
    """
    old = Reading.objects.filter(group__in=[group.pk for group in groups], taken_at__lt=now - HISTORY)
    unpacked = Q(group__history__raw_until__lte=F("taken_at"), taken_at__gte=now - UNPACKED)
    old.exclude(unpacked).delete()


def _judged(
    group: ConsumerGroup,
    facts: Sequence[ShardFacts],
    history: Sequence[Sample],
    resets: Sequence[tuple[int, datetime]],
    now: datetime,
) -> Judged:
    kept_for = retention(group.logstore)
    lags = [lag.assess(fact, now=now, retention=kept_for) for fact in facts]
    sample = recent.sample(now, facts, lags)
    verdict = verdicts.judge(
        [*history, sample],
        lags,
        now=now,
        group_timeout=timeout_of(group),
        retention=kept_for,
        own_resets=resets,
    )
    total = lag.total(lags)
    commits = [fact.updated_at for fact in facts if fact.updated_at is not None]
    summary: dict[str, Any] = {
        "read_at": now,
        "verdict": verdict.verdict.value,
        "severity": verdicts.severity(verdict.verdict),
        "reasons": [reason.dump() for reason in verdict.reasons],
        "verdict_complete": verdict.complete,
        "backlog": total.backlog,
        "lag_seconds": None if total.lag is None else total.lag.total_seconds(),
        "lag_is_lower_bound": total.lag_is_lower_bound,
        "oldest_unread_at": None if total.unread_age is None else now - total.unread_age,
        "data_loss_at": None if total.data_loss_in is None else now + total.data_loss_in,
        "lost": total.lost,
        "shard_count": len(facts),
        "consumer_count": len({fact.consumer for fact in facts if fact.consumer}),
        "last_commit_at": max(commits, default=None),
        "problem": None,
        "problem_at": None,
    }
    for name, value in summary.items():
        setattr(group, name, value)
    return Judged(Reading(group=group, taken_at=now, shards=dump(facts)), summary, facts, lags, sample)
