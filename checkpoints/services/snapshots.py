"""Snapshots: keep all checkpoints of a group as they are now, by hand or on a schedule, to go back to."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction

from checkpoints.domain import clocks
from checkpoints.domain.lag import ShardFacts
from checkpoints.domain.messages import say
from checkpoints.models import ConsumerGroup, Reading, Snapshot
from checkpoints.services import audit, breaker, collector
from checkpoints.services.aims import iso
from checkpoints.services.audit import SYSTEM, Actor
from checkpoints.services.problems import Problem, explain
from checkpoints.services.refusals import Refused, UpstreamFailed
from checkpoints.services.seen import position_of

LONGEST_NAME = 100
MOST_HOURS = 168
KEPT = 60
"""Scheduled snapshots of a group; those by hand are kept for ever."""
RECENT = timedelta(seconds=60)
LEASE = timedelta(minutes=10)
"""How long a snapshot that is due stays with whoever takes it; after a failure, until it is tried again."""
log = logging.getLogger(__name__)


class BadSnapshot(Refused):
    """A name, a schedule or a group that makes no snapshot."""

    code = "bad_snapshot"


def take(group: ConsumerGroup, *, name: str, actor: Actor, now: datetime) -> Snapshot:
    """Keep the checkpoints of a group under a name, read fresh.

    `taken_at` is the time of the reading: until then a shard at its end, which has no times, was consumed.
    Raises BadSnapshot, or UpstreamFailed when the checkpoints could not be read.
    """
    wanted = _name(name)
    reading = _read(group, now, timedelta(0))
    return _keep(group, wanted, reading, actor=actor, now=now, scheduled=False)


def _read(group: ConsumerGroup, now: datetime, max_age: timedelta) -> Reading:
    if not group.endpoint.enabled or group.endpoint.removed_at:
        raise BadSnapshot(say("This endpoint is disabled."))
    return _reading(group, now, max_age)


@transaction.atomic
def _keep(
    group: ConsumerGroup, name: str, reading: Reading, *, actor: Actor, now: datetime, scheduled: bool
) -> Snapshot:
    shards = [_shard(fact) for fact in reading.facts()]
    taken = Snapshot.objects.create(
        group=group,
        name=name,
        taken_at=reading.taken_at,
        taken_by=actor.name,
        scheduled=scheduled,
        shards=shards,
    )
    audit.record(
        "snapshot.taken",
        actor=actor,
        outcome="taken",
        group=group,
        object_id=taken.pk,
        after={str(line["shard"]): line["cursor"] for line in shards},
        details={"name": name, "taken_at": reading.taken_at, "scheduled": scheduled},
        at=now,
    )
    return taken


def schedule(group: ConsumerGroup, hours: int | None, *, actor: Actor, now: datetime) -> None:
    """Take a snapshot every so many hours from now on, or None: no longer. Raises BadSnapshot."""
    if hours is not None and not 1 <= hours <= MOST_HOURS:
        raise BadSnapshot(say("A schedule takes whole hours from 1 to %(most)d.", most=MOST_HOURS))
    with transaction.atomic():
        before = ConsumerGroup.objects.select_for_update().get(pk=group.pk).snapshot_hours
        ConsumerGroup.objects.filter(pk=group.pk).update(snapshot_hours=hours, next_snapshot_at=None)
        audit.record(
            "snapshot.scheduled",
            actor=actor,
            outcome="off" if hours is None else "on",
            group=group,
            before={"hours": before},
            after={"hours": hours},
            at=now,
        )
    group.snapshot_hours, group.next_snapshot_at = hours, None


def take_due(now: datetime) -> int:
    """Take every snapshot that is due and return how many were; the failure of one is logged.

    A conditional UPDATE is the lease: of several workers one takes it. An endpoint whose breaker is open is
    not asked; what is due there is taken once it answers.
    """
    groups = ConsumerGroup.objects.filter(
        breaker.lets_through("logstore__project__endpoint", now),
        snapshot_hours__isnull=False,
        vanished_at=None,
        logstore__project__endpoint__enabled=True,
        logstore__project__endpoint__removed_at=None,
    )
    due = [group for group in groups.select_related("logstore__project__endpoint") if _is_due(group, now)]
    return sum(_take_scheduled(group, now) for group in due if _lease(group, now))


def _is_due(group: ConsumerGroup, now: datetime) -> bool:
    furthest = max(LEASE, timedelta(hours=group.snapshot_hours or 0))
    return clocks.has_come(group.next_snapshot_at, now, furthest=furthest)


def _lease(group: ConsumerGroup, now: datetime) -> bool:
    """Take a group that is due, unless somebody else has; the breaker may have opened meanwhile."""
    mine = ConsumerGroup.objects.filter(
        breaker.lets_through("logstore__project__endpoint", now),
        pk=group.pk,
        next_snapshot_at=group.next_snapshot_at,
    )
    return bool(mine.update(next_snapshot_at=now + LEASE))


def _take_scheduled(group: ConsumerGroup, now: datetime) -> bool:
    try:
        reading = _read(group, now, RECENT)
        _keep_scheduled(group, reading, now)
    except Refused as refusal:
        log.warning("no snapshot of %s: %s", group, refusal)
        return False
    except Exception:  # the others must have theirs whatever one group does
        log.exception("the snapshot of %s failed", group)
        return False
    return True


@transaction.atomic
def _keep_scheduled(group: ConsumerGroup, reading: Reading, now: datetime) -> None:
    """Store a snapshot together with when the next is due: a process that dies between takes none twice."""
    assert group.snapshot_hours is not None  # noqa: S101 - asked for in the query
    step = timedelta(hours=group.snapshot_hours)
    _keep(group, f"every {group.snapshot_hours} h", reading, actor=SYSTEM, now=now, scheduled=True)
    _prune(group)
    planned = group.next_snapshot_at or now
    following = planned + step * ((now - planned) // step + 1)  # what was missed is not made up for
    mine = ConsumerGroup.objects.filter(pk=group.pk, next_snapshot_at=now + LEASE)  # not if scheduled anew
    mine.update(next_snapshot_at=following)


def _prune(group: ConsumerGroup) -> None:
    ours = group.snapshots.filter(scheduled=True)
    kept = list(ours.order_by("-taken_at").values_list("pk", flat=True)[:KEPT])
    ours.exclude(pk__in=kept).delete()


def _name(text: str) -> str:
    name = text.strip()
    if not name:
        raise BadSnapshot(say("Give the snapshot a name."))
    if len(name) > LONGEST_NAME:
        raise BadSnapshot(say("The name is longer than %(limit)d characters.", limit=LONGEST_NAME))
    if not name.isprintable():
        raise BadSnapshot(say("The name holds characters that cannot be shown."))
    return name


def _reading(group: ConsumerGroup, now: datetime, max_age: timedelta) -> Reading:
    latest = group.readings.order_by("-taken_at").first()
    if latest and max_age and clocks.is_young(latest.taken_at, now, most=max_age):
        return latest
    try:
        reading = collector.read_group(group, max_age=timedelta(0), now=now)
    except collector.TROUBLE as error:
        raise UpstreamFailed(explain(error)) from error
    if reading.taken_at < now:  # the group could not be read, or is gone: this is what was known before
        group.refresh_from_db()
        if group.problem:
            raise UpstreamFailed(Problem.from_json(group.problem))
        raise BadSnapshot(say("This group no longer exists."))
    return reading


def _shard(fact: ShardFacts) -> dict[str, Any]:
    position = position_of(fact.checkpoint)
    return {
        "shard": fact.shard,
        "cursor": fact.checkpoint,
        "position": None if position is None else str(position),
        "read_at": None if fact.read_at is None else iso(fact.read_at),
        "unread_at": None if fact.unread_at is None else iso(fact.unread_at),
    }
