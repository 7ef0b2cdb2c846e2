"""Whether a group may be reset through this plan: its protection, and what the second person said."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User

from checkpoints.domain.messages import say
from checkpoints.models import Endpoint, Plan
from checkpoints.services import approvals, group_rules
from checkpoints.services.refusals import NeedsApproval, NotAllowed, PlanExpired, ReadOnly

Protection = Endpoint.Protection


@dataclass(frozen=True)
class Permit:
    """What opened the way: nothing was needed, somebody approved, or the glass was broken."""

    approved_by: str = ""
    broke_glass: bool = False


def of(plan: Plan, user: User, *, break_glass: bool, now: datetime, overrides_active: bool = False) -> Permit:
    """Return the permit of a user for a plan.

    An approved plan lives as long as its approval. Raises ReadOnly, NeedsApproval, PlanExpired, and
    NotAllowed for a glass that may not be broken.
    """
    protection = group_rules.rules_of(plan.group).protection
    if protection == Protection.READ_ONLY:
        raise ReadOnly
    if protection == Protection.TWO_PERSON and not break_glass:
        approval = approvals.check(plan, user=user, now=now)
        if overrides_active and not approval.override_active:
            raise NeedsApproval(say("The approval does not cover a reset while somebody is consuming."))
        return Permit(approved_by=approval.decided_by_name)
    if now >= plan.expires_at:
        raise PlanExpired
    if protection != Protection.TWO_PERSON:
        return Permit()
    if not approvals.may_break_glass(user):
        raise NotAllowed(say("You may not go on without the second person."))
    return Permit(broke_glass=True)
