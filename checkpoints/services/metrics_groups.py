"""Metrics of groups as last read, and of their shards where a setting asks for these."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime, timedelta

from django.conf import settings
from django.db.models import OuterRef, Subquery
from prometheus_client.core import GaugeMetricFamily, Metric

from checkpoints.domain import lag
from checkpoints.domain.lag import ShardFacts
from checkpoints.models import ConsumerGroup, Reading
from checkpoints.queries import living
from checkpoints.services.intervals import is_stale

LABELS = ["endpoint", "project", "logstore", "consumer_group"]

LAG = "sls_consumer_group_lag_seconds", "Lag of the slowest shard, by the times of log groups."
BACKLOG = "sls_consumer_group_backlog_log_groups", "Log groups not yet consumed, all shards."
UNREAD = "sls_consumer_group_unread_age_seconds", "Age of the oldest log group not yet consumed."
COMMIT = "sls_consumer_group_checkpoint_age_seconds", "Time since the last checkpoint was saved."
LOSS = "sls_consumer_group_data_loss_in_seconds", "Time until the oldest unread log group expires."
GAUGES = [LAG, BACKLOG, UNREAD, COMMIT, LOSS]
VERDICT = "sls_consumer_group_verdict", "1 for the present verdict of each group."
FINDING = "sls_consumer_group_finding", "1 for every verdict that is true of some shard of the group."
Values = Mapping[str, float | None]


class Families:
    """The families while they are filled; with figures of shards those of groups have an empty `shard`."""

    def __init__(self) -> None:
        self._whole = [""] if settings.METRICS_PER_SHARD else []
        labels = [*LABELS, "shard"] if settings.METRICS_PER_SHARD else LABELS
        self._gauges = {name: GaugeMetricFamily(name, words, labels=labels) for name, words in GAUGES}
        self._words = {
            name: GaugeMetricFamily(name, words, labels=[*LABELS, "verdict"])
            for name, words in (VERDICT, FINDING)
        }

    def add(self, labels: list[str], values: Values, shard: int | None = None) -> None:
        """Add what is known of a group, or of one shard."""
        last = self._whole if shard is None else [str(shard)]
        for name, value in values.items():
            if value is not None:
                self._gauges[name].add_metric([*labels, *last], value)

    def say(self, name: str, labels: list[str], word: str) -> None:
        """Add that a word is true of a group."""
        self._words[name].add_metric([*labels, word], 1)

    def all(self) -> Iterator[Metric]:
        """Yield them, also the empty ones."""
        yield from self._gauges.values()
        yield from self._words.values()


def families(now: datetime) -> Iterator[Metric]:
    """Yield what is known of every group that exists at an endpoint that is used."""
    found, fresh = Families(), {}
    for group in living.collected().iterator():
        labels = [group.endpoint.name, group.project.name, group.logstore.name, group.name]
        if is_stale(group, now):
            found.say(VERDICT[0], labels, "unknown")
            continue
        found.say(VERDICT[0], labels, group.verdict)
        for word in group.words:
            found.say(FINDING[0], labels, word)
        found.add(labels, _values(group, now))
        fresh[group.pk] = labels, group.logstore.retention
    if settings.METRICS_PER_SHARD:
        _add_shards(found, fresh, now)
    return found.all()


def _add_shards(found: Families, fresh: dict[int, tuple[list[str], timedelta | None]], now: datetime) -> None:
    newest = Reading.objects.filter(group=OuterRef("pk")).order_by("-taken_at").values("pk")[:1]
    latest = living.collected().order_by().values(latest=Subquery(newest))
    for reading in Reading.objects.filter(pk__in=latest).iterator():
        if reading.group_id in fresh:
            labels, retention = fresh[reading.group_id]
            for fact in reading.facts():
                found.add(labels, _shard(fact, retention, now), fact.shard)


def _shard(fact: ShardFacts, retention: timedelta | None, now: datetime) -> Values:
    """Return the figures of a shard; one that is finished has none, as it counts nowhere else."""
    known = lag.assess(fact, now=now, retention=retention)
    if known.state is lag.State.FINISHED:
        return {}
    return {
        LAG[0]: _span(known.lag),
        BACKLOG[0]: known.backlog,
        UNREAD[0]: 0.0 if known.backlog == 0 else _span(known.unread_age),
        COMMIT[0]: _since(now, fact.updated_at),
        LOSS[0]: _span(known.data_loss_in),
    }


def _values(group: ConsumerGroup, now: datetime) -> Values:
    """Return the figures; with a shard that was not read, those that are only lower bounds are left out."""
    clocks = {
        COMMIT[0]: _since(now, group.last_commit_at),
        LOSS[0]: None if group.data_loss_at is None else (group.data_loss_at - now).total_seconds(),
    }
    if group.is_partial:
        return clocks
    unread = 0.0 if group.backlog == 0 else _since(now, group.oldest_unread_at)
    return clocks | {LAG[0]: group.lag_seconds, BACKLOG[0]: group.backlog, UNREAD[0]: unread}


def _since(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else (now - then).total_seconds()


def _span(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()
