"""Metrics read from the database at each scrape: all processes agree, and a restart forgets nothing."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import Count, Max, QuerySet
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from checkpoints.models import AuditRow, ConsumerGroup, Endpoint, Reset, ShardReset
from checkpoints.services.intervals import is_stale

LABELS = ["endpoint", "project", "logstore", "consumer_group"]
PARENTS = "logstore__project__endpoint__name", "logstore__project__name", "logstore__name", "name"

LAG = "sls_consumer_group_lag_seconds", "Lag of the slowest shard, by the times of log groups."
BACKLOG = "sls_consumer_group_backlog_log_groups", "Log groups not yet consumed, all shards."
UNREAD = "sls_consumer_group_unread_age_seconds", "Age of the oldest log group not yet consumed."
COMMIT = "sls_consumer_group_checkpoint_age_seconds", "Time since the last checkpoint was saved."
LOSS = "sls_consumer_group_data_loss_in_seconds", "Time until the oldest unread log group expires."
GAUGES = [LAG, BACKLOG, UNREAD, COMMIT, LOSS]


class Stored(Collector):
    """Groups, resets and audit rows as the database knows them at the scrape."""

    def collect(self) -> Iterator[Metric]:
        """Yield all families, also the empty ones."""
        now = timezone.now()
        yield from _groups(now)
        yield _last_success()
        yield _counted("checkpoint_resets", "Resets by outcome.", "outcome", _outcomes())
        yield _counted(
            "checkpoint_reset_watch", "Shards reset, by what became of them.", "verdict", _watches()
        )
        rows = AuditRow.objects.aggregate(last=Max("seq"))["last"] or 0
        yield CounterMetricFamily("audit_rows", "Rows in the audit log.", value=rows)


def _groups(now: datetime) -> Iterator[Metric]:
    families = {name: GaugeMetricFamily(name, help_text, labels=LABELS) for name, help_text in GAUGES}
    verdicts = GaugeMetricFamily(
        "sls_consumer_group_verdict", "1 for the present verdict of each group.", labels=[*LABELS, "verdict"]
    )
    findings = GaugeMetricFamily(
        "sls_consumer_group_finding",
        "1 for every verdict that is true of some shard of the group.",
        labels=[*LABELS, "verdict"],
    )
    for group in _shown().iterator():
        labels = [
            group.logstore.project.endpoint.name,
            group.logstore.project.name,
            group.logstore.name,
            group.name,
        ]
        stale = is_stale(group, now)
        verdicts.add_metric([*labels, "unknown" if stale else group.verdict], 1)
        for word in () if stale else group.words:
            findings.add_metric([*labels, word], 1)
        for name, value in ({} if stale else _values(group, now)).items():
            if value is not None:
                families[name].add_metric(labels, value)
    yield from families.values()
    yield verdicts
    yield findings


def _shown() -> QuerySet[ConsumerGroup]:
    there = ConsumerGroup.objects.filter(
        vanished_at=None,
        logstore__vanished_at=None,
        logstore__project__vanished_at=None,
        logstore__project__endpoint__removed_at=None,
        logstore__project__endpoint__enabled=True,
    )
    return there.select_related("logstore__project__endpoint").order_by("pk")


def _values(group: ConsumerGroup, now: datetime) -> dict[str, float | None]:
    """Return the figures; with a shard that was not read, those that are only lower bounds are left out."""
    clocks = {
        COMMIT[0]: _seconds(now, group.last_commit_at),
        LOSS[0]: None if group.data_loss_at is None else (group.data_loss_at - now).total_seconds(),
    }
    if group.is_partial:
        return clocks
    unread = 0.0 if group.backlog == 0 else _seconds(now, group.oldest_unread_at)
    return clocks | {LAG[0]: group.lag_seconds, BACKLOG[0]: group.backlog, UNREAD[0]: unread}


def _seconds(now: datetime, then: datetime | None) -> float | None:
    return None if then is None else (now - then).total_seconds()


def _last_success() -> Metric:
    family = GaugeMetricFamily(
        "sls_collector_last_success_timestamp_seconds",
        "When something of an endpoint was last read.",
        labels=["endpoint"],
    )
    successful = Endpoint.objects.filter(removed_at=None, last_success_at__isnull=False)
    for name, at in successful.values_list("name", "last_success_at"):
        assert at is not None  # noqa: S101 - by the filter
        family.add_metric([name], at.timestamp())
    return family


def _counted(name: str, help_text: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _outcomes() -> dict[str, int]:
    """Every outcome has a row, also before the first reset: an alert on an increase needs the 0."""
    counted = Reset.objects.exclude(outcome="sending").order_by().values_list("outcome").annotate(Count("pk"))
    return dict.fromkeys((o for o in Reset.Outcome.values if o != "sending"), 0) | dict(counted)


def _watches() -> dict[str, int]:
    settled = [
        ShardReset.Watch.HELD,
        ShardReset.Watch.TAKEN_UP,
        ShardReset.Watch.OVERWRITTEN,
        ShardReset.Watch.UNKNOWN,
    ]
    counted = (
        ShardReset.objects.filter(watch__in=settled).order_by().values_list("watch").annotate(Count("pk"))
    )
    return dict.fromkeys((str(watch) for watch in settled), 0) | dict(counted)
