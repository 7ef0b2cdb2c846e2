"""Rules for groups by pattern: what holds for a group, and changing the rules, audited."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Q

from checkpoints.domain import protection as order
from checkpoints.domain.messages import Message, Refusal, say
from checkpoints.models import ConsumerGroup, Endpoint, GroupRule
from checkpoints.services import rule_changes
from checkpoints.services.audit import Actor
from checkpoints.services.endpoint_fields import Invalid

LONGEST_NOTE = 255


@dataclass(frozen=True)
class Rules:
    """What holds for a group: the strictest of endpoint and rules, and which of them say so.

    `protection` is one of domain.protection.ORDER; `sources` is empty when nothing protects the group.
    """

    protection: str
    service_owned: bool
    sources: tuple[Message, ...]


@dataclass(frozen=True)
class Fields:
    """The fields of a rule as typed; `endpoint` None means all endpoints."""

    endpoint: Endpoint | None
    pattern: str
    protection: str
    service_owned: bool
    note: str = ""


def rules_of(group: ConsumerGroup) -> Rules:
    """Return what holds for a group now, read afresh from the database."""
    endpoint = group.endpoint
    stored = Endpoint.objects.filter(pk=endpoint.pk).values_list("protection", flat=True).first() or ""
    matching = _matching(group)
    protection = order.strictest([stored, *(rule.protection for rule in matching)])
    sources = [_endpoint_says(endpoint.name, stored)] if order.known(stored) == protection else []
    sources += [_rule_says(rule) for rule in matching if order.known(rule.protection) == protection]
    return Rules(
        protection=protection,
        service_owned=any(rule.service_owned for rule in matching),
        sources=tuple([source for source in sources if source] + list(_owned(matching))),
    )


def add(wanted: Fields, *, actor: Actor, now: datetime) -> GroupRule:
    """Store a new rule; raises endpoint_fields.Invalid with a sentence per field."""
    rule = GroupRule()
    _take_over(rule, wanted)
    with transaction.atomic():
        rule.save()
        rule_changes.record("group_rule.added", rule, actor=actor, now=now, after=describe(rule))
    return rule


def edit(rule: GroupRule, wanted: Fields, *, actor: Actor, now: datetime) -> GroupRule:
    """Change a rule; raises endpoint_fields.Invalid with a sentence per field."""
    with transaction.atomic():
        row = _held(rule)
        before = describe(row)
        _take_over(row, wanted)
        row.save()
        rule_changes.record(
            "group_rule.changed", row, actor=actor, now=now, before=before, after=describe(row)
        )
    return row


def remove(rule: GroupRule, *, actor: Actor, now: datetime) -> None:
    """Forget a rule; nothing happens when somebody did before."""
    with transaction.atomic():
        for row in GroupRule.objects.select_for_update().filter(pk=rule.pk):
            rule_changes.record("group_rule.removed", row, actor=actor, now=now, before=describe(row))
            row.delete()


def describe(rule: GroupRule) -> dict[str, Any]:
    """Return a rule as the audit keeps it."""
    return {
        "endpoint": rule.endpoint.name if rule.endpoint else None,
        "pattern": rule.pattern,
        "protection": rule.protection,
        "service_owned": rule.service_owned,
        "note": rule.note,
    }


def _matching(group: ConsumerGroup) -> list[GroupRule]:
    names = {"project": group.project.name, "logstore": group.logstore.name, "group": group.name}
    rules = GroupRule.objects.filter(Q(endpoint=None) | Q(endpoint=group.endpoint))
    return [rule for rule in rules if order.matches(rule.pattern, **names)]


def _endpoint_says(name: str, protection: str) -> Message | None:
    match protection:
        case order.NONE:
            return None
        case order.REASON:
            return say("The endpoint %(name)s wants a reason.", name=name)
        case order.TWO_PERSON:
            return say("The endpoint %(name)s wants the approval of a second person.", name=name)
        case order.READ_ONLY:
            return say("The endpoint %(name)s is read-only.", name=name)
    return say("The protection of the endpoint %(name)s is not known: it counts as read-only.", name=name)


def _rule_says(rule: GroupRule) -> Message | None:
    pattern = rule.pattern
    match rule.protection:
        case order.NONE:
            return None
        case order.REASON:
            return say("The rule %(pattern)s wants a reason.", pattern=pattern)
        case order.TWO_PERSON:
            return say("The rule %(pattern)s wants the approval of a second person.", pattern=pattern)
        case order.READ_ONLY:
            return say("The rule %(pattern)s makes its groups read-only.", pattern=pattern)
    return say(
        "The protection of the rule %(pattern)s is not known: it counts as read-only.", pattern=pattern
    )


def _owned(rules: Sequence[GroupRule]) -> Iterator[Message]:
    for rule in rules:
        if rule.service_owned:
            yield say("The rule %(pattern)s says that the service owns this group.", pattern=rule.pattern)


def _held(rule: GroupRule) -> GroupRule:
    row = GroupRule.objects.select_for_update().filter(pk=rule.pk).first()
    if row is None:
        raise Invalid({"pattern": say("This rule was removed.")})
    return row


def _take_over(rule: GroupRule, wanted: Fields) -> None:
    """Check the fields and put them into the rule."""
    rule.endpoint = wanted.endpoint
    rule.protection = wanted.protection
    rule.service_owned = wanted.service_owned
    rule.note = wanted.note.strip()
    errors: dict[str, Message] = {}
    try:
        rule.pattern = order.check_pattern(wanted.pattern)
    except Refusal as refusal:
        errors["pattern"] = refusal.message
    if wanted.endpoint and wanted.endpoint.removed_at:
        errors["endpoint"] = say("This endpoint was removed.")
    if wanted.protection not in order.ORDER:
        errors["protection"] = say("Choose one of the values offered.")
    elif wanted.protection == order.NONE and not wanted.service_owned:
        errors["protection"] = say(
            "This rule would change nothing: choose a protection, or say that the service owns these groups."
        )
    if len(rule.note) > LONGEST_NOTE or not rule.note.isprintable():
        errors["note"] = say("A note is one line of at most %(limit)d characters.", limit=LONGEST_NOTE)
    if not errors and _has_twin(rule):
        errors["pattern"] = say("There is a rule with this pattern already: change that one.")
    if errors:
        raise Invalid(errors)


def _has_twin(rule: GroupRule) -> bool:
    same = GroupRule.objects.filter(endpoint=rule.endpoint, pattern=rule.pattern)
    return same.exclude(pk=rule.pk).exists()
