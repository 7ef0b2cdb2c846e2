"""Applies a plan: every check, then the intent, then the writes, then the reading back."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import DatabaseError, transaction

from checkpoints import sls
from checkpoints.domain.activity import ActivityVerdict
from checkpoints.domain.messages import say
from checkpoints.models import Plan, Reset, Wait
from checkpoints.services import audit, evidence, permits, plans, reasons, sending, settling
from checkpoints.services.aims import position_of
from checkpoints.services.audit import Actor
from checkpoints.services.background import call
from checkpoints.services.connections import connect
from checkpoints.services.plans import TROUBLE, Clock
from checkpoints.services.problems import explain
from checkpoints.services.refusals import (
    ConsumersActive,
    Moved,
    NotAllowed,
    NotRecorded,
    PlanInvalid,
    PlanUsed,
    Refused,
    UpstreamFailed,
)
from checkpoints.services.sending import IntentReceipt, Wanted

log = logging.getLogger(__name__)


def apply(  # noqa: PLR0913 - all that a person decides
    plan: Plan,
    *,
    user: User,
    actor: Actor,
    reason: str,
    ticket: str = "",
    override_active: bool = False,
    stop_at_unknown: bool = True,
    break_glass: bool = False,
    now: datetime,
    run: Callable[[Callable[[], None]], None] = call,
) -> Reset:
    """Apply a plan once, sending exactly its cursors; returns the reset with one outcome per shard.

    All checks and the intent are done when it returns; `run` does the sending, at once or in the background,
    and then the reset comes back open. Raises a Refused, with nothing sent: NotAllowed, PlanInvalid,
    PlanUsed, PlanExpired, ReadOnly, NeedsApproval, BadReason, UpstreamFailed, ConsumersActive, Moved, Busy,
    NotRecorded.
    Each but PlanUsed and NotRecorded is audited. When outcomes cannot be stored the reset comes back open.
    SLS has no compare-and-set: between the last reading and the write of a shard some round trips stay.
    """
    clock = Clock.at(now)
    wanted = Wanted(
        user, actor, reason.strip(), ticket.strip(), override_active, stop_at_unknown, break_glass
    )
    plan = Plan.objects.select_related("group__logstore__project__endpoint", "maker").get(pk=plan.pk)
    try:
        _check(plan, wanted, clock())
        so_far = sending.resets_so_far(plan)
        client, active = _read_again(plan, wanted, clock)
        wanted = replace(wanted, override_active=active)  # nothing is overridden where nobody consumes
        receipt = sending.commit_intent(plan, wanted, now=clock(), resets_before=so_far)
    except (PlanUsed, NotRecorded):
        raise
    except Refused as refusal:
        _audit_refusal(plan, wanted, refusal, clock())
        raise
    run(lambda: _carry_out(client, receipt, actor, clock))
    return Reset.objects.get(pk=receipt.reset.pk)


def _carry_out(client: sls.Client, receipt: IntentReceipt, actor: Actor, clock: Clock) -> None:
    """Send and read back; what cannot be stored stays open and settles later, by reading."""
    try:
        sending.send(client, receipt, clock)
        settling.finish(receipt.reset, settling.read(receipt.reset.group), actor=actor, now=clock())
    except DatabaseError:
        log.exception("outcomes of reset %s could not be stored", receipt.reset.pk)


def _check(plan: Plan, wanted: Wanted, now: datetime) -> None:
    """Make every check that needs no call."""
    _check_person(plan, wanted)
    plans.check_untouched(plan)
    _check_unused(plan)
    check_endpoint(plan)
    permits.of(plan, wanted.user, break_glass=wanted.break_glass, now=now)
    reasons.check(wanted.reason, wanted.ticket, required=True)


def _read_again(plan: Plan, wanted: Wanted, clock: Clock) -> tuple[sls.Client, bool]:
    """Compare with the service; returns the connection and whether consumers are active."""
    try:
        client = connect(plan.group.endpoint)
        return client, _check_upstream(client, plan, wanted, clock)
    except TROUBLE as error:
        raise UpstreamFailed(explain(error)) from error


def _check_person(plan: Plan, wanted: Wanted) -> None:
    if not wanted.user.is_active or not wanted.user.has_perm("checkpoints.reset_checkpoint"):
        raise NotAllowed(say("You may not reset checkpoints."))
    if plan.maker_id != wanted.user.pk:
        raise NotAllowed(say("This plan was made by somebody else. Make your own."))
    if wanted.override_active and not wanted.user.has_perm("checkpoints.override_active"):
        raise NotAllowed(say("You may not reset while consumers are active."))


def _check_unused(plan: Plan) -> None:
    reset = sending.reset_of(plan)
    if reset is not None:
        raise PlanUsed(reset)
    if Wait.objects.filter(plan=plan, state__in=[Wait.State.WAITING, Wait.State.APPLYING]).exists():
        raise PlanInvalid(say("This plan waits until nobody consumes. Stop the waiting first."))


def check_endpoint(plan: Plan) -> None:
    """Raise PlanInvalid when the plan was made for another group or another state of the endpoint."""
    endpoint, bound = plan.group.endpoint, plan.body["bound"]
    if str(endpoint.pk) != bound["endpoint"] or plan.group.pk != bound["group"]:
        raise PlanInvalid(say("This plan was made for another group."))
    if not endpoint.enabled or endpoint.removed_at:
        raise PlanInvalid(say("This endpoint is disabled."))
    if endpoint.config_version != bound["config_version"]:
        raise PlanInvalid(say("The endpoint was changed after the plan was made. Make it again."))


def _check_upstream(client: sls.Client, plan: Plan, wanted: Wanted, clock: Clock) -> bool:
    """Read the group again: refuse when it moved, or when somebody consumes and nobody overrode that.

    Returns whether somebody consumes. A plan that was made under running consumers is refused for these,
    not for what they moved meanwhile.
    """
    group = plan.group
    found, activity = evidence.look(client, group, plan.body, clock)
    moved = _moved(plan, found)
    active = activity.verdict is ActivityVerdict.ACTIVE
    refused = active and not wanted.override_active
    known = plan.body["activity"]["verdict"] == ActivityVerdict.ACTIVE.value
    if not moved and not refused:
        return active
    _check_unused(plan)  # the one who moved it may be ourselves, a double click ago
    if refused and (known or not moved):
        raise ConsumersActive(activity)
    raise Moved(_again(plan, wanted, clock), moved)


def _moved(plan: Plan, found: list[sls.Checkpoint]) -> list[int]:
    texts = {one.shard: one.checkpoint for one in found}
    return [
        line["shard"]
        for line in plan.body["shards"]
        if not _same(line["before"], texts.get(line["shard"], ""))
    ]


def _same(before: dict[str, Any], text: str) -> bool:
    position = position_of(text)
    if position is None or before["position"] is None:
        return bool(before["cursor"] == text)
    return bool(before["position"] == str(position))


def _again(plan: Plan, wanted: Wanted, clock: Clock) -> Plan | None:
    """Make the same plan from where the checkpoints are now; None when that cannot be done."""
    try:
        return plans.again(plan, user=wanted.user, now=clock(), actor=wanted.actor)
    except Refused:
        return None


def _audit_refusal(plan: Plan, wanted: Wanted, refusal: Refused, now: datetime) -> None:
    with transaction.atomic():
        audit.record(
            "reset.refused",
            actor=wanted.actor,
            outcome=refusal.code,
            endpoint=plan.group.endpoint,
            group=plan.group,
            object_id=str(plan.pk),
            reason=wanted.reason,
            ticket=wanted.ticket,
            plan_hash=plan.hash,
            details={"message": refusal.message.dump()},
            at=now,
        )
