"""Requests for the approval of a second person, as pages show them; only selects."""

from __future__ import annotations

from datetime import datetime

from django.contrib.auth.models import User
from django.db.models import QuerySet

from checkpoints.models import Approval

MAY_APPROVE = "checkpoints.approve_reset"
NEWEST = 200
GROUP = "plan__group__logstore__project__endpoint"


def requests() -> QuerySet[Approval]:
    """Return requests with everything a page names."""
    return Approval.objects.select_related(GROUP, "plan__maker", "plan__reset", "asked_by", "decided_by")


def undecided(now: datetime) -> QuerySet[Approval]:
    """Return the requests that still wait, the oldest first."""
    waiting = requests().filter(state=Approval.State.ASKED, expires_at__gt=now, plan__used_at=None)
    return waiting.order_by("asked_at")


def undecided_of_others(user: int, now: datetime) -> QuerySet[Approval]:
    """Return those of them that a user with this id neither asked for nor planned."""
    return undecided(now).exclude(asked_by=user).exclude(plan__maker=user)


def own(user: User) -> list[Approval]:
    """Return what a user asked for, the newest first."""
    return list(requests().filter(asked_by=user).order_by("-asked_at")[:NEWEST])


def standing(approval: Approval, *, now: datetime) -> str:
    """Return how a request stands: "asked", "approved", "denied", "applied" or "expired"."""
    if approval.state == Approval.State.DENIED:
        return approval.state
    if approval.plan.used_at is not None:
        return "applied"
    if now >= approval.expires_at:
        return "expired"
    return approval.state
