"""Reads everything a plan needs, fresh, and works out the move of each shard; writes nothing."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from checkpoints import sls
from checkpoints.domain import plans as rules
from checkpoints.domain import targets
from checkpoints.domain.activity import Activity, ActivityVerdict
from checkpoints.domain.cautions import Circumstances
from checkpoints.domain.lineage import Lineage, parents
from checkpoints.domain.messages import Message, say
from checkpoints.domain.verdicts import Verdict
from checkpoints.models import ConsumerGroup
from checkpoints.services import aims, evidence, group_rules, sources, staleness
from checkpoints.services.aims import Surveyed
from checkpoints.services.connections import connect
from checkpoints.services.refusals import BadPlan

MOST_SOURCES = 4
"""Each is read anew: a form with a different one per shard must not become thousands of calls."""
ELSEWHERE = targets.FromGroup | targets.FromSnapshot


@dataclass(frozen=True)
class Wish:
    """What is asked for: a target for some shards, or all it speaks of, and others for single shards."""

    target: targets.Target
    each: Mapping[int, targets.Target]
    shards: Sequence[int] | None


@dataclass(frozen=True)
class Draft:
    """What a plan is made of."""

    surveys: list[Surveyed]
    moves: list[rules.ShardMove]
    activity: Activity
    warnings: list[Message]


def draft(group: ConsumerGroup, wish: Wish, clock: Callable[[], datetime]) -> Draft:
    """Read checkpoints first and ends after them, then checkpoints again to see whether they move.

    Raises BadPlan, another Refusal, SLSError or Locked.
    """
    now = clock()
    if len({one for one in wish.each.values() if isinstance(one, ELSEWHERE)}) > MOST_SOURCES:
        raise BadPlan(say("At most %(limit)d other groups and snapshots can be named.", limit=MOST_SOURCES))
    client = connect(group.endpoint)
    place = (group.project.name, group.logstore.name)
    brought = {
        target: sources.source_of(target, group, client, now=now)
        for target in dict.fromkeys([wish.target, *wish.each.values()])
    }
    first = client.get_checkpoints(*place, group.name).value
    listed = {shard.id: shard for shard in client.list_shards(*place).value}
    wanted, gone = sources.chosen(wish.target, wish.each, wish.shards, brought, listed)
    if isinstance(wish.target, targets.Exact) and list(wanted.values()).count(wish.target) > 1:
        raise BadPlan(say("A cursor belongs to one shard: choose exactly one."))
    found = {one.shard: one for one in first}

    def survey(shard: int) -> Surveyed:
        probe = aims.Probe(client, *place, shard)
        target = wanted[shard]
        return aims.survey(probe, listed[shard], found.get(shard), target, brought[target])

    read = aims.together(client, survey, wanted)
    second = client.get_checkpoints(*place, group.name).value
    ends = {one.before.shard: one.before.end for one in read if one.before.end is not None}
    activity = evidence.judge(group, [(now, first), (clock(), second)], ends, now=clock())
    surveys, left_out = _without_lost(read)
    warnings = [
        *_about_group(group, activity),
        *(message for target in dict.fromkeys(wanted.values()) for message in brought[target].warnings),
        *gone,
        *left_out,
        *_about_unchosen(surveys, listed.values()),
    ]
    return Draft(surveys, _moves(surveys, group, listed.values(), now), activity, warnings)


def _without_lost(surveys: Sequence[Surveyed]) -> tuple[list[Surveyed], list[Message]]:
    """Leave out what an undo cannot bring back: it is never pulled to where something else begins."""
    expired = [one.before.shard for one in surveys if one.aimed.undoes and _is_expired(one)]
    foreign = [one.before.shard for one in surveys if one.aimed.undoes and _is_foreign(one)]
    told = []
    if expired:
        told.append(
            say(
                "What was there before the reset has expired on shards %(shards)s: they are left out.",
                shards=sources.named(expired),
            )
        )
    if foreign:
        told.append(
            say(
                "What was there before the reset lies after the end of shards %(shards)s: they are left out.",
                shards=sources.named(foreign),
            )
        )
    left = [one for one in surveys if one.before.shard not in {*expired, *foreign}]
    if not left:
        raise BadPlan(told[0])
    return left, told


def _is_expired(one: Surveyed) -> bool:
    return one.before.begin is not None and one.aimed.position < one.before.begin


def _is_foreign(one: Surveyed) -> bool:
    return one.before.end is not None and one.aimed.position > one.before.end


def _moves(
    surveys: Sequence[Surveyed], group: ConsumerGroup, listed: Iterable[sls.Shard], now: datetime
) -> list[rules.ShardMove]:
    kept_for, lineages = group.logstore.retention, _lineages(surveys, listed, in_order=group.in_order)
    return [
        rules.move(
            one.before,
            one.aimed.asked,
            one.resolved,
            Circumstances(now, kept_for, one.aimed.asked_at, lineages[one.before.shard], one.aimed.left_at),
        )
        for one in surveys
    ]


def _lineages(
    surveys: Sequence[Surveyed], listed: Iterable[sls.Shard], *, in_order: bool
) -> dict[int, Lineage]:
    shards = list(listed)
    planned = {one.before.shard: one for one in surveys}
    to_their_end = {
        shard
        for shard, one in planned.items()
        if one.before.end is not None and one.aimed.position >= one.before.end
    }
    families = parents(shards)
    return {
        shard.id: Lineage(
            created_at=shard.created_at,
            parents_in_plan=tuple(one for one in families[shard.id] if one in planned),
            parents_outside=tuple(one for one in families[shard.id] if one not in planned),
            waits_for=tuple(one for one in families[shard.id] if in_order and one not in to_their_end),
        )
        for shard in shards
    }


def _about_group(group: ConsumerGroup, activity: Activity) -> Iterator[Message]:
    if group_rules.rules_of(group).service_owned:
        yield say(
            "This group belongs to the service itself (a rule says so): a reset does harm or has no effect."
            " Restart its job instead."
        )
    if activity.verdict is ActivityVerdict.ACTIVE:
        yield say("Somebody is consuming. A running consumer overwrites a reset: stop all consumers first.")
    if activity.verdict is ActivityVerdict.PROBABLY_ACTIVE:
        yield say("Consumers may be running without anything to read: make sure that all are stopped.")
    if staleness.said(group) is Verdict.PROGRESS_ONLY:
        yield say(
            "This group is saved without a consumer's name, as Flink and Spark do: a reset has no effect"
            " unless the job starts without its own state (a Flink savepoint, a Spark checkpoint)."
        )


def _about_unchosen(surveys: Sequence[Surveyed], listed: Iterable[sls.Shard]) -> Iterator[Message]:
    chosen = {one.before.shard for one in surveys}
    unchosen = [shard.id for shard in listed if shard.status == "readonly" and shard.id not in chosen]
    if unchosen and any(one.aimed.asked_at or one.aimed.asked == "earliest" for one in surveys):
        yield say(
            "Log groups from before a split or merge lie in read-only shards not chosen here: %(shards)s.",
            shards=sources.named(unchosen),
        )
