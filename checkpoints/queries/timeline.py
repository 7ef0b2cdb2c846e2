"""What was done to one group: from the audit log, or its resets for those who may not read that."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.db.models import QuerySet

from checkpoints.models import AuditRow, ConsumerGroup, Reset

MOST = 20
CHANGES = 10


@dataclass(frozen=True)
class Entry:
    """Something that was done; `action` is noun.verb, `reset` is the id of a reset that has a page."""

    at: datetime
    who: str
    action: str
    outcome: str
    shard: int | None
    reason: str
    ticket: str
    reset: str


@dataclass(frozen=True)
class Change:
    """A setting of the group that was seen to be another than before."""

    at: datetime
    name: str
    before: Any
    after: Any


def recorded(group: ConsumerGroup) -> list[Entry]:
    """Return the newest audit rows of a group, newest first."""
    rows = list(_rows(group)[:MOST])
    with_page = _resets_of(rows)
    return [
        Entry(
            row.at, row.actor_name, row.action, row.outcome, row.shard, row.reason, row.ticket,
            row.object_id if row.object_id in with_page else "",
        )
        for row in rows
    ]  # fmt: skip


def resets(group: ConsumerGroup) -> list[Entry]:
    """Return the newest resets of a group, newest first."""
    return [
        Entry(
            reset.started_at, reset.actor_name, "reset.requested", reset.outcome, None, reset.reason,
            reset.ticket, str(reset.pk),
        )
        for reset in group.resets.order_by("-started_at")[:MOST]
    ]  # fmt: skip


def changes(group: ConsumerGroup) -> list[Change]:
    """Return when the settings of a group were seen to change, newest first."""
    rows = _rows(group).filter(action="group.changed")[:CHANGES]
    return [
        Change(row.at, name, before, (row.after or {}).get(name))
        for row in rows
        for name, before in (row.before or {}).items()
    ]


def _rows(group: ConsumerGroup) -> QuerySet[AuditRow]:
    """Return the audit rows that name this group; its name first, that is the index."""
    names = {"logstore": group.logstore.name, "project": group.project.name, "endpoint": group.endpoint.name}
    return AuditRow.objects.filter(consumer_group=group.name, **names).order_by("-seq")


def _resets_of(rows: Iterable[AuditRow]) -> set[str]:
    ids = {row.object_id for row in rows if row.action.startswith("reset.") and len(row.object_id) == 36}
    return {str(pk) for pk in Reset.objects.filter(pk__in=ids).values_list("pk", flat=True)} if ids else set()
