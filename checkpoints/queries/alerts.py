"""Alerts, their rules, channels and notices as pages show them; only selects."""

from __future__ import annotations

from collections.abc import Sequence

from django.db.models import Case, Count, IntegerField, Q, QuerySet, Value, When

from checkpoints.domain.alerting import OPEN, State
from checkpoints.domain.protection import matches
from checkpoints.models import Alert, AlertRule, Channel, ConsumerGroup, Notice

MOST_RESOLVED = 50
NEWEST = 20
WORST_FIRST = (State.FIRING, State.PENDING, State.ACKNOWLEDGED, State.SILENCED)
SERIOUS_FIRST = (AlertRule.Severity.CRITICAL, AlertRule.Severity.WARNING, AlertRule.Severity.INFO)


def find() -> QuerySet[Alert]:
    """Return alerts with all they belong to."""
    return Alert.objects.select_related("rule", "group__logstore__project__endpoint")


def present() -> QuerySet[Alert]:
    """Return what is not resolved: firing first, then pending, the most serious of each first."""
    order = [When(state=state, then=Value(place)) for place, state in enumerate(WORST_FIRST)]
    serious = [When(rule__severity=word, then=Value(place)) for place, word in enumerate(SERIOUS_FIRST)]
    return (
        find()
        .filter(state__in=[*OPEN, State.PENDING])
        .annotate(
            place=Case(*order, output_field=IntegerField()),
            serious=Case(*serious, default=Value(len(serious)), output_field=IntegerField()),
        )
        .order_by("place", "serious", "-since", "pk")
    )


def resolved() -> QuerySet[Alert]:
    """Return what fired and is resolved, newest first."""
    fired = find().filter(state=State.RESOLVED, events__gt=0, resolved_at__isnull=False)
    return fired.order_by("-resolved_at", "pk")[:MOST_RESOLVED]


def notices() -> QuerySet[Notice]:
    """Return the newest notices."""
    found = Notice.objects.select_related("channel", "alert__rule", "alert__group")
    return found.order_by("-made_at", "pk")[:NEWEST]


def notices_of(alert: Alert) -> QuerySet[Notice]:
    """Return the newest notices of an alert."""
    return alert.notices.select_related("channel").order_by("-number", "channel__name")[:NEWEST]


def rules() -> Sequence[AlertRule]:
    """Return all rules by name, each with `open_alerts` and `covered`: how many groups it looks at."""
    is_open = Q(alerts__state__in=OPEN)
    found = AlertRule.objects.select_related("endpoint").prefetch_related("channels")
    groups = _groups()
    rows = list(found.annotate(open_alerts=Count("alerts", filter=is_open)))
    for row in rows:
        row.covered = sum(  # type: ignore[attr-defined]
            row.endpoint_id in {None, endpoint}
            and matches(row.pattern, project=project, logstore=logstore, group=group)
            for endpoint, project, logstore, group in groups
        )
    return rows


def channels() -> QuerySet[Channel]:
    """Return all channels by name, each with `rule_count` and `waiting` notices."""
    waiting = Q(notices__state=Notice.State.WAITING)
    return Channel.objects.defer("sealed_url").annotate(
        rule_count=Count("rules", distinct=True),
        waiting=Count("notices", filter=waiting, distinct=True),
    )


def _groups() -> list[tuple[object, str, str, str]]:
    there = ConsumerGroup.objects.filter(
        vanished_at=None,
        logstore__vanished_at=None,
        logstore__project__vanished_at=None,
        logstore__project__endpoint__removed_at=None,
        logstore__project__endpoint__enabled=True,
    )
    names = ("logstore__project__name", "logstore__name", "name")
    return list(there.values_list("logstore__project__endpoint_id", *names))
