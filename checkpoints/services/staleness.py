"""Groups whose last reading is too old: their verdict is unknown until somebody reads them again."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from django.db.models import QuerySet

from checkpoints.domain import verdicts
from checkpoints.domain.schedule import TOO_OLD
from checkpoints.domain.verdicts import Verdict
from checkpoints.models import ConsumerGroup, Logstore
from checkpoints.queries import clocks, freshness

UNKNOWN = {
    "verdict": Verdict.UNKNOWN.value,
    "severity": verdicts.severity(Verdict.UNKNOWN),
    "reasons": [TOO_OLD.dump()],
}
"""What is stored of them; figures and `words` stay those of the last reading."""


def mark(now: datetime) -> int:
    """Store that nothing is known of groups whose last reading is too old; returns how many these are.

    One statement finds and changes them, so a reading that is stored meanwhile stays as it is.
    """
    return sum(some.update(**UNKNOWN) for some in _stale(now) if some.exists())


def said(group: ConsumerGroup) -> Verdict:
    """Return the verdict of the last reading, also of a group that was marked since."""
    is_marked = [reason.get("text") for reason in group.reasons] == [TOO_OLD.text]
    return verdicts.worst(group.words) if is_marked else Verdict(group.verdict)


def _stale(now: datetime) -> Iterator[QuerySet[ConsumerGroup]]:
    """Yield the groups to be marked; all Logstores are read in one of a few rhythms."""
    seconds, every = "project__endpoint__interval_seconds", "read_every"
    for one in Logstore.objects.order_by().values_list(seconds, every).distinct():
        alike = Logstore.objects.filter(**{seconds: one[0], every: one[1]})
        old = clocks.is_old("read_at", now, most=freshness.stale_after(one[1], one[0]))
        yield ConsumerGroup.objects.filter(old, logstore__in=alike).exclude(verdict=Verdict.UNKNOWN)
