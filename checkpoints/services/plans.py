"""Makes plans: reads everything fresh, works out each shard's move, freezes, signs and stores the lot."""

from __future__ import annotations

import time
import uuid
from collections.abc import Iterable, Sequence
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
from checkpoints.domain.activity import Activity, ActivityVerdict
from checkpoints.domain.messages import Message, Refusal, say
from checkpoints.models import ConsumerGroup, Plan
from checkpoints.services import aims, audit, evidence, parallel, sources
from checkpoints.services.aims import Surveyed, iso, text_of
from checkpoints.services.audit import Actor
from checkpoints.services.connections import connect
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


@dataclass(frozen=True)
class Draft:
    """What a plan is made of."""

    surveys: list[Surveyed]
    moves: list[rules.ShardMove]
    activity: Activity
    warnings: list[Message]


def plan(
    group: ConsumerGroup,
    *,
    target: targets.Target,
    shards: Sequence[int] | None,
    maker: User,
    now: datetime,
    actor: Actor,
    typed: str = "",
) -> Plan:
    """Make a plan for some shards, or for all the target speaks of (`shards` None); only reads upstream.

    `typed` is the target in the user's words. Raises NotAllowed, BadPlan, UpstreamFailed.
    """
    if not maker.has_perm("checkpoints.reset_checkpoint"):
        raise NotAllowed(say("You may not reset checkpoints."))
    if not group.endpoint.enabled or group.endpoint.removed_at:
        raise BadPlan(say("This endpoint is disabled."))
    try:
        draft = _draft(group, target, shards, now)
    except TROUBLE as error:
        raise UpstreamFailed(explain(error)) from error
    except Refusal as refusal:
        raise BadPlan(refusal.message) from None
    return _store(group, draft, target, typed or text_of(target), maker=maker, now=now, actor=actor)


def _draft(
    group: ConsumerGroup, target: targets.Target, shards: Sequence[int] | None, now: datetime
) -> Draft:
    """Read checkpoints first and ends after them, then checkpoints again to see whether they move."""
    clock = Clock.at(now)
    client = connect(group.endpoint)
    place = (group.project.name, group.logstore.name)
    source = sources.source_of(target, group, client)
    first = client.get_checkpoints(*place, group.name).value
    listed = {shard.id: shard for shard in client.list_shards(*place).value}
    wanted = sources.chosen(source, shards, listed)
    if isinstance(target, targets.Exact) and len(wanted) != 1:
        raise BadPlan(say("A cursor belongs to one shard: choose exactly one."))
    found = {one.shard: one for one in first}

    def survey(shard: int) -> Surveyed:
        probe = aims.Probe(client, *place, shard)
        return aims.survey(probe, listed[shard], found.get(shard), target, source.kept or {})

    surveys = _all(parallel.each(client, survey, wanted))
    second = client.get_checkpoints(*place, group.name).value
    ends = {one.before.shard: one.before.end for one in surveys if one.before.end is not None}
    activity = evidence.judge(group, [(now, first), (clock(), second)], ends, now=clock())
    moves = [_move(one, group, now) for one in surveys]
    unchosen = [
        shard.id for shard in listed.values() if shard.status == "readonly" and shard.id not in wanted
    ]
    warnings = [*source.warnings, *_warnings(group, activity, target, unchosen)]
    return Draft(surveys, moves, activity, warnings)


def _all(futures: Iterable[Any]) -> list[Surveyed]:
    """Wait for every survey, also when one failed: nothing of ours is left running."""
    done = list(futures)
    errors = [error for future in done if (error := future.exception())]
    if errors:
        raise errors[0]
    return [future.result() for future in done]


def _move(one: Surveyed, group: ConsumerGroup, now: datetime) -> rules.ShardMove:
    days = group.logstore.retention_days
    return rules.move(
        one.before,
        one.aimed.asked,
        one.resolved,
        now=now,
        retention=None if days is None else timedelta(days=days),
        asked_at=one.aimed.asked_at,
    )


def _warnings(
    group: ConsumerGroup, activity: Activity, target: targets.Target, unchosen: Sequence[int]
) -> Iterable[Message]:
    if activity.verdict is ActivityVerdict.ACTIVE:
        yield say("Somebody is consuming. A running consumer overwrites a reset: stop all consumers first.")
    if activity.verdict is ActivityVerdict.PROBABLY_ACTIVE:
        yield say("Consumers may be running without anything to read: make sure that all are stopped.")
    if group.verdict == "progress_only":
        yield say("This group is saved without a consumer's name: its program may not read the checkpoint.")
    if unchosen and isinstance(target, targets.At | targets.Earliest):
        yield say(
            "Log groups from before a split or merge lie in read-only shards not chosen here: %(shards)s.",
            shards=", ".join(str(shard) for shard in sorted(unchosen)),
        )


def _store(
    group: ConsumerGroup,
    draft: Draft,
    target: targets.Target,
    typed: str,
    *,
    maker: User,
    now: datetime,
    actor: Actor,
) -> Plan:
    body = _body(group, draft, target, typed, maker)
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
            details={"target": typed, "activity": draft.activity.verdict.value},
            at=now,
        )
    return made


def _body(
    group: ConsumerGroup, draft: Draft, target: targets.Target, typed: str, maker: User
) -> dict[str, Any]:
    """Return the frozen content; positions are text because they do not fit a double."""
    sums = rules.totals(draft.moves)
    return {
        "endpoint": group.endpoint.name,
        "project": group.project.name,
        "logstore": group.logstore.name,
        "group": group.name,
        "target": typed,
        "activity": {
            "verdict": draft.activity.verdict.value,
            "reasons": [reason.dump() for reason in draft.activity.reasons],
            "consumers": list(draft.activity.consumers),
        },
        "warnings": [warning.dump() for warning in draft.warnings],
        "totals": {
            "consumed_again": sums.consumed_again,
            "never_consumed": sums.never_consumed,
            "shards": sums.shards,
        },
        "shards": [_line(one, move) for one, move in zip(draft.surveys, draft.moves, strict=True)],
        "bound": {
            "endpoint": str(group.endpoint.pk),
            "config_version": group.endpoint.config_version,
            "group": group.pk,
            "maker": maker.pk,
            "target": text_of(target),
            "timeout_seconds": int(evidence.timeout_of(group).total_seconds()),
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
