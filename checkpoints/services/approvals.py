"""The second person: asked for exactly one plan, by its maker, and answered once by somebody else."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils import timezone

from checkpoints.domain import protection
from checkpoints.domain.messages import say
from checkpoints.models import Approval, Endpoint, Plan, Reset
from checkpoints.queries import approvals as queries
from checkpoints.queries.approvals import MAY_APPROVE
from checkpoints.services import audit, group_rules, plans, reasons
from checkpoints.services.aims import iso
from checkpoints.services.audit import Actor
from checkpoints.services.refusals import (
    NeedsApproval,
    NotAllowed,
    PlanExpired,
    PlanInvalid,
    PlanUsed,
    ReadOnly,
)

State = Approval.State
MAY_ASK = "checkpoints.reset_checkpoint"
MAY_OVERRIDE = "checkpoints.override_active"


def ask(
    plan: Plan,
    *,
    user: User,
    actor: Actor,
    reason: str,
    ticket: str,
    override_active: bool,
    now: datetime,
) -> Approval:
    """Ask a second person to approve exactly this plan; asked again, it is the request there is.

    Raises NotAllowed, PlanInvalid, PlanUsed, PlanExpired, ReadOnly, BadReason.
    """
    if not user.has_perm(MAY_ASK) or plan.maker_id != user.pk:
        raise NotAllowed(say("Only the maker of a plan asks for its approval."))
    if override_active and not user.has_perm(MAY_OVERRIDE):
        raise NotAllowed(say("You may not reset while consumers are active."))
    _check_plan(plan)
    if there := _of(plan):
        if (there.reason, there.override_active) != (reason.strip(), override_active):
            raise NotAllowed(say("It was asked for before, with other words: that request stands."))
        return there
    if now >= plan.expires_at:
        raise PlanExpired
    _check_protection(plan)
    reason, ticket = reason.strip(), ticket.strip()
    reasons.check(reason, ticket, required=True)
    wanted = {
        "plan_hash": plan.hash,
        "asked_by": user,
        "asked_at": now,
        "expires_at": now + timedelta(seconds=settings.APPROVAL_LIFETIME_SECONDS),
        "reason": reason,
        "ticket": ticket,
        "override_active": override_active,
    }
    with transaction.atomic():
        approval, is_new = Approval.objects.get_or_create(plan=plan, defaults=wanted)
        if is_new:
            _record("approval.asked", approval, actor, now, reason=reason)
    return approval


def approve(approval: Approval, *, user: User, actor: Actor, words: str = "", now: datetime) -> Approval:
    """Approve the plan of a request, if nobody decided before; the same answer twice is one.

    Raises NotAllowed, PlanInvalid, PlanUsed, PlanExpired, BadReason.
    """
    return _decide(approval, State.APPROVED, user=user, actor=actor, words=words, now=now)


def deny(approval: Approval, *, user: User, actor: Actor, words: str, now: datetime) -> Approval:
    """Deny a request, saying why, if nobody decided before. Raises what approve() raises."""
    return _decide(approval, State.DENIED, user=user, actor=actor, words=words, now=now)


def check(plan: Plan, *, user: User, now: datetime) -> Approval:
    """Return the approval that lets a user apply this plan now; raises NeedsApproval when there is none.

    Everything is read afresh: the plan is still what was approved, and the approver still may approve.
    """
    approval = _of(plan)
    if approval is None:
        raise NeedsApproval
    if approval.state == State.DENIED:
        raise NeedsApproval(
            say("%(name)s denied this plan: %(words)s", name=approval.decided_by_name, words=approval.words)
        )
    if now >= approval.expires_at:
        raise NeedsApproval(say("The request for approval has expired. Make the plan again."))
    if approval.state != State.APPROVED:
        raise NeedsApproval(say("This plan still waits for the approval of a second person."))
    approver = approval.decided_by
    own = {plan.maker_id, approval.asked_by_id, user.pk}
    if approver is None or approver.pk in own or not approver.has_perm(MAY_APPROVE):
        raise NeedsApproval(
            say("%(name)s, who approved this plan, may not approve it.", name=approval.decided_by_name)
        )
    try:
        _check_plan(plan)
    except PlanInvalid as invalid:
        raise NeedsApproval(invalid.message) from None
    if approval.plan_hash != plan.hash:
        raise NeedsApproval(say("Another plan than this one was approved."))
    return approval


def open_for(user: User, *, now: datetime | None = None) -> list[Approval]:
    """Return the requests of others that wait for an answer of this user, the oldest first."""
    if not user.has_perm(MAY_APPROVE):
        return []
    return list(queries.undecided_of_others(user.pk, now or timezone.now()))


def may_break_glass(user: User) -> bool:
    """Tell whether a user may go on without the second person: a setting, and the right to override."""
    return bool(settings.BREAK_GLASS) and user.has_perm(MAY_OVERRIDE)


def as_json(approval: Approval, *, now: datetime) -> dict[str, Any]:
    """Return the JSON of the command `approval`; what is not there yet is null."""
    body = approval.plan.body
    return {
        "plan": str(approval.plan_id),
        "hash": approval.plan_hash,
        **{name: body[name] for name in ("endpoint", "project", "logstore", "group", "target")},
        "state": queries.standing(approval, now=now),
        "asked_by": approval.asked_by.get_username(),
        "asked_at": iso(approval.asked_at),
        "expires_at": iso(approval.expires_at),
        "reason": approval.reason,
        "ticket": approval.ticket or None,
        "override_active": approval.override_active,
        "decided_by": approval.decided_by_name or None,
        "decided_at": iso(approval.decided_at) if approval.decided_at else None,
        "words": approval.words or None,
    }


def _decide(
    approval: Approval, state: State, *, user: User, actor: Actor, words: str, now: datetime
) -> Approval:
    approval = queries.requests().get(pk=approval.pk)
    plan = approval.plan
    if not user.has_perm(MAY_APPROVE):
        raise NotAllowed(say("You may not approve resets."))
    if user.pk in {approval.asked_by_id, plan.maker_id}:
        raise NotAllowed(say("Nobody decides on a request of their own."))
    words = words.strip()
    reasons.check(words, "", required=state == State.DENIED)
    _check_plan(plan)
    if approval.plan_hash != plan.hash:
        raise PlanInvalid(say("Another plan than this one was asked for."))
    with transaction.atomic():
        waiting = Approval.objects.filter(
            pk=approval.pk, state=State.ASKED, expires_at__gt=now, plan__used_at=None
        )
        won = waiting.update(
            state=state,
            decided_by=user,
            decided_by_name=user.get_username(),
            decided_at=now,
            words=words,
        )
        approval = queries.requests().get(pk=approval.pk)
        if won:
            _record(f"approval.{state}", approval, actor, now, reason=words)
    if not won:
        _check_decided_alike(approval, state, user)
    return approval


def _check_decided_alike(approval: Approval, state: State, user: User) -> None:
    """Raise why a request could not be decided, unless the same person gave the same answer before."""
    if approval.state == State.ASKED:
        raise PlanExpired
    if (approval.state, approval.decided_by_id) != (state, user.pk):
        raise NotAllowed(say("This request was decided before, by %(name)s.", name=approval.decided_by_name))


def _of(plan: Plan) -> Approval | None:
    return queries.requests().filter(plan_id=plan.pk).first()


def _check_plan(plan: Plan) -> None:
    """Raise PlanInvalid or PlanUsed unless the plan is what was made, for an endpoint that is as it was."""
    plans.check_untouched(plan)
    if reset := Reset.objects.filter(plan_id=plan.pk).first():
        raise PlanUsed(reset)
    bound, group = plan.body["bound"], plan.group
    endpoint = Endpoint.objects.get(pk=group.endpoint.pk)
    if str(endpoint.pk) != bound["endpoint"] or group.pk != bound["group"]:
        raise PlanInvalid(say("This plan was made for another group."))
    if not endpoint.enabled or endpoint.removed_at:
        raise PlanInvalid(say("This endpoint is disabled."))
    if endpoint.config_version != bound["config_version"]:
        raise PlanInvalid(say("The endpoint was changed after the plan was made. Make it again."))


def _check_protection(plan: Plan) -> None:
    found = group_rules.rules_of(plan.group).protection
    if found == protection.READ_ONLY:
        raise ReadOnly
    if found != protection.TWO_PERSON:
        raise PlanInvalid(say("This group needs no second person: apply the plan."))


def _record(action: str, approval: Approval, actor: Actor, now: datetime, *, reason: str) -> None:
    """Audit what was asked or answered; a request that was asked for carries what it asked for."""
    group = approval.plan.group
    audit.record(
        action,
        actor=actor,
        outcome=approval.state,
        endpoint=group.endpoint,
        group=group,
        object_id=approval.plan_id,
        reason=reason,
        ticket=approval.ticket,
        plan_hash=approval.plan_hash,
        details={
            "asked_by": approval.asked_by.get_username(),
            "override_active": approval.override_active,
            "expires_at": approval.expires_at,
        },
        at=now,
    )
