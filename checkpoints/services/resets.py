"""Resets of checkpoints: plan, apply, look, settle. The namespace; the steps live beside it."""

from __future__ import annotations

from typing import Any

from checkpoints.models import Reset, ShardReset
from checkpoints.services.applying import apply
from checkpoints.services.plans import as_json as plan_as_json
from checkpoints.services.plans import plan
from checkpoints.services.refusals import (
    BadPlan,
    BadReason,
    Busy,
    ConsumersActive,
    Moved,
    NeedsApproval,
    NotAllowed,
    NotRecorded,
    PlanExpired,
    PlanInvalid,
    PlanUsed,
    ReadOnly,
    Refused,
    UpstreamFailed,
)
from checkpoints.services.settling import settle
from checkpoints.services.watching import end as end_watch
from checkpoints.services.watching import is_open, look, look_at_open

__all__ = [
    "BadPlan",
    "BadReason",
    "Busy",
    "ConsumersActive",
    "Moved",
    "NeedsApproval",
    "NotAllowed",
    "NotRecorded",
    "PlanExpired",
    "PlanInvalid",
    "PlanUsed",
    "ReadOnly",
    "Refused",
    "UpstreamFailed",
    "apply",
    "as_json",
    "end_watch",
    "is_open",
    "look",
    "look_at_open",
    "plan",
    "plan_as_json",
    "settle",
]

OPEN = {ShardReset.Outcome.PLANNED, ShardReset.Outcome.SENDING}


def as_json(reset: Reset) -> dict[str, Any]:
    """Return the JSON of `reset apply`; what is not known is null, what is still open is "unknown"."""
    return {
        "id": str(reset.pk),
        "plan": str(reset.plan_id),
        "outcome": "unknown" if reset.outcome == Reset.Outcome.SENDING else reset.outcome,
        "shards": [
            {
                "shard": line.shard,
                "outcome": "unknown" if line.outcome in OPEN else line.outcome,
                "before": line.before,
                "after": line.after,
                "read_back": line.read_back,
                "request_id": line.request_id or None,
                "error": line.error,
                "watch": line.watch or None,
            }
            for line in reset.shards.all()
        ],
    }
