"""Alerts: what rules find. Once a minute each rule is held against the last reading of every group.

What becomes of that is in alert_states.py, what people do about it in alert_acts.py.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from uuid import UUID

from django.db.models import Max

from checkpoints.domain import conditions, protection
from checkpoints.domain.conditions import Condition, Figures
from checkpoints.domain.messages import Message, say
from checkpoints.models import AlertRule, ConsumerGroup, ShardReset
from checkpoints.queries import living
from checkpoints.services import alert_states, jobs
from checkpoints.services.alert_acts import BadAlert, acknowledge, silence, unsilence
from checkpoints.services.alert_states import Look
from checkpoints.services.intervals import is_stale, read_every

__all__ = ["BadAlert", "acknowledge", "end_all", "evaluate", "silence", "unsilence"]

LEASE = timedelta(minutes=2)
NAME = "alerts"
FAILED = say("This rule could not be looked at (%(error)s): the log of this site says why.")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """A group with what is known of it; `is_stale`: too long ago to say anything of now."""

    group: ConsumerGroup
    endpoint: UUID
    names: dict[str, str]
    figures: Figures
    is_stale: bool


def evaluate(now: datetime) -> bool:
    """Look at every rule and every group, unless another process does; says whether this one did."""
    with jobs.alone(NAME, LEASE, now=now) as mine:
        if mine:
            _look_at_all(now)
    return mine


def end_all(rule: AlertRule, *, now: datetime) -> None:
    """Resolve what a rule found, and tell who was told, in the caller's transaction: the rule goes."""
    alert_states.store(rule, [], now)


def _look_at_all(now: datetime) -> None:
    rules = list(AlertRule.objects.all())
    going_on = set(alert_states.going_on().values_list("rule_id", flat=True).distinct())
    groups = _seen(now) if any(rule.enabled for rule in rules) else []
    for rule in rules:
        if rule.enabled or rule.pk in going_on:
            _look_by(rule, groups, now, is_going_on=rule.pk in going_on)


def _look_by(rule: AlertRule, groups: Sequence[Seen], now: datetime, *, is_going_on: bool) -> None:
    """Look by one rule; what is wrong with it is logged and noted at the rule, its alerts stay."""
    try:
        looks = list(_looks(rule, groups, now)) if rule.enabled else []
        if is_going_on or any(look.finding.holds for look in looks):
            alert_states.store(rule, looks, now)
    except Exception as error:  # one rule must not keep the others from being looked at
        log.exception("the rule %s could not be looked at", rule.name)
        _note(rule, Message(FAILED.text, {"error": type(error).__name__}), now)
    else:
        _note(rule, None, now)


def _note(rule: AlertRule, problem: Message | None, now: datetime) -> None:
    """Remember at a rule that it cannot be looked at, and since when, or that it can be again."""
    stored = problem and problem.dump()
    if stored != rule.problem:
        since = (rule.problem_at or now) if problem else None
        AlertRule.objects.filter(pk=rule.pk).update(problem=stored, problem_at=since)


def _looks(rule: AlertRule, groups: Sequence[Seen], now: datetime) -> Iterable[Look]:
    """Hold a rule against every group it means. A reading too old to say anything of now is not known."""
    condition = Condition(rule.condition)
    by_the_clock = condition in conditions.BY_THE_CLOCK
    minute = now.replace(second=0, microsecond=0)  # one sample of it, however many workers look
    overwritten = _overwritten(rule, now) if condition is Condition.OVERWRITTEN else {}
    for seen in groups:
        if rule.endpoint_id not in {None, seen.endpoint}:
            continue
        if not protection.matches(rule.pattern, **seen.names):
            continue
        finding = conditions.NOT_KNOWN
        if by_the_clock or not seen.is_stale:
            figures = seen.figures
            if overwritten:
                figures = replace(figures, overwritten_at=overwritten.get(seen.group.pk))
            finding = conditions.find(condition, rule.limit, figures, now=now)
        yield Look(seen.group, finding, minute if by_the_clock else seen.group.read_at or now)


def _seen(now: datetime) -> list[Seen]:
    return [
        Seen(
            group,
            group.endpoint.pk,
            {"project": group.project.name, "logstore": group.logstore.name, "group": group.name},
            _figures(group),
            is_stale(group, now),
        )
        for group in living.collected().iterator()
    ]


def _figures(group: ConsumerGroup) -> Figures:
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
    )


def _overwritten(rule: AlertRule, now: datetime) -> dict[int, datetime]:
    """Return when a reset of a group was last seen overwritten, as far back as the rule looks."""
    since = now - timedelta(seconds=rule.limit or 0)
    found = ShardReset.objects.filter(watch=ShardReset.Watch.OVERWRITTEN, reset__looked_at__gte=since)
    rows = found.order_by().values_list("reset__group").annotate(at=Max("reset__looked_at"))
    return {group: at for group, at in rows if at is not None}
