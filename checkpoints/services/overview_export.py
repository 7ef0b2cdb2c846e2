"""The groups of the overview for use outside: all that its filters leave, as CSV without formulas or JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from checkpoints.domain import sheets
from checkpoints.domain.messages import load
from checkpoints.domain.schedule import TOO_OLD
from checkpoints.queries import overview
from checkpoints.queries.asking import Asked
from checkpoints.queries.overview import Row
from checkpoints.services import audit
from checkpoints.services.audit import Actor


def export(asked: Asked, form: str, *, actor: Actor, now: datetime) -> str:
    """Return the groups as "csv" or "json", and record that somebody took them; unknown is null or empty."""
    rows = [_plain(row) for row in overview.whole(asked, now=now)]
    with transaction.atomic():
        details = {"format": form, "query": asked.query, "groups": len(rows)}
        audit.record("groups.exported", actor=actor, outcome="done", details=details, at=now)
    return "".join(_as_csv(rows)) if form == "csv" else _as_json(rows, asked, now)


def _as_csv(rows: Iterable[dict[str, Any]]) -> Iterator[str]:
    yield sheets.line(COLUMNS)
    for row in rows:
        yield sheets.line(_flat(row[column]) for column in COLUMNS)


def _as_json(rows: list[dict[str, Any]], asked: Asked, now: datetime) -> str:
    body = {"made_at": _instant(now), "query": asked.query, "groups": rows}
    return json.dumps(body, ensure_ascii=False, indent=1) + "\n"


def _flat(value: Any) -> Any:
    """Return a list as one cell, and a claim as JSON writes it."""
    if isinstance(value, list):
        return "; ".join(value)
    return str(value).lower() if isinstance(value, bool) else value


def _plain(row: Row) -> dict[str, Any]:
    group = row.group
    problem = group.problem or {}
    return {
        "endpoint": group.endpoint.name,
        "project": group.project,
        "logstore": group.logstore,
        "group": group.name,
        "labels": row.labels,
        "verdict": row.verdict,
        "reasons": [str(TOO_OLD)] if row.is_stale else [str(load(reason)) for reason in group.reasons or ()],
        "lag_seconds": group.lag_seconds,
        "lag_is_lower_bound": group.lag_is_lower_bound,
        "is_partial": group.is_partial,
        "unread_age_seconds": _seconds(row.unread_age),
        "backlog": group.backlog,
        "trend": row.spark.trend.value,
        "caught_up_in": None if row.caught_up is None else str(row.caught_up),
        "lost": group.lost,
        "data_loss_in_seconds": _seconds(row.data_loss_in),
        "consumers": group.consumer_count,
        "shards": group.shard_count,
        "last_commit_at": _instant(group.last_commit_at),
        "read_at": _instant(group.read_at),
        "problem": problem.get("code"),
        "request_id": problem.get("request_id"),
        "stale": row.is_stale,
    }


COLUMNS = (
    "endpoint", "project", "logstore", "group", "labels", "verdict", "reasons", "lag_seconds",
    "lag_is_lower_bound", "is_partial", "unread_age_seconds", "backlog", "trend", "caught_up_in", "lost",
    "data_loss_in_seconds", "consumers", "shards", "last_commit_at", "read_at", "problem", "request_id",
    "stale",
)  # fmt: skip


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")
