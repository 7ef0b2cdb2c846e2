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
RESET = "reset"
"""The action of a reset as a whole, of which the audit log has rows for its steps and its shards."""
REFUSED = "reset.refused"


class Told(NamedTuple):
    """Shards of a reset of which the same came."""

    outcome: str
    shards: list[int]


@dataclass(frozen=True)
class Entry:
    """Something that was done; `action` is noun.verb or RESET, `reset` is the id of a reset and its page.

    `told` says what came of the shards of a reset, and what its watch saw.
    """

    at: datetime
    who: str
    action: str
    outcome: str
    shard: int | None
    reason: str
    ticket: str
    reset: str
    told: tuple[Told, ...] = ()


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
    entries = _resets(group) + (list(map(_entry, found[:MOST])) if audited else [])
    return Timeline(sorted(entries, key=lambda one: one.at, reverse=True)[:MOST], changes)


def _changed(name: str, logstore: str, project: str, endpoint: str) -> QuerySet[Any, Any]:
    """Return the newest changes of the settings of a group."""
    rows = _of_group(name, logstore, project, endpoint).filter(action=CHANGED)
    return rows.values_list(*_Row._fields)[:CHANGES]


def _newest(name: str, logstore: str, project: str, endpoint: str) -> QuerySet[Any, Any]:
    """Return the newest rows of a group and the newest changes of its settings; what both have comes once.

    Without those of resets: each of these is one entry, however many rows its steps and shards have.
    """
    resets = Q(action__startswith="reset.") & ~Q(action=REFUSED)
    rows = _of_group(name, logstore, project, endpoint).exclude(resets)
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


def _entry(row: _Row) -> Entry:
    outcome = "refused" if row.action == REFUSED else row.outcome  # which has the code of the refusal
    return Entry(row.at, row.actor_name, row.action, outcome, row.shard, row.reason, row.ticket, "")


_FIELDS = ("pk", "started_at", "actor_name", "outcome", "reason", "ticket")
_OF_SHARD = ("shards__shard", "shards__outcome", "shards__watch")
_Came = dict[tuple[int, str], list[int]]
"""The shards of which the same came: (0, its outcome), or (1, what its watch saw)."""


def _resets(group: ConsumerGroup) -> list[Entry]:
    """Return the newest resets, each with what came of its shards; in one query."""
    newest = group.resets.order_by("-started_at").values("pk")[:MOST]
    rows = Reset.objects.filter(pk__in=newest).order_by().values_list(*_FIELDS, *_OF_SHARD)
    resets: dict[tuple[Any, ...], _Came] = {}
    for row in rows:
        told = resets.setdefault(row[: len(_FIELDS)], {})
        shard, *words = row[len(_FIELDS) :]
        for place, word in enumerate(words):
            if word:
                told.setdefault((place, word), []).append(shard)
    return [_reset(fields, told) for fields, told in resets.items()]


def _reset(fields: tuple[Any, ...], told: _Came) -> Entry:
    pk, at, who, outcome, reason, ticket = fields
    lines = tuple(Told(word, sorted(shards)) for (_, word), shards in sorted(told.items()))
    return Entry(at, who, RESET, outcome, None, reason, ticket, str(pk), lines)


def _changes(rows: Iterable[_Row]) -> list[Change]:
    return [
        Change(row.at, name, before, (row.after or {}).get(name))
        for row in islice(rows, CHANGES)
        for name, before in (row.before or {}).items()
    ]
