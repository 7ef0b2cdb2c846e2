"""Rules for alerts: add, edit and remove; every change is audited."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction

from checkpoints.domain import conditions, protection
from checkpoints.domain.conditions import Condition
from checkpoints.domain.messages import Message, Refusal, say
from checkpoints.models import AlertRule, Channel, Endpoint
from checkpoints.services import alerts, rule_changes
from checkpoints.services.audit import Actor
from checkpoints.services.endpoint_fields import NOT_OFFERED, Invalid

MOST_SAMPLES = 60


@dataclass(frozen=True)
class Fields:
    """The fields of a rule as typed; `endpoint` None means all, `limit` is text such as 10m or 10000."""

    name: str
    pattern: str
    condition: str
    limit: str = ""
    samples: int = 3
    severity: str = AlertRule.Severity.WARNING.value
    enabled: bool = True
    endpoint: Endpoint | None = None
    channels: Iterable[Channel] = field(default_factory=tuple)


def add(wanted: Fields, *, actor: Actor, now: datetime) -> AlertRule:
    """Store a new rule; raises endpoint_fields.Invalid with a sentence per field."""
    rule = AlertRule()
    _take_over(rule, wanted)
    with transaction.atomic():
        rule.save()
        rule.channels.set(wanted.channels)
        rule_changes.record("alert_rule.added", rule, actor=actor, now=now, after=describe(rule))
    return rule


def edit(rule: AlertRule, wanted: Fields, *, actor: Actor, now: datetime) -> AlertRule:
    """Change a rule; raises endpoint_fields.Invalid with a sentence per field."""
    with transaction.atomic():
        row = AlertRule.objects.select_for_update().filter(pk=rule.pk).first()
        if row is None:
            raise Invalid({"name": say("This rule was removed.")})
        before = describe(row)
        _take_over(row, wanted)
        row.save()
        row.channels.set(wanted.channels)
        rule_changes.record(
            "alert_rule.changed", row, actor=actor, now=now, before=before, after=describe(row)
        )
    return row


def remove(rule: AlertRule, *, actor: Actor, now: datetime) -> None:
    """Forget a rule with its alerts; who was told that one fires is told that it does no longer."""
    with transaction.atomic():
        for row in AlertRule.objects.select_for_update().filter(pk=rule.pk):
            alerts.end_all(row, now=now)
            rule_changes.record("alert_rule.removed", row, actor=actor, now=now, before=describe(row))
            row.delete()


def describe(rule: AlertRule) -> dict[str, Any]:
    """Return a stored rule as the audit keeps it."""
    return {
        "name": rule.name,
        "endpoint": rule.endpoint.name if rule.endpoint else None,
        "pattern": rule.pattern,
        "condition": rule.condition,
        "limit": conditions.show_limit(Condition(rule.condition), rule.limit),
        "samples": rule.samples,
        "severity": rule.severity,
        "enabled": rule.enabled,
        "channels": list(rule.channels.values_list("name", flat=True)),
    }


def _take_over(rule: AlertRule, wanted: Fields) -> None:
    """Check the fields and put them into the rule."""
    errors: dict[str, Message] = {}
    name = wanted.name.strip()
    if not name or len(name) > 80 or not name.isprintable():
        errors["name"] = say("A name is one line of at most %(limit)d characters.", limit=80)
    elif AlertRule.objects.filter(name=name).exclude(pk=rule.pk).exists():
        errors["name"] = say("There is a rule with this name already.")
    try:
        rule.pattern = protection.check_pattern(wanted.pattern)
    except Refusal as refusal:
        errors["pattern"] = refusal.message
    if wanted.condition not in AlertRule.Condition.values:
        errors["condition"] = NOT_OFFERED
    else:
        try:
            rule.limit = conditions.read_limit(Condition(wanted.condition), wanted.limit)
        except Refusal as refusal:
            errors["limit"] = refusal.message
    if not 1 <= wanted.samples <= MOST_SAMPLES:
        errors["samples"] = say("This is not between %(least)d and %(most)d.", least=1, most=MOST_SAMPLES)
    if wanted.severity not in AlertRule.Severity.values:
        errors["severity"] = NOT_OFFERED
    if wanted.endpoint and wanted.endpoint.removed_at:
        errors["endpoint"] = say("This endpoint was removed.")
    if errors:
        raise Invalid(errors)
    rule.name, rule.endpoint, rule.condition = name, wanted.endpoint, wanted.condition
    rule.samples, rule.severity, rule.enabled = wanted.samples, wanted.severity, wanted.enabled
    rule.problem = rule.problem_at = None  # until it is looked at again
