"""What people do about alerts: acknowledge, silence, let it be told again; every act is audited."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from checkpoints.domain import alerting
from checkpoints.domain.messages import Refusal, say
from checkpoints.models import Alert
from checkpoints.services import audit, reasons
from checkpoints.services.alert_states import put, standing
from checkpoints.services.audit import Actor
from checkpoints.services.refusals import Refused

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=30)


class BadAlert(Refused):
    """An alert about which this cannot be done."""

    code = "bad_alert"


def acknowledge(alert: Alert, *, actor: Actor, now: datetime) -> Alert:
    """Say that somebody is at it, the first who says so. Raises BadAlert when nothing fires."""

    def change(row: Alert) -> bool:
        new = alerting.acknowledge(standing(row))
        if row.acknowledged_at is not None:
            return False
        put(row, new)
        row.acknowledged_by, row.acknowledged_at = actor.name, now
        return True

    return _change(alert, "alert.acknowledged", change, actor, now)


def silence(alert: Alert, *, reason: str, span: timedelta, actor: Actor, now: datetime) -> Alert:
    """Tell nothing of an alert for a while. Raises BadAlert, or BadReason without a reason."""
    reasons.check(reason.strip(), "", required=True)
    if not SHORTEST <= span <= LONGEST:
        raise BadAlert(say("An alert is silenced for at least a minute and at most 30 days."))

    def change(row: Alert) -> bool:
        put(row, alerting.silence(standing(row), now + span))
        row.silenced_by, row.silence_reason = actor.name, reason.strip()
        return True

    return _change(alert, "alert.silenced", change, actor, now, reason=reason.strip())


def unsilence(alert: Alert, *, actor: Actor, now: datetime) -> Alert:
    """Let an alert be told of again; nothing changes when it is not silenced."""

    def change(row: Alert) -> bool:
        if row.silenced_until is None:
            return False
        put(row, alerting.unsilence(standing(row)))
        row.silenced_by = row.silence_reason = ""
        return True

    return _change(alert, "alert.unsilenced", change, actor, now)


def _change(
    alert: Alert,
    action: str,
    change: Callable[[Alert], bool],
    actor: Actor,
    now: datetime,
    *,
    reason: str = "",
) -> Alert:
    """Change an alert as it is now, and record it if that changes anything."""
    with transaction.atomic():
        row = Alert.objects.select_for_update(of=("self",)).select_related("rule", "group").get(pk=alert.pk)
        before = _described(row)
        try:
            if not change(row):
                return row
        except Refusal as refusal:
            raise BadAlert(refusal.message) from refusal
        row.save()
        audit.record(
            action,
            actor=actor,
            outcome="done",
            group=row.group,
            object_id=row.pk,
            before=before,
            after=_described(row),
            reason=reason,
            details={"rule": row.rule.name},
            at=now,
        )
    return row


def _described(row: Alert) -> dict[str, Any]:
    return {"state": row.state, "silenced_until": row.silenced_until}
