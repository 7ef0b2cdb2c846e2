"""What was done to one group: from the audit log, or its resets for those who may not read that."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import islice
from typing import Any, NamedTuple

from django.db.models import Q, QuerySet

from checkpoints.models import AuditRow, ConsumerGroup, Reset
from checkpoints.queries.prepared import Prepared, aware, from_json

MOST = 20
CHANGES = 10
CHANGED = "group.changed"


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


@dataclass(frozen=True)
class Timeline:
    """What was done to a group, and how its settings changed, newest first."""

    entries: list[Entry]
    changes: list[Change]


class _Row(NamedTuple):
    """An audit row as far as it is told."""

    seq: int
    at: datetime
    actor_name: str
    action: str
    outcome: str
    shard: int | None
    reason: str
    ticket: str
    object_id: str
    before: Any
    after: Any


def timeline(group: ConsumerGroup, *, audited: bool) -> Timeline:
    """Return the newest of both; without the right to read the audit log the entries are its resets."""
    names = group.name, group.logstore.name, group.project.name, group.endpoint.name
    found = list(map(_row, (_NEWEST if audited else _CHANGED).rows(*names)))
    changes = _changes(row for row in found if row.action == CHANGED)
    return Timeline(_entries(found[:MOST]) if audited else _resets(group), changes)


def _changed(name: str, logstore: str, project: str, endpoint: str) -> QuerySet[Any, Any]:
    """Return the newest changes of the settings of a group."""
    rows = _of_group(name, logstore, project, endpoint).filter(action=CHANGED)
    return rows.values_list(*_Row._fields)[:CHANGES]


def _newest(name: str, logstore: str, project: str, endpoint: str) -> QuerySet[Any, Any]:
    """Return the newest rows of a group and the newest changes of its settings; what both have comes once."""
    rows = _of_group(name, logstore, project, endpoint)
    both = Q(seq__in=rows.values("seq")[:MOST]) | Q(
        seq__in=rows.filter(action=CHANGED).values("seq")[:CHANGES]
    )
    return AuditRow.objects.filter(both).order_by("-seq").values_list(*_Row._fields)


def _of_group(name: str, logstore: str, project: str, endpoint: str) -> QuerySet[AuditRow]:
    names = {"logstore": logstore, "project": project, "endpoint": endpoint}
    return AuditRow.objects.filter(consumer_group=name, **names).order_by("-seq")


_CHANGED, _NEWEST = Prepared(_changed), Prepared(_newest)


def _row(values: Sequence[Any]) -> _Row:
    row = _Row._make(values)
    return row._replace(at=aware(row.at), before=from_json(row.before), after=from_json(row.after))


def _entries(rows: Sequence[_Row]) -> list[Entry]:
    with_page = _resets_of(rows)
    return [
        Entry(
            row.at, row.actor_name, row.action, row.outcome, row.shard, row.reason, row.ticket,
            row.object_id if row.object_id in with_page else "",
        )
        for row in rows
    ]  # fmt: skip


def _resets(group: ConsumerGroup) -> list[Entry]:
    return [
        Entry(
            reset.started_at, reset.actor_name, "reset.requested", reset.outcome, None, reset.reason,
            reset.ticket, str(reset.pk),
        )
        for reset in group.resets.order_by("-started_at")[:MOST]
    ]  # fmt: skip


def _changes(rows: Iterable[_Row]) -> list[Change]:
    return [
        Change(row.at, name, before, (row.after or {}).get(name))
        for row in islice(rows, CHANGES)
        for name, before in (row.before or {}).items()
    ]


def _resets_of(rows: Iterable[_Row]) -> set[str]:
    ids = {row.object_id for row in rows if row.action.startswith("reset.") and len(row.object_id) == 36}
    return {str(pk) for pk in Reset.objects.filter(pk__in=ids).values_list("pk", flat=True)} if ids else set()
