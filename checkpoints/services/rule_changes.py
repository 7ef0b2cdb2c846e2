"""The audit of rules by pattern, those for groups and those for alerts: what each was before and after."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from checkpoints.models import AlertRule, GroupRule
from checkpoints.services import audit
from checkpoints.services.audit import Actor


def record(
    action: str,
    rule: GroupRule | AlertRule,
    *,
    actor: Actor,
    now: datetime,
    before: dict[str, Any] | None = None,
    after: dict[str, Any] | None = None,
) -> None:
    """Record a change in the caller's transaction; without `before` the rule is new, without `after` gone."""
    audit.record(
        action,
        actor=actor,
        outcome="done",
        endpoint=rule.endpoint,
        object_id=rule.pk,
        before=before,
        after=after,
        at=now,
    )
