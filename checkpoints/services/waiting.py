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
from checkpoints.queries import clocks
from checkpoints.services import applying, audit, breaker, evidence, permits, plans, reasons, sending
from checkpoints.services.audit import SYSTEM, Actor
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
STUCK = timedelta(minutes=5)
"""Being applied for longer than this is being applied by nobody: the checks and the intent take seconds."""
State = Wait.State
OPEN = (State.WAITING, State.APPLYING)
APPLIED_WORDS = say("Applied once nobody was consuming.")
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
    if there := Wait.objects.filter(plan=plan).first():
        return there
    plans.check_untouched(plan)
    applying.check_endpoint(plan)
    if reset := sending.reset_of(plan):
        raise PlanUsed(reset)
    permit = permits.of(plan, user, break_glass=False, now=now)
    if permit.approved_by:
        raise BadPlan(
            say("An approval holds for this plan as it is: it cannot wait until consumers are quiet.")
        )
    reasons.check(reason.strip(), ticket.strip(), required=True)
    if not SHORTEST <= within <= LONGEST:
        raise BadPlan(say("Wait at least a minute and at most 6 hours."))
    wait = Wait(
        plan=plan,
        group=plan.group,
        user=user,
        source_ip=actor.source_ip,
        reason=reason.strip(),
        ticket=ticket.strip(),
        stop_at_unknown=stop_at_unknown,
        asked_at=now,
        deadline=now + within,
    )
    try:
        with transaction.atomic():
            wait.save(force_insert=True)
            _record("wait.asked", wait, actor, "waiting", {"deadline": wait.deadline}, now)
    except IntegrityError:
        if there := Wait.objects.filter(plan=plan).first():
            return there
        raise BadPlan(say("Another plan for this group waits already.")) from None
    return wait


def cancel(wait: Wait, *, user: User, actor: Actor, now: datetime) -> bool:
    """End a wait before it applied anything; says whether nothing is sent any more. Raises NotAllowed.

    One that is being applied just now ends if it is refused; it is not torn from the hands of the writer.
    """
    if not user.has_perm("checkpoints.reset_checkpoint"):
        raise NotAllowed(say("You may not reset checkpoints."))
    if _end(wait, State.CANCELLED, say("Cancelled by %(name)s.", name=actor.name), actor, now):
        return True
    Wait.objects.filter(pk=wait.pk, state=State.APPLYING).update(cancel_asked_by=actor.name)
    return False


def look_at_open(now: datetime) -> int:
    """Look at every open wait; one only ends while the breaker of its endpoint is open."""
    may_look = breaker.lets_through("group__logstore__project__endpoint", now)
    ends = Q(deadline__lte=now) | Q(state=State.APPLYING)
    waits = list(Wait.objects.filter(may_look | ends, state__in=OPEN))
    for wait in waits:
        try:
            look(wait, now=now)
        except Exception:  # the loop must go on whatever one wait meets
            log.exception("wait %s failed", wait.pk)
    return len(waits)


def look(wait: Wait, *, now: datetime, max_age: timedelta = LOOKED) -> Wait:
    """Look once: apply when it was quiet twice, give up at the deadline; returns the wait as it is now."""
    _settle(wait, now)
    free = Wait.objects.filter(clocks.is_old("looked_at", now, most=max_age), pk=wait.pk)
    if free.filter(state=State.WAITING).update(looked_at=now):
        wait = Wait.objects.select_related("plan__group__logstore__project__endpoint", "user").get(pk=wait.pk)
        _look(wait, now)
    wait.refresh_from_db()
    return wait


def _settle(wait: Wait, now: datetime) -> None:
    """End what a dead process left being applied: applied if its plan has a reset, else nothing was sent."""
    applying = Wait.objects.filter(pk=wait.pk, state=State.APPLYING)
    stuck = applying.filter(clocks.is_old("looked_at", now, most=STUCK)).first()
    if stuck is None:
        return
    if Reset.objects.filter(plan=stuck.applied_plan).exists():
        _end(stuck, State.APPLIED, APPLIED_WORDS, SYSTEM, now, was=State.APPLYING)
    else:
        words = say("The process ended while it was about to apply. Nothing was sent.")
        _end(stuck, State.REFUSED, words, SYSTEM, now, was=State.APPLYING)


def _look(wait: Wait, now: datetime) -> None:
    actor = Actor.of(wait.user, wait.source_ip)
    if now >= wait.deadline:
        _end(wait, State.EXPIRED, _too_late(wait), actor, now)
        return
    try:
        group = wait.plan.group
        _, seen = evidence.look(connect(group.endpoint), group, wait.plan.body, lambda: now)
    except TROUBLE as error:
        wait.evidence = None
        _note(wait, explain(error).message, quiet_since=None)
        return
    was_quiet = wait.quiet_since is not None
    quiet = seen.verdict is not ActivityVerdict.ACTIVE
    wait.evidence = evidence.as_json(seen)
    _note(wait, None, quiet_since=(wait.quiet_since or now) if quiet else None)
    if quiet and was_quiet:
        _apply(wait, actor, now)


def _too_late(wait: Wait) -> Message:
    """Say what stood in the way when the deadline passed, as it was last seen."""
    if wait.evidence is None:
        return say("The deadline passed, and who was consuming could not be read. Nothing was sent.")
    if wait.evidence["verdict"] == ActivityVerdict.ACTIVE.value:
        return say("The deadline passed while somebody was still consuming. Nothing was sent.")
    return say("The deadline passed before it was seen quiet twice. Nothing was sent.")


def _note(wait: Wait, words: Message | None, *, quiet_since: datetime | None) -> None:
    wait.quiet_since, wait.words = quiet_since, None if words is None else words.dump()
    open_still = Wait.objects.filter(pk=wait.pk, state=State.WAITING)
    open_still.update(quiet_since=quiet_since, words=wait.words, evidence=wait.evidence)


def _apply(wait: Wait, actor: Actor, now: datetime) -> None:
    """Apply through a plan made now; refused for a while it waits on, refused for good it ends."""
    try:
        made = _second_plan(wait, actor, now)
        if not Wait.objects.filter(pk=wait.pk, state=State.WAITING).update(
            state=State.APPLYING, applied_plan=made
        ):
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
        _put_back(wait, actor, now)
        _note(wait, refusal.message, quiet_since=None)
    except Refused as refusal:
        _put_back(wait, actor, now)
        _end(wait, State.REFUSED, refusal.message, actor, now)
    else:
        _end(wait, State.APPLIED, APPLIED_WORDS, actor, now, was=State.APPLYING)


def _put_back(wait: Wait, actor: Actor, now: datetime) -> None:
    """Wait on, unless somebody asked meanwhile to stop."""
    held = Wait.objects.filter(pk=wait.pk, state=State.APPLYING)
    held.update(state=State.WAITING, applied_plan=None)
    asked_by = Wait.objects.values_list("cancel_asked_by", flat=True).get(pk=wait.pk)
    if asked_by:
        _end(wait, State.CANCELLED, say("Cancelled by %(name)s.", name=asked_by), actor, now)


def _second_plan(wait: Wait, actor: Actor, now: datetime) -> Plan:
    """Plan exactly the confirmed moves from where the checkpoints are now; raises Refused.

    The confirmed plan has to be as it was, for the same endpoint, and nobody may have reset the group since.
    """
    confirmed = wait.plan
    plans.check_untouched(confirmed)
    applying.check_endpoint(confirmed)
    if reset := sending.reset_of(confirmed):
        raise PlanUsed(reset)
    if confirmed.group.resets.filter(started_at__gte=confirmed.made_at).exists():
        raise BadPlan(say("The group was reset after the plan was confirmed. Make the plan again."))
    cursors = {
        line["shard"]: line["after"]["cursor"]
        for line in confirmed.body["shards"]
        if line["before"]["position"] != line["after"]["position"]
    }
    made = plans.plan(
        confirmed.group,
        target=targets.Keep(),
        each={shard: targets.Exact(text, positions.decode(text)) for shard, text in cursors.items()},
        shards=None,
        maker=wait.user,
        now=now,
        actor=actor,
        typed=plans.typed_again(confirmed),
    )
    _check_directions(confirmed.body, made.body)
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


def _end(
    wait: Wait,
    state: Wait.State,
    words: Message,
    actor: Actor,
    now: datetime,
    *,
    was: Wait.State = State.WAITING,
) -> bool:
    with transaction.atomic():
        ended = Wait.objects.filter(pk=wait.pk, state=was).update(state=state, words=words.dump())
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
