"""Where alerts stand: what a rule found is taken over, and what is to be told of it stored with that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import QuerySet, prefetch_related_objects

from checkpoints.domain import alerting
from checkpoints.domain.alerting import OPEN, Event, Standing, State
from checkpoints.domain.conditions import Finding
from checkpoints.domain.messages import say
from checkpoints.models import Alert, AlertRule, ConsumerGroup
from checkpoints.services import notices, storing

NOT_LOOKED_AT = say("Nobody looks at this any more: the rule or its pattern changed, or the group is gone.")
BATCH = 500
CHANGING = (
    "state", "streak", "since", "told_at", "resolved_at", "words", "acknowledged_by",
    "acknowledged_at", "silenced_until", "events",
)  # fmt: skip
"""The fields that a look may change, besides when the sample was taken.

A sample that changes nothing else would change nothing if it were counted again, so its time is not worth a
write; but after a silence only a further sample is told.
"""


@dataclass(frozen=True)
class Look:
    """What a rule found of one group, and when that was so."""

    group: ConsumerGroup
    finding: Finding
    sampled_at: datetime


def going_on() -> QuerySet[Alert]:
    """Return the alerts that any look changes: those that are not resolved."""
    return Alert.objects.filter(state__in=[*OPEN, State.PENDING])


@transaction.atomic
def store(rule: AlertRule, looks: Iterable[Look], now: datetime) -> None:
    """Take what a rule found over into its alerts, as these are now, and store what is to be told with them.

    An alert without a look is one that nobody looks at any more. Only what changed is written, all at once.
    """
    seen = {look.group.pk: look for look in looks}
    holding = [pk for pk, look in seen.items() if look.finding.holds]
    changed, told = [], []
    for row in _held(rule, holding):
        before, row.rule = _fields(row), rule
        counted = row.sampled_at
        event = _take(row, seen.get(row.group_id), now)
        if event is not None:
            told.append(_numbered(row, event))
        if _fields(row) != before or (row.sampled_at != counted and row.state == State.SILENCED):
            changed.append(row)
    storing.update(changed, [*CHANGING, "sampled_at"])  # they are locked
    _tell(told, seen, now)


def standing(row: Alert) -> Standing:
    """Return where a stored alert stands."""
    return Standing(
        state=State(row.state),
        streak=row.streak,
        sampled_at=row.sampled_at,
        since=row.since,
        acknowledged=row.acknowledged_at is not None,
        silenced_until=row.silenced_until,
        told_at=row.told_at,
    )


def put(row: Alert, new: Standing) -> None:
    """Put where an alert stands into its row, for the caller to save."""
    row.state, row.streak, row.sampled_at = new.state.value, new.streak, new.sampled_at
    row.silenced_until, row.told_at = new.silenced_until, new.told_at
    row.since = new.since or row.since  # once resolved it still says since when it was so


def _held(rule: AlertRule, holding: Sequence[int]) -> list[Alert]:
    """Return the alerts of a rule that are going on and those of groups for which it holds, locked."""
    rows = list(going_on().select_for_update().filter(rule=rule))
    there = {row.group_id for row in rows}
    missing = [pk for pk in holding if pk not in there]
    for start in range(0, len(missing), BATCH):
        some = missing[start : start + BATCH]
        Alert.objects.bulk_create([Alert(rule=rule, group_id=pk) for pk in some], ignore_conflicts=True)
        rows += Alert.objects.select_for_update().filter(rule=rule, group__in=some)
    return rows


def _take(row: Alert, look: Look | None, now: datetime) -> Event | None:
    """Change an alert by a look and return what is to be told; without one nobody looks any more."""
    old = standing(row)
    if look is None:
        new, event = alerting.end(old)
        row.words = NOT_LOOKED_AT.dump()
    else:
        new, event = alerting.step(
            old, holds=look.finding.holds, sampled_at=look.sampled_at, samples=row.rule.samples, now=now
        )
        if look.finding.holds is not None or not row.words:
            row.words = look.finding.words.dump()
    put(row, new)
    if new.state is State.RESOLVED and old.state is not State.RESOLVED:
        row.resolved_at = now
        row.acknowledged_by, row.acknowledged_at = "", None
    return event


def _numbered(row: Alert, event: Event) -> tuple[Alert, Event]:
    row.events += 1
    return row, event


def _fields(row: Alert) -> tuple[Any, ...]:
    return tuple(getattr(row, name) for name in CHANGING)


def _tell(told: Sequence[tuple[Alert, Event]], seen: dict[int, Look], now: datetime) -> None:
    if not told:
        return
    prefetch_related_objects([told[0][0].rule], "channels")
    gone = [row.group_id for row, _ in told if row.group_id not in seen]
    groups = ConsumerGroup.objects.select_related("logstore__project__endpoint").in_bulk(gone)
    for row, _ in told:
        look = seen.get(row.group_id)
        row.group = look.group if look else groups[row.group_id]
    for event in Event:
        notices.store(notices.write([row for row, its in told if its is event], event, now=now))
