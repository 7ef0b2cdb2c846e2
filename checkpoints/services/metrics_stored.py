"""Metrics read from the database at each scrape: all processes agree, and a restart forgets nothing."""

from __future__ import annotations

from collections.abc import Iterator

from django.db.models import Count, F, Max, Q
from django.utils import timezone
from prometheus_client.core import CounterMetricFamily, Metric
from prometheus_client.registry import Collector

from checkpoints.models import AuditRow, Reset, ShardReset
from checkpoints.services import metrics_groups

Watch = ShardReset.Watch


class Stored(Collector):
    """Groups, resets and audit rows as the database knows them at the scrape."""

    def collect(self) -> Iterator[Metric]:
        """Yield all families, also the empty ones."""
        yield from metrics_groups.families(timezone.now())
        yield _counted("checkpoint_resets", "Resets by outcome.", "outcome", _outcomes())
        yield _counted(
            "checkpoint_reset_watch", "Shards reset, by what became of them.", "verdict", _watches()
        )
        rows = AuditRow.objects.aggregate(last=Max("seq"))["last"] or 0
        yield CounterMetricFamily("audit_rows", "Rows in the audit log.", value=rows)


def _counted(name: str, help_text: str, label: str, counts: dict[str, int]) -> Metric:
    family = CounterMetricFamily(name, help_text, labels=[label])
    for value, count in counts.items():
        family.add_metric([value], count)
    return family


def _outcomes() -> dict[str, int]:
    """Count resets by every outcome they ever had: only the audit remembers what was settled anew later.

    Every outcome has a row, also before the first reset: an alert on an increase needs the 0.
    """
    finished = AuditRow.objects.filter(action="reset.finished").order_by()
    counted = finished.values_list("outcome").annotate(Count("object_id", distinct=True))
    return dict.fromkeys((o for o in Reset.Outcome.values if o != "sending"), 0) | dict(counted)


def _watches() -> dict[str, int]:
    """Count what is final: the word of a watch that is over, and at once that a reset was overwritten."""
    words = [Watch.HELD, Watch.TAKEN_UP, Watch.OVERWRITTEN, Watch.UNKNOWN]
    over = Q(watch=Watch.OVERWRITTEN) | Q(reset__looked_at__gte=F("reset__watch_until"))
    final = ShardReset.objects.filter(over, watch__in=words).order_by()
    counted = final.values_list("watch").annotate(Count("pk"))
    return dict.fromkeys((str(word) for word in words), 0) | dict(counted)
