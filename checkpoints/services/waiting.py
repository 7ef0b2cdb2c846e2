"""Wait until nobody consumes, then apply: the targets stay as confirmed, what is before them is read anew.

While consumers run their checkpoints move, so the plan that was confirmed can no longer be applied as it is.
A second plan with exactly its cursors is made once they are quiet, and applied if every shard still goes the
same way.
"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.db import IntegrityError, transaction
from django.db.models import Q

from checkpoints.domain import positions, targets
from checkpoints.domain.activity import ActivityVerdict
from checkpoints.domain.messages import Message, say
from checkpoints.models import Plan, Reset, Wait
from checkpoints.services import applying, audit, evidence, permits, plans, reasons
from checkpoints.services.audit import Actor
from checkpoints.services.connections import connect
from checkpoints.services.plans import TROUBLE
from checkpoints.services.problems import explain
from checkpoints.services.refusals import (
    BadPlan,
    ConsumersActive,
    Moved,
    NotAllowed,
    PlanUsed,
    Refused,
    UpstreamFailed,
)

SHORTEST, LONGEST = timedelta(minutes=1), timedelta(hours=6)
EVERY = timedelta(seconds=8)
"""How often a group is looked at; quiet at two looks in a row is quiet."""
LOOKED = timedelta(seconds=5)
State = Wait.State
log = logging.getLogger(__name__)


def ask(
    plan: Plan,
    *,
    user: User,
    actor: Actor,
    reason: str,
    ticket: str = "",
    stop_at_unknown: bool = True,
    within: timedelta,
    now: datetime,
) -> Wait:
    """Have a plan applied once nobody consumes, at most `within` from now; asked twice it is the same wait.

    Raises NotAllowed, PlanInvalid, PlanUsed, PlanExpired, ReadOnly, NeedsApproval, BadReason, BadPlan.
    """
    if plan.maker_id != user.pk or not user.has_perm("checkpoints.reset_checkpoint"):
        raise NotAllowed(say("This plan was made by somebody else. Make your own."))
    plans.check_untouched(plan)
    if reset := Reset.objects.filter(plan=plan).first():
        raise PlanUsed(reset)
    permit = permits.of(plan, user, break_glass=False, now=now)
    if permit.approved_by:
        raise BadPlan(
            say("An approval holds for this plan as it is: it cannot wait until consumers are quiet.")
        )
    reasons.check(reason.strip(), ticket.strip(), required=True)
    if not SHORTEST <= within <= LONGEST:
        raise BadPlan(say("Wait at least a minute and at most 6 hours."))
    try:
        with transaction.atomic():
            wait, is_new = Wait.objects.get_or_create(
                plan=plan,
                defaults={
                    "user": user,
                    "source_ip": actor.source_ip,
                    "reason": reason.strip(),
                    "ticket": ticket.strip(),
                    "stop_at_unknown": stop_at_unknown,
                    "asked_at": now,
                    "deadline": now + within,
                },
            )
            if is_new:
                _record("wait.asked", wait, actor, "waiting", {"deadline": wait.deadline}, now)
    except IntegrityError:
        return Wait.objects.get(plan=plan)
    return wait


def cancel(wait: Wait, *, user: User, actor: Actor, now: datetime) -> bool:
    """End a wait before it applied anything; says whether it was still open. Raises NotAllowed."""
    if not user.has_perm("checkpoints.reset_checkpoint"):
        raise NotAllowed(say("You may not reset checkpoints."))
    return _end(wait, State.CANCELLED, say("Cancelled by %(name)s.", name=actor.name), actor, now)


def look_at_open(now: datetime) -> int:
    """Look at every open wait; the trouble of one leaves the others looked at."""
    waits = list(Wait.objects.filter(state=State.WAITING))
    for wait in waits:
        try:
            look(wait, now=now)
        except Exception:  # the loop must go on whatever one wait meets
            log.exception("wait %s failed", wait.pk)
    return len(waits)


def look(wait: Wait, *, now: datetime, max_age: timedelta = LOOKED) -> Wait:
    """Look once: apply when it was quiet twice, give up at the deadline; returns the wait as it is now."""
    free = Q(looked_at=None) | Q(looked_at__lte=now - max_age)
    if Wait.objects.filter(free, pk=wait.pk, state=State.WAITING).update(looked_at=now):
        wait = Wait.objects.select_related("plan__group__logstore__project__endpoint", "user").get(pk=wait.pk)
        _look(wait, now)
    wait.refresh_from_db()
    return wait


def _look(wait: Wait, now: datetime) -> None:
    actor = Actor.of(wait.user, wait.source_ip)
    if now >= wait.deadline:
        words = say("The deadline passed while somebody was still consuming. Nothing was sent.")
        _end(wait, State.EXPIRED, words, actor, now)
        return
    try:
        group = wait.plan.group
        _, seen = evidence.look(connect(group.endpoint), group, wait.plan.body, lambda: now)
    except TROUBLE as error:
        _note(wait, explain(error).message, quiet_since=None)
        return
    was_quiet = wait.quiet_since is not None
    quiet = seen.verdict is not ActivityVerdict.ACTIVE
    wait.evidence = evidence.as_json(seen)
    _note(wait, None, quiet_since=(wait.quiet_since or now) if quiet else None)
    if quiet and was_quiet:
        _apply(wait, actor, now)


def _note(wait: Wait, words: Message | None, *, quiet_since: datetime | None) -> None:
    wait.quiet_since, wait.words = quiet_since, None if words is None else words.dump()
    open_still = Wait.objects.filter(pk=wait.pk, state=State.WAITING)
    open_still.update(quiet_since=quiet_since, words=wait.words, evidence=wait.evidence)


def _apply(wait: Wait, actor: Actor, now: datetime) -> None:
    """Apply through a plan made now. The wait ends before the intent: killed in between, nothing is sent."""
    waiting = Wait.objects.filter(pk=wait.pk, state=State.WAITING)
    try:
        made = _second_plan(wait, actor, now)
        if not waiting.update(state=State.APPLIED, applied_plan=made):
            return
        applying.apply(
            made,
            user=wait.user,
            actor=actor,
            reason=wait.reason,
            ticket=wait.ticket,
            stop_at_unknown=wait.stop_at_unknown,
            now=now,
        )
    except (ConsumersActive, Moved, UpstreamFailed) as refusal:  # not yet quiet, or not readable just now
        Wait.objects.filter(pk=wait.pk).update(state=State.WAITING, applied_plan=None)
        _note(wait, refusal.message, quiet_since=None)
    except Refused as refusal:
        Wait.objects.filter(pk=wait.pk).update(state=State.WAITING, applied_plan=None)
        _end(wait, State.REFUSED, refusal.message, actor, now)
    else:
        with transaction.atomic():
            _record("wait.ended", wait, actor, "applied", {"plan": str(made.pk)}, now)


def _second_plan(wait: Wait, actor: Actor, now: datetime) -> Plan:
    """Plan exactly the confirmed cursors from where the checkpoints are now; raises Refused."""
    if reset := Reset.objects.filter(plan=wait.plan).first():
        raise PlanUsed(reset)
    body = wait.plan.body
    cursors = {line["shard"]: line["after"]["cursor"] for line in body["shards"]}
    made = plans.plan(
        wait.plan.group,
        target=targets.Keep(),
        each={shard: targets.Exact(text, positions.decode(text)) for shard, text in cursors.items()},
        shards=None,
        maker=wait.user,
        now=now,
        actor=actor,
        typed=body["target"],
    )
    _check_directions(body, made.body)
    return made


def _check_directions(confirmed: dict[str, Any], made: dict[str, Any]) -> None:
    """Refuse a shard that would now go the other way than the one that was confirmed."""
    before = {line["shard"]: line["direction"] for line in confirmed["shards"]}
    turned = [
        line["shard"]
        for line in made["shards"]
        if {before[line["shard"]], line["direction"]} == {"rewind", "skip"}
    ]
    if turned:
        shards = ", ".join(str(shard) for shard in turned)
        raise BadPlan(say("Shards %(shards)s would now move the other way than confirmed.", shards=shards))


def _end(wait: Wait, state: Wait.State, words: Message, actor: Actor, now: datetime) -> bool:
    with transaction.atomic():
        ended = Wait.objects.filter(pk=wait.pk, state=State.WAITING).update(state=state, words=words.dump())
        if ended:
            _record("wait.ended", wait, actor, state.value, {"message": words.dump()}, now)
    return bool(ended)


def _record(
    action: str, wait: Wait, actor: Actor, outcome: str, details: dict[str, Any], now: datetime
) -> None:
    audit.record(
        action,
        actor=actor,
        outcome=outcome,
        endpoint=wait.plan.group.endpoint,
        group=wait.plan.group,
        object_id=str(wait.plan_id),
        plan_hash=wait.plan.hash,
        reason=wait.reason,
        ticket=wait.ticket,
        details=details,
        at=now,
    )
