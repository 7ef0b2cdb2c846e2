"""Shows log lines around a checkpoint and a target: real ones, few, without secrets, each look on record."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import DatabaseError, transaction

from checkpoints import sls
from checkpoints.domain import positions
from checkpoints.domain.messages import say
from checkpoints.models import ConsumerGroup, Plan
from checkpoints.services import audit, parallel, plans
from checkpoints.services.aims import Probe, position_of
from checkpoints.services.audit import Actor
from checkpoints.services.connections import connect
from checkpoints.services.neighbours import Side, first_after, last_before
from checkpoints.services.plans import TROUBLE
from checkpoints.services.problems import explain
from checkpoints.services.refusals import BadPlan, NotAllowed, PlanInvalid, Refused, UpstreamFailed

NEVER_SAVED = say("This shard never had a checkpoint.")
UNREADABLE = say("The checkpoint cannot be read.")
Look = Callable[[Probe, int], Side]


@dataclass(frozen=True)
class Place:
    """The target of a plan, or the present checkpoint, with what lies on both sides of it."""

    is_target: bool
    cursor: str
    position: int | None
    before: Side
    after: Side


@dataclass(frozen=True)
class Peek:
    """A look at one shard; the target comes first when there is one."""

    shard: int
    places: tuple[Place, ...]


class LookNotRecorded(Refused):
    """The database could not keep who looks, so nothing was read."""

    code = "not_recorded"

    def __init__(self) -> None:
        super().__init__(say("The database could not record this look, so no log line was read."))


def peek(
    group: ConsumerGroup, shard: int, *, user: User, actor: Actor, now: datetime, plan: Plan | None = None
) -> Peek:
    """Return log lines around the present checkpoint of a shard and, with a plan, around its target there.

    With a plan "present" is where the checkpoint was when the plan was made. The look is audited before any
    log line is pulled; what cannot be shown on one side is told there. Reading moves no checkpoint. Raises
    NotAllowed, BadPlan, PlanInvalid, UpstreamFailed, LookNotRecorded.
    """
    if not user.has_perm("checkpoints.peek_logs"):
        raise NotAllowed(say("You may not see log lines."))
    _check_endpoint(group)
    planned = None if plan is None else _planned(plan, group, shard)
    try:
        client = connect(group.endpoint)
        cursors = planned or {"present": _present(client, group, shard)}
    except TROUBLE as error:
        raise UpstreamFailed(explain(error)) from error
    _record(group, shard, cursors, plan, actor=actor, now=now)
    return Peek(shard, _places(Probe(client, group.project.name, group.logstore.name, shard), cursors))


def check_plan(plan: Plan, group: ConsumerGroup) -> None:
    """Raise PlanInvalid or BadPlan when the positions of a plan are not, or no longer, those of the group."""
    _check_endpoint(group)
    plans.check_untouched(plan)
    bound = plan.body["bound"]
    if plan.group_id != group.pk or bound["group"] != group.pk:
        raise BadPlan(say("This plan was made for another group."))
    if bound["config_version"] != group.endpoint.config_version:
        raise PlanInvalid(say("The endpoint was changed after the plan was made. Make it again."))


def _check_endpoint(group: ConsumerGroup) -> None:
    if not group.endpoint.enabled or group.endpoint.removed_at:
        raise BadPlan(say("This endpoint is disabled."))


def _planned(plan: Plan, group: ConsumerGroup, shard: int) -> dict[str, str]:
    """Return the cursors a plan has for a shard; the present one alone when nothing moves."""
    check_plan(plan, group)
    line = next((line for line in plan.body["shards"] if line["shard"] == shard), None)
    if line is None:
        raise BadPlan(say("This plan says nothing about shard %(shard)d.", shard=shard))
    present = {"present": line["before"]["cursor"]}
    stays = line["before"]["position"] == line["after"]["position"]
    return present if stays else {"target": line["after"]["cursor"], **present}


def _present(client: sls.Client, group: ConsumerGroup, shard: int) -> str:
    found = client.get_checkpoints(group.project.name, group.logstore.name, group.name, shard).value
    return next((one.checkpoint for one in found if one.shard == shard), positions.UNSAVED)


def _record(
    group: ConsumerGroup,
    shard: int,
    cursors: Mapping[str, str],
    plan: Plan | None,
    *,
    actor: Actor,
    now: datetime,
) -> None:
    """Store who is about to look where; not what is seen."""
    try:
        with transaction.atomic():
            audit.record(
                "logs.peeked",
                actor=actor,
                outcome="read",
                endpoint=group.endpoint,
                group=group,
                shard=shard,
                object_id=plan.pk if plan else "",
                plan_hash=plan.hash if plan else "",
                details={"positions": {name: position_of(cursor) for name, cursor in cursors.items()}},
                at=now,
            )
    except DatabaseError as error:
        raise LookNotRecorded from error


def _places(probe: Probe, cursors: Mapping[str, str]) -> tuple[Place, ...]:
    """Look at all sides at once; one that fails leaves the others to be shown."""
    looks: list[tuple[Look, str]] = [
        (look, cursor) for cursor in cursors.values() for look in (last_before, first_after)
    ]
    futures = parallel.each(probe.client, lambda job: _side(job[0], probe, job[1]), looks)
    sides = {job: future.result() for job, future in zip(looks, futures, strict=True)}
    return tuple(
        Place(
            is_target=name == "target",
            cursor=cursor,
            position=position_of(cursor),
            before=sides[last_before, cursor],
            after=sides[first_after, cursor],
        )
        for name, cursor in cursors.items()
    )


def _side(look: Look, probe: Probe, cursor: str) -> Side:
    position = position_of(cursor)
    if position is None:
        return Side(note=UNREADABLE if cursor else NEVER_SAVED)
    try:
        return look(probe, position)
    except sls.SLSError as error:
        return Side(problem=explain(error))
