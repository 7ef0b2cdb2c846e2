"""Who is consuming, and what waits for them to stop, as pages show it; only selects."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from checkpoints.domain.messages import Message, load
from checkpoints.models import Reset, Wait
from checkpoints.queries.points import messages, moment


@dataclass(frozen=True)
class ActivityView:
    """Whether anybody consumes, with the evidence; `quiet_at` is when it is quiet if nobody saves again."""

    verdict: str
    reasons: list[Message]
    consumers: list[str]
    quiet_at: datetime | None
    problem: Mapping[str, Any] | None = None

    @property
    def active(self) -> bool:
        """Whether a reset is refused unless somebody overrides that."""
        return self.verdict == "active"


@dataclass(frozen=True)
class WaitView:
    """A wait until nobody consumes; `reset` is what it applied."""

    wait: Wait
    is_open: bool
    activity: ActivityView | None
    words: Message | None
    reset: Reset | None


def activity_view(stored: Mapping[str, Any]) -> ActivityView:
    """Return stored evidence; what could not be read is not known, never quiet."""
    return ActivityView(
        verdict=stored.get("verdict", "unknown"),
        reasons=messages(stored.get("reasons", [])),
        consumers=list(stored.get("consumers", [])),
        quiet_at=moment(stored.get("quiet_at")),
        problem=stored.get("problem"),
    )


def wait_view(wait: Wait) -> WaitView:
    """Return what the page of a plan shows of its wait."""
    return WaitView(
        wait=wait,
        is_open=wait.state in (Wait.State.WAITING, Wait.State.APPLYING),
        activity=None if wait.evidence is None else activity_view(wait.evidence),
        words=None if wait.words is None else load(wait.words),
        reset=Reset.objects.filter(plan=wait.applied_plan_id).first() if wait.applied_plan_id else None,
    )
