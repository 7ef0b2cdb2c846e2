"""Applies a plan: every check, then the intent, then the writes, then the reading back."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import DatabaseError, transaction

from checkpoints import sls
from checkpoints.domain import targets
from checkpoints.domain.activity import ActivityVerdict
from checkpoints.domain.messages import Refusal, say
from checkpoints.models import ConsumerGroup, Endpoint, Plan, Reset
from checkpoints.services import audit, evidence, plans, sending, settling
from checkpoints.services.aims import position_of
from checkpoints.services.audit import Actor
from checkpoints.services.connections import connect
from checkpoints.services.plans import TROUBLE, Clock
from checkpoints.services.problems import explain
from checkpoints.services.refusals import (
    BadReason,
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
from checkpoints.services.sending import Wanted

LONGEST_REASON, LONGEST_TICKET = 500, 100
log = logging.getLogger(__name__)


def apply(
    plan: Plan,
    *,
    user: User,
    actor: Actor,
    reason: str,
    ticket: str = "",
    override_active: bool = False,
    now: datetime,
) -> Reset:
    """Apply a plan once, sending exactly its cursors; returns the reset with one outcome per shard.

    Raises a Refused, with nothing sent: NotAllowed, PlanInvalid, PlanUsed, PlanExpired, ReadOnly,
    NeedsApproval, BadReason, UpstreamFailed, ConsumersActive, Moved, Busy, NotRecorded.
    Each but PlanUsed and NotRecorded is audited. When outcomes cannot be stored the reset comes back open.
    SLS has no compare-and-set: between the last reading and the write a window of one round trip stays.
    """
    clock = Clock.at(now)
    wanted = Wanted(user, actor, reason.strip(), ticket.strip(), override_active)
    plan = Plan.objects.select_related("group__logstore__project__endpoint", "maker").get(pk=plan.pk)
    try:
        client, active = _checked(plan, wanted, clock)
        wanted = replace(wanted, override_active=active)  # nothing is overridden where nobody consumes
        receipt = sending.commit_intent(plan, wanted, now=clock())
    except (PlanUsed, NotRecorded):
        raise
    except Refused as refusal:
        _audit_refusal(plan, wanted, refusal, clock())
        raise
    try:
        sending.send(client, receipt, clock)
        settling.finish(receipt.reset, settling.read(plan.group), actor=actor, now=clock())
    except DatabaseError:
        # The intent is kept, the writes may be out: what is open settles later, by reading.
        log.exception("outcomes of reset %s could not be stored", receipt.reset.pk)
        return receipt.reset
    return Reset.objects.get(pk=receipt.reset.pk)


def _checked(plan: Plan, wanted: Wanted, clock: Clock) -> tuple[sls.Client, bool]:
    """Make every check, the cheap ones first; returns the connection and whether consumers are active."""
    _check_person(plan, wanted)
    plans.check_untouched(plan)
    _check_unused(plan)
    if clock() >= plan.expires_at:
        raise PlanExpired
    _check_endpoint(plan)
    _check_words(wanted)
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
    reset = Reset.objects.filter(plan=plan).first()
    if reset is not None:
        raise PlanUsed(reset)


def _check_endpoint(plan: Plan) -> None:
    endpoint, bound = plan.group.endpoint, plan.body["bound"]
    if str(endpoint.pk) != bound["endpoint"] or plan.group.pk != bound["group"]:
        raise PlanInvalid(say("This plan was made for another group."))
    if not endpoint.enabled or endpoint.removed_at:
        raise PlanInvalid(say("This endpoint is disabled."))
    if endpoint.config_version != bound["config_version"]:
        raise PlanInvalid(say("The endpoint was changed after the plan was made. Make it again."))
    if endpoint.protection == Endpoint.Protection.READ_ONLY:
        raise ReadOnly
    if endpoint.protection == Endpoint.Protection.TWO_PERSON:
        raise NeedsApproval


def _check_words(wanted: Wanted) -> None:
    if not wanted.reason:
        raise BadReason(say("Say why: the reason is kept in the audit."))
    for text, limit in ((wanted.reason, LONGEST_REASON), (wanted.ticket, LONGEST_TICKET)):
        if len(text) > limit:
            raise BadReason(say("This is longer than %(limit)d characters.", limit=limit))
        if any(not char.isprintable() for char in text):
            raise BadReason(say("This holds control characters."))


def _check_upstream(client: sls.Client, plan: Plan, wanted: Wanted, clock: Clock) -> bool:
    """Read the group again: refuse when it moved, or when somebody consumes and nobody overrode that.

    Returns whether somebody consumes. A plan that was made under running consumers is refused for these,
    not for what they moved meanwhile.
    """
    group = plan.group
    found = client.get_checkpoints(group.project.name, group.logstore.name, group.name).value
    activity = evidence.judge(group, [(clock(), found)], _ends(plan), now=clock())
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


def _ends(plan: Plan) -> dict[int, int]:
    return {line["shard"]: int(line["end"]) for line in plan.body["shards"]}


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
        target = targets.parse(plan.body["bound"]["target"], zone=None, now=clock())
        shards = [line["shard"] for line in plan.body["shards"]]
        return plans.plan(
            ConsumerGroup.objects.get(pk=plan.group_id),
            target=target,
            shards=shards,
            maker=wanted.user,
            now=clock(),
            actor=wanted.actor,
            typed=plan.body["target"],
        )
    except (Refused, Refusal):
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
            reason=wanted.reason[:LONGEST_REASON],
            ticket=wanted.ticket[:LONGEST_TICKET],
            plan_hash=plan.hash,
            details={"message": refusal.message.dump()},
            at=now,
        )
