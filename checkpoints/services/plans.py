"""Makes plans: reads everything fresh, works out each shard's move, freezes, signs and stores the lot."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.contrib.auth.models import User
from django.db import transaction
from django.utils.crypto import constant_time_compare, salted_hmac

from checkpoints import sls
from checkpoints.domain import plans as rules
from checkpoints.domain import targets
from checkpoints.domain.messages import Message, Refusal, say
from checkpoints.models import ConsumerGroup, Plan
from checkpoints.services import audit, evidence
from checkpoints.services.aims import Surveyed, iso, text_of
from checkpoints.services.audit import Actor
from checkpoints.services.drafts import Draft, Wish, draft
from checkpoints.services.problems import explain
from checkpoints.services.refusals import BadPlan, NotAllowed, PlanInvalid, UpstreamFailed
from checkpoints.services.sealing import Locked

SALT = "checkpoints.services.plans"
TROUBLE = (sls.SLSError, Locked)


@dataclass(frozen=True)
class Clock:
    """The time of a use case that began at `start`; it moves on with the work."""

    start: datetime
    began: float

    @classmethod
    def at(cls, now: datetime) -> Clock:
        return cls(now, time.monotonic())

    def __call__(self) -> datetime:
        return self.start + timedelta(seconds=time.monotonic() - self.began)


def plan(
    group: ConsumerGroup,
    *,
    target: targets.Target,
    shards: Sequence[int] | None,
    maker: User,
    now: datetime,
    actor: Actor,
    typed: str = "",
    each: Mapping[int, targets.Target] | None = None,
) -> Plan:
    """Make a plan for some shards, or for all the target speaks of (`shards` None); only reads upstream.

    `each` are targets of single shards, which count there instead of `target`; Keep leaves a shard out, as
    `target` all but those in `each`. `typed` is the target in the user's words.
    Raises NotAllowed, BadPlan, UpstreamFailed.
    """
    if not maker.has_perm("checkpoints.reset_checkpoint"):
        raise NotAllowed(say("You may not reset checkpoints."))
    if not group.endpoint.enabled or group.endpoint.removed_at:
        raise BadPlan(say("This endpoint is disabled."))
    wish = Wish(target, each or {}, shards)
    try:
        made = draft(group, wish, Clock.at(now))
    except TROUBLE as error:
        raise UpstreamFailed(explain(error)) from error
    except Refusal as refusal:
        raise BadPlan(refusal.message) from None
    return _store(group, made, wish, typed or text_of(target), maker=maker, now=now, actor=actor)


def again(made: Plan, *, user: User, now: datetime, actor: Actor) -> Plan:
    """Make the same plan from how things are now: same shards, same targets. Raises as plan() does.

    "2h ago" stays the time it stood for, and is called by that time from then on.
    """
    bound = made.body["bound"]
    shards = [line["shard"] for line in made.body["shards"]]
    own = {int(shard): text for shard, text in bound.get("each", {}).items()}
    try:
        target = targets.parse(bound["target"], zone=None, now=now)
        each = {shard: targets.parse(own[shard], zone=None, now=now) for shard in shards if shard in own}
    except Refusal as refusal:
        raise BadPlan(refusal.message) from None
    return plan(
        ConsumerGroup.objects.get(pk=made.group_id),
        target=target,
        shards=shards,
        maker=user,
        now=now,
        actor=actor,
        typed=typed_again(made),
        each=each,
    )


def typed_again(made: Plan) -> str:
    """Return what a plan made of this one is called: "2h ago" by the time it stood for."""
    typed: str = made.body["target"]
    return str(made.body["bound"]["target"]) if typed.lower().endswith("ago") else typed


def _store(
    group: ConsumerGroup,
    made_of: Draft,
    wish: Wish,
    typed: str,
    *,
    maker: User,
    now: datetime,
    actor: Actor,
) -> Plan:
    body = _body(group, made_of, wish, typed, maker)
    lifetime = timedelta(seconds=settings.PLAN_LIFETIME_SECONDS)
    made = Plan(group=group, maker=maker, made_at=now, expires_at=now + lifetime, body=body)
    made.hash = rules.digest(body)
    made.signature = sign(made)
    with transaction.atomic():
        made.save(force_insert=True)
        audit.record(
            "plan.made",
            actor=actor,
            outcome="made",
            endpoint=group.endpoint,
            group=group,
            object_id=str(made.pk),
            plan_hash=made.hash,
            before={str(line["shard"]): line["before"] for line in body["shards"]},
            after={str(line["shard"]): line["after"] for line in body["shards"]},
            details={"target": typed, "activity": made_of.activity.verdict.value},
            at=now,
        )
    return made


def _body(group: ConsumerGroup, made_of: Draft, wish: Wish, typed: str, maker: User) -> dict[str, Any]:
    """Return the frozen content; positions are text because they do not fit a double."""
    sums = rules.totals(made_of.moves)
    return {
        "endpoint": group.endpoint.name,
        "project": group.project.name,
        "logstore": group.logstore.name,
        "group": group.name,
        "target": typed,
        "activity": evidence.as_json(made_of.activity),
        "warnings": [warning.dump() for warning in made_of.warnings],
        "totals": {
            "consumed_again": sums.consumed_again,
            "never_consumed": sums.never_consumed,
            "shards": sums.shards,
        },
        "shards": [_line(one, move) for one, move in zip(made_of.surveys, made_of.moves, strict=True)],
        "bound": {
            "endpoint": str(group.endpoint.pk),
            "config_version": group.endpoint.config_version,
            "group": group.pk,
            "maker": maker.pk,
            "target": text_of(wish.target),
            "each": {str(shard): text_of(target) for shard, target in wish.each.items()},
            "timeout_seconds": int(group.timeout.total_seconds()),
            "nonce": str(uuid.uuid4()),
        },
    }


def _line(one: Surveyed, move: rules.ShardMove) -> dict[str, Any]:
    before, after = move.before, move.after
    return {
        "shard": move.shard,
        "before": point(before.cursor, before.position, before.time),
        "asked": move.asked,
        "after": point(after.cursor, after.position, after.time),
        "direction": move.direction,
        "log_groups": move.log_groups,
        "clamped": move.clamped,
        "warnings": [warning.dump() for warning in move.warnings],
        "begin": str(before.begin),
        "end": str(before.end),
        "readonly": before.readonly,
        "state": before.state.value,
        "consumed_until": None if one.consumed_until is None else iso(one.consumed_until),
        "consumer": one.consumer,
        "updated_at": None if one.updated_at is None else iso(one.updated_at),
    }


def point(cursor: str, position: int | None, at: datetime | None) -> dict[str, str | None]:
    """Return a place in a shard as plans and resets store it; times are those of the log group at it."""
    return {
        "cursor": cursor,
        "position": None if position is None else str(position),
        "time": None if at is None else iso(at),
    }


def sign(made: Plan) -> str:
    """Return the MAC over id, group, maker, hash and expiry: a row changed by hand does not verify."""
    text = f"{made.pk}|{made.group_id}|{made.maker_id}|{made.hash}|{iso(made.expires_at)}"
    return salted_hmac(SALT, text, algorithm="sha256").hexdigest()


def check_untouched(made: Plan) -> None:
    """Raise PlanInvalid when the stored plan is not the one that was made."""
    try:
        same = rules.digest(made.body) == made.hash and constant_time_compare(sign(made), made.signature)
    except (TypeError, ValueError):
        same = False
    if not same:
        raise PlanInvalid(say("This plan was changed after it was made. Make it again."))


def as_json(made: Plan) -> dict[str, Any]:
    """Return the JSON of `reset plan`; sentences in English."""
    body = made.body
    shown = ("shard", "before", "asked", "after", "direction", "log_groups", "clamped")
    return {
        "id": str(made.pk),
        "hash": made.hash,
        "expires_at": iso(made.expires_at),
        **{name: body[name] for name in ("endpoint", "project", "logstore", "group", "target")},
        "activity": {
            "verdict": body["activity"]["verdict"],
            "reasons": sentences(body["activity"]["reasons"]),
        },
        "warnings": sentences(body["warnings"]),
        "shards": [
            {**{name: line[name] for name in shown}, "warnings": sentences(line["warnings"])}
            for line in body["shards"]
        ],
    }


def sentences(stored: Iterable[dict[str, Any]]) -> list[str]:
    """Return stored messages in English."""
    return [str(Message(one["text"], one["values"])) for one in stored]
