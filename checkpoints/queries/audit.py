"""Reads for the audit page: filters, and pages by sequence number so that new rows move nothing."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from django.db.models import QuerySet

from checkpoints.models import AuditRow, Reset

PAGE = 50


@dataclass(frozen=True)
class Filters:
    """What to look for; empty or None means any."""

    action: str = ""
    actor: str = ""
    group: str = ""
    outcome: str = ""
    object_id: str = ""
    since: datetime | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Row:
    """An audit row as it is shown: JSON as (name, text) pairs, `reset_id` when the reset has a page."""

    row: AuditRow
    before: list[tuple[str, str]]
    after: list[tuple[str, str]]
    details: list[tuple[str, str]]
    reset_id: str


@dataclass(frozen=True)
class Page:
    """Rows, newest first; the next page, if there is one, begins below the sequence number `older`."""

    rows: list[Row]
    older: int | None


def page(filters: Filters, *, before: int | None = None) -> Page:
    """Return the newest rows that fit, below the sequence number `before` when it is given."""
    found = _filtered(filters)
    if before is not None:
        found = found.filter(seq__lt=before)
    rows = list(found.order_by("-seq")[: PAGE + 1])
    older = rows[PAGE - 1].seq if len(rows) > PAGE else None
    resets = _existing_resets(rows)
    return Page([_shown(row, resets) for row in rows[:PAGE]], older)


def facts(value: Any, name: str = "") -> list[tuple[str, str]]:
    """Return a JSON value as (dotted name, text) pairs, in the order of the value."""
    if value is None:
        return [(name, "—")] if name else []
    if isinstance(value, dict):
        return [
            pair for key, part in value.items() for pair in facts(part, f"{name}.{key}" if name else str(key))
        ]
    if isinstance(value, list) and any(isinstance(part, dict | list) for part in value):
        return [pair for place, part in enumerate(value) for pair in facts(part, f"{name}[{place}]")]
    if isinstance(value, list):
        return [(name, ", ".join(str(part) for part in value) or "—")]
    if isinstance(value, bool):
        return [(name, "yes" if value else "no")]
    return [(name, str(value))]


def actions() -> list[str]:
    """Return the actions that occur."""
    return list(AuditRow.objects.order_by("action").values_list("action", flat=True).distinct())


def outcomes() -> list[str]:
    """Return the outcomes that occur."""
    found = AuditRow.objects.exclude(outcome="").order_by("outcome")
    return list(found.values_list("outcome", flat=True).distinct())


def _filtered(filters: Filters) -> QuerySet[AuditRow]:
    exact = {
        "action": filters.action,
        "actor_name": filters.actor,
        "consumer_group": filters.group,
        "outcome": filters.outcome,
        "object_id": filters.object_id,
        "at__gte": filters.since,
        "at__lt": filters.until,
    }
    return AuditRow.objects.filter(**{name: value for name, value in exact.items() if value})


def _shown(row: AuditRow, resets: set[str]) -> Row:
    reset_id = row.object_id if row.object_id in resets else ""
    return Row(row, facts(row.before), facts(row.after), facts(row.details), reset_id)


def _existing_resets(rows: list[AuditRow]) -> set[str]:
    """Return which of the rows' objects are resets that still have a page, with one query."""
    ids = {row.object_id for row in rows if row.action.startswith("reset.") and _is_uuid(row.object_id)}
    return {str(pk) for pk in Reset.objects.filter(pk__in=ids).values_list("pk", flat=True)}


def _is_uuid(text: str) -> bool:
    try:
        return str(UUID(text)) == text
    except ValueError:
        return False
