"""Alerts: what rules find, and what people do about it. A state and its notices are stored together."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max

from checkpoints.domain import alerting, conditions, protection
from checkpoints.domain.alerting import Event, Standing, State
from checkpoints.domain.conditions import Condition, Figures, Finding
from checkpoints.domain.messages import Refusal, say
from checkpoints.models import Alert, AlertRule, ConsumerGroup, ShardReset
from checkpoints.services import audit, jobs, notices, reasons
from checkpoints.services.audit import Actor
from checkpoints.services.intervals import is_stale, read_every
from checkpoints.services.refusals import Refused

LEASE = timedelta(minutes=2)
NAME = "alerts"
BATCH = 100
SHORTEST, LONGEST = timedelta(minutes=1), timedelta(days=30)
NOT_LOOKED_AT = say("Nobody looks at this any more: the rule or its pattern changed, or the group is gone.")


class BadAlert(Refused):
    """An alert about which this cannot be done."""

    code = "bad_alert"


@dataclass(frozen=True)
class Look:
    """What one rule found of one group, and when that was so; no finding when nobody looks any more."""

    rule: AlertRule
    group: int
    finding: Finding | None
    sampled_at: datetime


def evaluate(now: datetime) -> bool:
    """Look at every rule and every group, unless another process does; says whether this one did."""
    with jobs.alone(NAME, LEASE, now=now) as mine:
        due = _due(now) if mine else []
        for start in range(0, len(due), BATCH):
            _store(due[start : start + BATCH], now)
    return mine


def acknowledge(alert: Alert, *, actor: Actor, now: datetime) -> Alert:
    """Say that somebody is at it, the first who says so. Raises BadAlert when nothing fires."""

    def change(row: Alert) -> bool:
        new = alerting.acknowledge(_standing(row))
        if row.acknowledged_at is not None:
            return False
        _put(row, new)
        row.acknowledged_by, row.acknowledged_at = actor.name, now
        return True

    return _change(alert, "alert.acknowledged", change, actor, now)


def silence(alert: Alert, *, reason: str, span: timedelta, actor: Actor, now: datetime) -> Alert:
    """Tell nothing of an alert for a while. Raises BadAlert, or BadReason without a reason."""
    reasons.check(reason.strip(), "", required=True)
    if not SHORTEST <= span <= LONGEST:
        raise BadAlert(say("An alert is silenced for at least a minute and at most 30 days."))

    def change(row: Alert) -> bool:
        _put(row, alerting.silence(_standing(row), now + span))
        row.silenced_by, row.silence_reason = actor.name, reason.strip()
        return True

    return _change(alert, "alert.silenced", change, actor, now, reason=reason.strip())


def unsilence(alert: Alert, *, actor: Actor, now: datetime) -> Alert:
    """Let an alert be told of again; nothing changes when it is not silenced."""

    def change(row: Alert) -> bool:
        if row.silenced_until is None:
            return False
        _put(row, alerting.unsilence(_standing(row)))
        row.silenced_by = row.silence_reason = ""
        return True

    return _change(alert, "alert.unsilenced", change, actor, now)


def end_all(rule: AlertRule, *, now: datetime) -> None:
    """Resolve what a rule found, and tell who was told, in the caller's transaction: the rule goes."""
    rows = Alert.objects.select_for_update(of=("self",)).filter(rule=rule).exclude(state=State.RESOLVED)
    for row in rows.select_related("group__logstore__project__endpoint"):
        row.rule = rule
        notices.store(_take(row, None, now, now))
        row.save()


def _due(now: datetime) -> list[Look]:
    """Return the looks that change something: at what holds, and at every alert that is not resolved."""
    rules = list(AlertRule.objects.filter(enabled=True))
    going_on = {(row.rule_id, row.group_id): row for row in Alert.objects.exclude(state=State.RESOLVED)}
    looked: set[tuple[int, int]] = set()
    due = []
    for look in _looks(rules, now):
        key = look.rule.pk, look.group
        looked.add(key)
        if key in going_on or (look.finding is not None and look.finding.holds):
            due.append(look)
    for key, row in going_on.items():
        if key not in looked:
            due.append(Look(AlertRule(pk=row.rule_id), row.group_id, None, now))
    return due


def _looks(rules: Sequence[AlertRule], now: datetime) -> Iterable[Look]:
    if not rules:
        return
    overwritten = _overwritten(rules, now)
    minute = now.replace(second=0, microsecond=0)  # one sample of it, however many workers look
    for group in _groups():
        endpoint = group.endpoint
        names = {"project": group.project.name, "logstore": group.logstore.name, "group": group.name}
        figures = _figures(group, overwritten.get(group.pk))
        stale = is_stale(group, now)
        for rule in rules:
            if rule.endpoint_id not in {None, endpoint.pk} or not protection.matches(rule.pattern, **names):
                continue
            condition = Condition(rule.condition)
            by_the_clock = condition in conditions.BY_THE_CLOCK
            finding = conditions.find(condition, rule.limit, figures, now=now)
            if stale and not by_the_clock:
                finding = conditions.NOT_KNOWN
            yield Look(rule, group.pk, finding, minute if by_the_clock else group.read_at or now)


def _groups() -> Iterable[ConsumerGroup]:
    there = ConsumerGroup.objects.filter(
        vanished_at=None,
        logstore__vanished_at=None,
        logstore__project__vanished_at=None,
        logstore__project__endpoint__removed_at=None,
        logstore__project__endpoint__enabled=True,
    )
    return there.select_related("logstore__project__endpoint").defer("reasons").order_by("pk").iterator()


def _figures(group: ConsumerGroup, overwritten_at: datetime | None) -> Figures:
    read = group.read_at
    return Figures(
        read_at=read,
        read_every=read_every(group),
        words=frozenset(group.words),
        is_partial=group.is_partial,
        is_complete=group.verdict_complete,
        lag=None if group.lag_seconds is None else timedelta(seconds=group.lag_seconds),
        lag_is_lower_bound=group.lag_is_lower_bound,
        unread_age=read - group.oldest_unread_at if read and group.oldest_unread_at else None,
        backlog=group.backlog,
        data_loss_in=group.data_loss_at - read if read and group.data_loss_at else None,
        lost=group.lost,
        known_since=group.seen_at,
        overwritten_at=overwritten_at,
    )


def _overwritten(rules: Sequence[AlertRule], now: datetime) -> dict[int, datetime]:
    """Return when a reset of a group was last seen overwritten, as far back as any rule looks."""
    limits = [rule.limit or 0 for rule in rules if rule.condition == Condition.OVERWRITTEN]
    if not limits:
        return {}
    found = ShardReset.objects.filter(
        watch=ShardReset.Watch.OVERWRITTEN, reset__looked_at__gte=now - timedelta(seconds=max(limits))
    )
    rows = found.order_by().values_list("reset__group").annotate(at=Max("reset__looked_at"))
    return {group: at for group, at in rows if at is not None}


@transaction.atomic
def _store(looks: Sequence[Look], now: datetime) -> None:
    """Take looks over into their alerts, as these are now, and store what is to be told with them."""
    new = [Alert(rule_id=look.rule.pk, group_id=look.group) for look in looks if look.finding is not None]
    Alert.objects.bulk_create(new, ignore_conflicts=True)
    wanted: defaultdict[int, dict[int, Look]] = defaultdict(dict)
    for look in looks:
        wanted[look.rule.pk][look.group] = look
    rows = Alert.objects.select_for_update(of=("self",)).filter(
        rule__in=wanted, group__in={look.group for look in looks}
    )
    for row in rows.select_related("rule", "group__logstore__project__endpoint").prefetch_related(
        "rule__channels"
    ):
        if found := wanted[row.rule_id].get(row.group_id):
            notices.store(_take(row, found.finding, found.sampled_at, now))
            row.save()


def _take(row: Alert, finding: Finding | None, sampled_at: datetime, now: datetime) -> list[Any]:
    """Change an alert by a finding and return the notices; without a finding nobody looks any more."""
    old = _standing(row)
    if finding is None:
        new, event = alerting.end(old)
        row.words = NOT_LOOKED_AT.dump()
    else:
        samples = row.rule.samples
        new, event = alerting.step(old, holds=finding.holds, sampled_at=sampled_at, samples=samples, now=now)
        if finding.holds is not None or not row.words:
            row.words = finding.words.dump()
    _put(row, new)
    if new.state is State.RESOLVED and old.state is not State.RESOLVED:
        row.resolved_at = now
        row.acknowledged_by, row.acknowledged_at = "", None
    return _notices(row, event, now)


def _notices(row: Alert, event: Event | None, now: datetime) -> list[Any]:
    if event is None:
        return []
    row.events += 1
    return notices.write(row, event, now=now)


def _standing(row: Alert) -> Standing:
    return Standing(
        state=State(row.state),
        streak=row.streak,
        sampled_at=row.sampled_at,
        since=row.since,
        acknowledged=row.acknowledged_at is not None,
        silenced_until=row.silenced_until,
        told_at=row.told_at,
    )


def _put(row: Alert, new: Standing) -> None:
    row.state, row.streak, row.sampled_at = new.state.value, new.streak, new.sampled_at
    row.silenced_until, row.told_at = new.silenced_until, new.told_at
    row.since = new.since or row.since  # once resolved it still says since when it was so


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
