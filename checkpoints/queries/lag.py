"""The lag of a Logstore's groups in the contract's JSON, from the last readings."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from checkpoints.domain import durations, lag
from checkpoints.domain.lag import ShardFacts, ShardLag
from checkpoints.domain.messages import load
from checkpoints.models import ConsumerGroup, Logstore


def report(logstore: Logstore, *, only: ConsumerGroup | None, now: datetime) -> dict[str, Any]:
    """Return the JSON of `lag`: what is not known is null, positions are text."""
    groups = [only] if only else list(logstore.groups.filter(vanished_at=None).order_by("name"))
    found = [_group(group, logstore, now) for group in groups]
    instants = [row.pop("read_at") for row in found]
    oldest = min((at for at in instants if at is not None), default=None)
    return {
        "as_of": _instant(oldest),
        "endpoint": logstore.project.endpoint.name,
        "project": logstore.project.name,
        "logstore": logstore.name,
        "retention_days": logstore.retention_days,
        "groups": found,
    }


def as_text(report: dict[str, Any]) -> str:
    """Return the report for people: one line per group and one per shard."""
    where = " / ".join(report[name] for name in ("endpoint", "project", "logstore"))
    lines = [f"{where} as of {report['as_of'] or 'never'}"]
    for group in report["groups"]:
        figures = f"lag {_words(group['lag_seconds'])}, backlog {_count(group['backlog'])}"
        lines.append(f"{group['name']}: {group['verdict']}, {figures}")
        lines += [
            f"  shard {row['shard']:>4}  {row['state']:<12} lag {_words(row['lag_seconds']):>10}"
            f"  backlog {_count(row['backlog']):>12}  {row['consumer'] or '-'}"
            for row in group["shards"]
        ]
    return "\n".join(lines)


def _group(group: ConsumerGroup, logstore: Logstore, now: datetime) -> dict[str, Any]:
    reading = group.readings.order_by("-taken_at").first()
    facts = reading.facts() if reading else []
    lags = [lag.assess(fact, now=now, retention=logstore.retention) for fact in facts]
    total = lag.total(lags)
    return {
        "read_at": reading.taken_at if reading else None,
        "name": group.name,
        "order": group.in_order,
        "timeout_seconds": group.timeout_seconds,
        "verdict": group.verdict,
        "reasons": [str(load(reason)) for reason in group.reasons],
        "complete": total.complete,
        "backlog": total.backlog if reading else None,
        "lag_seconds": _seconds(total.lag),
        "lag_is_lower_bound": total.lag_is_lower_bound,
        "unread_age_seconds": _seconds(total.unread_age),
        "shards": [_shard(fact, found) for fact, found in zip(facts, lags, strict=True)],
    }


def _shard(fact: ShardFacts, found: ShardLag) -> dict[str, Any]:
    return {
        "shard": fact.shard,
        "status": "readonly" if fact.readonly else "readwrite",
        "state": found.state.value,
        "consumer": fact.consumer,
        "checkpoint": fact.checkpoint,
        "position": _text(found.position),
        "begin": _text(fact.begin),
        "end": _text(fact.end),
        "backlog": found.backlog,
        "lost": found.lost,
        "lag_seconds": _seconds(found.lag),
        "lag_is_lower_bound": found.lag_is_lower_bound,
        "unread_age_seconds": _seconds(found.unread_age),
        "consumed_until": _instant(found.consumed_until),
        "oldest_unread_at": _instant(found.oldest_unread_at),
        "newest_at": _instant(found.newest_at),
        "updated_at": _instant(fact.updated_at),
        "data_loss_in_seconds": None
        if found.data_loss_in is None
        else int(found.data_loss_in.total_seconds()),
        "error": fact.error,
    }


def _seconds(span: timedelta | None) -> float | None:
    return None if span is None else span.total_seconds()


def _text(position: int | None) -> str | None:
    return None if position is None else str(position)


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat().replace("+00:00", "Z")


def _words(seconds: float | None) -> str:
    return "unknown" if seconds is None else durations.in_words(timedelta(seconds=seconds))


def _count(backlog: int | None) -> str:
    return "unknown" if backlog is None else f"{backlog:,}"
