"""Sends a reset: the intent is committed first, and only its receipt opens the one write of this product."""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from datetime import datetime

from django.contrib.auth.models import User
from django.db import DatabaseError, IntegrityError, transaction
from django.db.models import Q

from checkpoints import sls
from checkpoints.domain.messages import say
from checkpoints.models import Endpoint, Plan, Reset, ShardReset
from checkpoints.services import audit, parallel, permits
from checkpoints.services.audit import Actor
from checkpoints.services.permits import Permit
from checkpoints.services.problems import explain
from checkpoints.services.refusals import Busy, NotRecorded, PlanInvalid, PlanUsed

WIDTH = 8
"""Writes in flight at once; as many failures in a row stop the rest."""
_key = object()
log = logging.getLogger(__name__)
Outcome = ShardReset.Outcome


class IntentReceipt:
    """Proof that a reset is recorded durably; only commit_intent() can make one."""

    def __init__(self, key: object, reset: Reset, lines: tuple[ShardReset, ...]) -> None:
        if key is not _key:
            raise TypeError("only commit_intent() makes receipts")
        self.reset = reset
        self.lines = lines

    @property
    def place(self) -> tuple[str, str, str]:
        """Return project, Logstore and group."""
        group = self.reset.group
        return group.project.name, group.logstore.name, group.name


@dataclass(frozen=True)
class Wanted:
    """What the person who applies a plan said."""

    user: User
    actor: Actor
    reason: str
    ticket: str = ""
    override_active: bool = False
    stop_at_unknown: bool = True
    break_glass: bool = False


def reset_of(plan: Plan) -> Reset | None:
    """Return what a plan was used for: applied itself, or through the plan a wait made of it."""
    return Reset.objects.filter(Q(plan=plan) | Q(plan__waited_for__plan=plan)).first()


def resets_so_far(plan: Plan) -> int:
    """Return how many resets the group had before it is read again; raises PlanUsed or Busy.

    A reset that begins or ends after the reading is not in what was read: commit_intent() refuses then.
    """
    # Counted first: one that begins between these two queries is then open, or not counted.
    so_far = plan.group.resets.count()
    open_now = plan.group.resets.filter(outcome=Reset.Outcome.SENDING).first()
    if open_now is not None:
        raise PlanUsed(open_now) if open_now.plan_id == plan.pk else Busy
    return so_far


def commit_intent(
    plan: Plan, wanted: Wanted, *, now: datetime, resets_before: int | None = None
) -> IntentReceipt:
    """Use the plan up and record reset, shards and audit in one durable transaction.

    Raises PlanUsed when somebody was first, Busy while another reset of the group is being sent or when there
    are more than `resets_before`, PlanInvalid when the endpoint changed meanwhile, ReadOnly or NeedsApproval
    when its protection or the approval did, NotRecorded when the database fails.
    """
    group = plan.group
    try:
        with transaction.atomic(durable=True):
            if not Plan.objects.filter(pk=plan.pk, used_at=None).update(used_at=now):
                raise PlanUsed(Reset.objects.get(plan=plan))
            if (used := reset_of(plan)) is not None:
                raise PlanUsed(used)
            _check_endpoint_still(plan.group.endpoint)
            as_now = Plan.objects.select_related("group__logstore__project__endpoint").get(pk=plan.pk)
            permit = permits.of(
                as_now,
                wanted.user,
                break_glass=wanted.break_glass,
                overrides_active=wanted.override_active,
                now=now,
            )
            if group.resets.filter(outcome=Reset.Outcome.SENDING).exists():
                raise Busy
            if resets_before not in (None, group.resets.count()):
                raise Busy
            return IntentReceipt(_key, *_record(plan, wanted, permit, now))
    except IntegrityError:
        raise Busy from None
    except DatabaseError as error:
        raise NotRecorded from error


def _check_endpoint_still(checked: Endpoint) -> None:
    """Refuse when the endpoint was changed or disabled while the checks ran."""
    same = Endpoint.objects.filter(
        pk=checked.pk, config_version=checked.config_version, enabled=True, removed_at=None
    )
    if not same.exists():
        raise PlanInvalid(say("The endpoint was changed after the plan was made. Make it again."))


def _record(
    plan: Plan, wanted: Wanted, permit: Permit, now: datetime
) -> tuple[Reset, tuple[ShardReset, ...]]:
    group = plan.group
    reset = Reset.objects.create(
        plan=plan,
        group=group,
        actor=wanted.user,
        actor_name=wanted.user.get_username(),
        reason=wanted.reason,
        ticket=wanted.ticket,
        overrode_active=wanted.override_active,
        stop_at_unknown=wanted.stop_at_unknown,
        broke_glass=permit.broke_glass,
        approved_by=permit.approved_by,
        started_at=now,
    )
    rows = [
        ShardReset(reset=reset, shard=line["shard"], before=line["before"], after=line["after"])
        for line in plan.body["shards"]
    ]
    lines = ShardReset.objects.bulk_create(rows)
    audit.record(
        "reset.requested",
        actor=wanted.actor,
        outcome="requested",
        endpoint=group.endpoint,
        group=group,
        object_id=str(reset.pk),
        before={str(line.shard): line.before for line in lines},
        after={str(line.shard): line.after for line in lines},
        reason=wanted.reason,
        ticket=wanted.ticket,
        plan_hash=plan.hash,
        details={
            "plan": str(plan.pk),
            "override_active": wanted.override_active,
            "stop_at_unknown": wanted.stop_at_unknown,
            "broke_glass": permit.broke_glass,
            "approved_by": permit.approved_by,
        },
        at=now,
    )
    if permit.broke_glass:
        _sound_the_alarm(reset, wanted, now)
    return reset, tuple(lines)


def _sound_the_alarm(reset: Reset, wanted: Wanted, now: datetime) -> None:
    """Record a reset without its second person in a row of its own, and in the log of the server."""
    audit.record(
        "reset.broke_glass",
        actor=wanted.actor,
        outcome="broke_glass",
        endpoint=reset.group.endpoint,
        group=reset.group,
        object_id=str(reset.pk),
        reason=wanted.reason,
        ticket=wanted.ticket,
        plan_hash=reset.plan.hash,
        at=now,
    )
    log.critical("%s reset %s without the second person: %s", reset.actor_name, reset.group, reset.pk)


def send(client: sls.Client, receipt: IntentReceipt, clock: Callable[[], datetime]) -> None:
    """Write every shard that changes, a few at a time; each answer is committed as it comes.

    A shard is marked as sent before its first byte. After WIDTH failures in a row no further shard is sent,
    nor after the first write without an answer when the reset is to stop there.
    """
    waiting = [line for line in receipt.lines if changes(line)]
    running: dict[Future[sls.Answer[None]], ShardReset] = {}
    failures = 0
    while waiting or running:
        while waiting and len(running) < WIDTH and failures < WIDTH:
            line = waiting.pop(0)
            if _mark_sent(line, clock()):
                running[parallel.pool(client).submit(_write, client, receipt, line)] = line
        if not running:
            return
        for future in wait(running, return_when=FIRST_COMPLETED).done:
            line = running.pop(future)
            answered = _keep_answer(line, future, clock())
            failures = 0 if answered else failures + 1
            if answered is None and receipt.reset.stop_at_unknown:
                waiting.clear()


def changes(line: ShardReset) -> bool:
    """Tell whether there is anything to send for this shard."""
    return line.before["position"] is None or line.before["position"] != line.after["position"]


def _write(client: sls.Client, receipt: IntentReceipt, line: ShardReset) -> sls.Answer[None]:
    """The only call in this product that changes a checkpoint: forced, without a consumer, never repeated."""
    return client.update_checkpoint(
        *receipt.place, shard=line.shard, checkpoint=line.after["cursor"], consumer="", force=True
    )


def _mark_sent(line: ShardReset, now: datetime) -> bool:
    """Record that the write is about to leave; False when somebody settled the shard meanwhile."""
    mine = ShardReset.objects.filter(pk=line.pk, outcome=Outcome.PLANNED)
    return bool(mine.update(outcome=Outcome.SENDING, sent_at=now))


def _keep_answer(line: ShardReset, future: Future[sls.Answer[None]], now: datetime) -> bool | None:
    """Commit what the service said about one shard; returns whether it said yes, None without an answer."""
    error = future.exception()
    if error is None:
        _save(line, request_id=future.result().request_id, settled_at=now)
        return True
    if not isinstance(error, sls.SLSError):
        raise error
    problem = explain(error).as_json()
    if error.outcome_unknown:
        _save(line, outcome=Outcome.UNKNOWN, error=problem, request_id=error.request_id, settled_at=now)
        return None
    if isinstance(error, sls.ApiError):
        _save(line, outcome=Outcome.REFUSED, error=problem, request_id=error.request_id, settled_at=now)
    else:  # nothing left this machine
        _save(line, outcome=Outcome.NOT_ATTEMPTED, error=problem, sent_at=None, settled_at=now)
    return False


def _save(line: ShardReset, **changed: object) -> None:
    ShardReset.objects.filter(pk=line.pk).update(**changed)
