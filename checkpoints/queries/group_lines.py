"""The groups of the overview as plain rows: building five models for each would be half of the query."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from typing import Any, NamedTuple
from uuid import UUID

from django.db.models import Case, Exists, JSONField, OuterRef, QuerySet, When

from checkpoints.models import Alert, ConsumerGroup, Endpoint
from checkpoints.queries.prepared import Prepared, aware, from_json, uuid


class EndpointLine(NamedTuple):
    """An endpoint as far as the overview shows it."""

    pk: UUID
    name: str
    enabled: bool
    problem: dict[str, Any] | None
    problem_at: datetime | None
    failures: int
    interval_seconds: int | None
    opened_at: datetime | None
    retry_at: datetime | None


class GroupLine(NamedTuple):
    """A group with the names it is found by and the summary of its last reading; None is not known.

    `is_partial` as in ConsumerGroup, `read_every` as in Logstore; `recent` is as domain.sparks wrote it, None
    without history. `reasons` are those of a partial reading, or of every one when they were asked for.
    """

    pk: int
    name: str
    logstore: str
    project: str
    endpoint: EndpointLine
    retention_days: int | None
    read_every: int | None
    recent: bytes | None
    verdict: str
    read_at: datetime | None
    is_partial: bool
    backlog: int | None
    lag_seconds: float | None
    lag_is_lower_bound: bool
    oldest_unread_at: datetime | None
    data_loss_at: datetime | None
    lost: int | None
    shard_count: int | None
    consumer_count: int | None
    last_commit_at: datetime | None
    problem: dict[str, Any] | None
    problem_at: datetime | None
    has_alert: bool
    reasons: list[dict[str, Any]] | None


_PLACES = {
    "logstore": "logstore__name",
    "project": "logstore__project__name",
    "endpoint": "logstore__project__endpoint",
    "retention_days": "logstore__retention_days",
    "read_every": "logstore__read_every",
    "recent": "history__recent",
}


def columns(groups: QuerySet[ConsumerGroup], *, with_reasons: bool = False) -> QuerySet[Any, Any]:
    """Return the query for what lines() makes lines of."""
    names = [_PLACES.get(name, name) for name in GroupLine._fields[:-2]]
    firing = Alert.objects.filter(group=OuterRef("pk"), state=Alert.State.FIRING)
    some = Case(When(is_partial=True, then="reasons"), default=None, output_field=JSONField())
    return groups.values_list(*names, Exists(firing), "reasons" if with_reasons else some)


def lines(rows: Iterable[tuple[Any, ...]], endpoints: Iterable[EndpointLine]) -> Iterator[GroupLine]:
    """Yield the rows of a query as groups."""
    by_id = {endpoint.pk: endpoint for endpoint in endpoints}
    for row in rows:
        values = list(row)
        values[_ENDPOINT] = by_id.get(uuid(row[_ENDPOINT]))
        if values[_ENDPOINT] is None:
            continue  # it was removed between the two queries
        for place in _TIMES:
            values[place] = aware(row[place])
        for place in _JSON:
            values[place] = from_json(row[place]) or None
        yield GroupLine._make(values)


_ENDPOINT = GroupLine._fields.index("endpoint")
_TIMES = [place for place, name in enumerate(GroupLine._fields) if name.endswith("_at")]
_JSON = [GroupLine._fields.index(name) for name in ("problem", "reasons")]
_ENDPOINTS = Prepared(lambda: Endpoint.objects.filter(removed_at=None).values_list(*EndpointLine._fields))


def endpoints() -> list[EndpointLine]:
    """Return the endpoints by name."""
    return [
        EndpointLine(
            uuid(pk),
            name,
            bool(enabled),
            from_json(problem),
            aware(at),
            failures,
            seconds,
            *map(aware, times),
        )
        for pk, name, enabled, problem, at, failures, seconds, *times in _ENDPOINTS.rows()
    ]
