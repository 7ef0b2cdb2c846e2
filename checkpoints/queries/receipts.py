"""Receipts: all that is known of a reset, for the incident document; only selects.

In English whatever the language of the page: the document is shared. Times are UTC, positions text.
"""

from __future__ import annotations

from collections import Counter
from datetime import UTC, datetime
from typing import Any

from checkpoints.domain.messages import load
from checkpoints.models import Approval, AuditRow, Reset, ShardReset, Wait
from checkpoints.queries import plans, resets

Receipt = dict[str, Any]


def receipt(reset: Reset, *, url: str, now: datetime) -> Receipt:
    """Return the machine form; `url` is the permanent link, what is not known is null."""
    plan = plans.plan_view(reset.plan, now=now)
    view = resets.reset_view(reset)
    body = reset.plan.body
    moves = {line["shard"]: line for line in body["shards"]}
    return {
        "reset": str(reset.pk),
        "url": url,
        "as_of": _iso(now),
        "outcome": reset.outcome,
        "who": reset.actor_name,
        "source_ip": _source_ip(reset),
        "started_at": _iso(reset.started_at),
        "finished_at": _iso(reset.finished_at),
        **{name: body[name] for name in ("endpoint", "project", "logstore", "group")},
        "target": plan.target,
        "target_in_words": str(plan.echo),
        "reason": reset.reason,
        "ticket": reset.ticket or None,
        "plan": _plan(reset),
        "approval": _approval(reset),
        "waited": _waited(reset),
        "overrode_active": reset.overrode_active,
        "broke_glass": reset.broke_glass,
        "activity": {
            "verdict": plan.verdict,
            "reasons": [str(reason) for reason in plan.reasons],
            "consumers": plan.consumers,
        },
        "warnings": [str(warning) for warning in plan.warnings],
        "watch": {
            "going_on": view.watching,
            "until": _iso(reset.watch_until),
            "looked_at": _iso(reset.looked_at),
            "ended_by": reset.watch_ended_by or None,
        },
        "totals": {
            "shards": len(view.rows),
            "outcomes": dict(Counter(row.line.outcome for row in view.rows)),
            "consumed_again": plan.consumed_again,
            "never_consumed": plan.never_consumed,
        },
        "shards": [_shard(row, moves[row.line.shard]) for row in view.rows],
        "do": plan.do_lines,
        "undo": plan.undo_lines,
    }


def _plan(reset: Reset) -> dict[str, Any]:
    plan = reset.plan
    return {
        "id": str(plan.pk),
        "hash": plan.hash,
        "made_at": _iso(plan.made_at),
        "made_by": plan.maker.get_username(),
    }


def _approval(reset: Reset) -> dict[str, Any] | None:
    found = Approval.objects.select_related("asked_by").filter(plan=reset.plan).first()
    if found is None:
        return None
    return {
        "state": found.state,
        "asked_by": found.asked_by.get_username(),
        "asked_at": _iso(found.asked_at),
        "decided_by": found.decided_by_name or None,
        "decided_at": _iso(found.decided_at),
        "words": found.words or None,
    }


def _waited(reset: Reset) -> dict[str, Any] | None:
    """Return since when this reset waited for the consumers to stop, if it did."""
    found = Wait.objects.filter(applied_plan=reset.plan).first()
    if found is None:
        return None
    return {"asked_at": _iso(found.asked_at), "deadline": _iso(found.deadline)}


def _source_ip(reset: Reset) -> str | None:
    asked = AuditRow.objects.filter(object_id=str(reset.pk), action="reset.requested")
    return asked.values_list("source_ip", flat=True).first() or None


def _shard(row: resets.ResetRow, planned: dict[str, Any]) -> dict[str, Any]:
    """Return one shard; `end` is where it ended when the plan was made: a place there has no time."""
    line = row.line
    return {
        "shard": line.shard,
        "outcome": line.outcome,
        "before": line.before,
        "after": line.after,
        "read_back": line.read_back,
        "end": planned["end"],
        "direction": planned["direction"],
        "log_groups": planned["log_groups"],
        "sent_at": _iso(line.sent_at),
        "settled_at": _iso(line.settled_at),
        "request_id": line.request_id or None,
        "error": _error(line),
        "watch": line.watch or None,
        "watch_reasons": [str(reason) for reason in row.reasons],
        "last_seen": line.last_seen,
    }


def _error(line: ShardReset) -> dict[str, Any] | None:
    if line.error is None:
        return None
    words = {name: str(load(line.error[name])) for name in ("message", "advice")}
    return {**line.error, **words}


def _iso(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")
