"""Watches a reset after the write: does it hold, is it taken up, or does a running consumer overwrite it?"""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from checkpoints.domain import positions
from checkpoints.domain import watching as rules
from checkpoints.domain.messages import say
from checkpoints.models import ConsumerGroup, Reset, ShardReset
from checkpoints.queries import clocks
from checkpoints.services import audit, breaker, settling
from checkpoints.services.aims import iso, position_of
from checkpoints.services.audit import SYSTEM, Actor
from checkpoints.services.connections import connect
from checkpoints.services.settling import Seen

Watch = ShardReset.Watch
IDLE_EVERY = timedelta(seconds=30)
"""How often a watch looks that only waits for log groups to arrive."""
log = logging.getLogger(__name__)
_OPEN = Q(looked_at=None) | Q(looked_at__lt=F("watch_until"))


def is_open(reset: Reset) -> bool:
    """Tell whether the watch still goes on: it ends with the first look at or after watch_until."""
    if reset.outcome == Reset.Outcome.SENDING or reset.watch_until is None:
        return False
    return reset.looked_at is None or reset.looked_at < reset.watch_until


def look(
    reset: Reset, *, now: datetime, max_age: timedelta = timedelta(0), until: datetime | None = None
) -> Reset:
    """Read the group once and say of every shard what became of it; returns the reset as it is now.

    Does nothing when the watch is over, or when somebody looked less than `max_age` ago. `until` ends the
    watch earlier for the verdict of this look. The last look is kept in the audit.
    """
    if is_open(reset) and _claim(reset, now, max_age):
        seen = settling.read(reset.group)
        settling.settle_unanswered(reset, seen, now=now)
        idle = _idle_shards(reset, seen, now) if until is None else frozenset()
        _store(reset, seen, idle, now=now, until=until or reset.watch_until or now)
    reset.refresh_from_db()
    return reset


def end(reset: Reset, *, actor: Actor, now: datetime) -> Reset:
    """End a watch by hand: what is at its target now counts as held."""
    if is_open(reset):
        with transaction.atomic():
            Reset.objects.filter(pk=reset.pk).update(watch_until=now, watch_ended_by=actor.name)
            _record("reset.watch_ended", reset, actor, "ended", {}, now)
        reset.refresh_from_db()
        look(reset, now=now, until=now)
    return reset


def look_at_open(now: datetime, *, max_age: timedelta = timedelta(seconds=10)) -> int:
    """Look at every reset whose watch goes on, so that watches end also with nobody's page open.

    While the breaker of its endpoint is open that is only done at the end of a watch.
    """
    going_on = Reset.objects.exclude(outcome=Reset.Outcome.SENDING).filter(_OPEN, watch_until__isnull=False)
    may_look = breaker.lets_through("group__logstore__project__endpoint", now) | Q(watch_until__lte=now)
    resets = list(going_on.filter(may_look).select_related("group__logstore__project__endpoint", "plan"))
    for reset in resets:
        try:
            look(reset, now=now, max_age=max_age)
        except Exception:  # the loop must go on whatever one reset meets
            log.exception("the watch of reset %s failed", reset.pk)
    return len(resets)


def _claim(reset: Reset, now: datetime, max_age: timedelta) -> bool:
    """Be the only one who looks just now; a claim never closes the watch."""
    if not max_age:
        return True
    assert reset.watch_until is not None  # noqa: S101 - the watch is open
    due = clocks.is_old("looked_at", now, most=max_age)
    mark = min(now, reset.watch_until - timedelta(microseconds=1))
    return bool(Reset.objects.filter(due, pk=reset.pk).update(looked_at=mark))


def _idle_shards(reset: Reset, seen: Seen, now: datetime) -> frozenset[int]:
    """Return the shards that may stay at their target only because their consumers have nothing to read.

    Such consumers were seen before the reset, at the end of the shard. Once the time of a normal watch is
    over, this asks now and then whether log groups arrived.
    """
    timeout = reset.group.timeout
    over = reset.finished_at is not None and now >= rules.watch_until(reset.finished_at, timeout)
    if not over or seen.checkpoints is None or not _names_before(reset.plan.body):
        return frozenset()
    due = reset.watch_until is not None and now >= reset.watch_until
    ends = _ends_reached(reset.plan.body)
    idle = set()
    for line in reset.shards.filter(watch=Watch.WATCHING, shard__in=ends):
        known = ends[line.shard]
        if due and line.flowed_at is None and _end_of(reset.group, line.shard, known) > known:
            line.flowed_at = now
            line.save(update_fields=["flowed_at"])
        written = line.sent_at or reset.started_at
        if rules.proves_nothing(written_at=written, flowed_at=line.flowed_at, group_timeout=timeout, now=now):
            idle.add(line.shard)
    return frozenset(idle)


def _ends_reached(body: dict[str, Any]) -> dict[int, int]:
    """Return the ends of the shards that were consumed to their end when the plan was made."""
    return {
        line["shard"]: int(line["end"])
        for line in body["shards"]
        if line["before"]["position"] is not None and int(line["before"]["position"]) >= int(line["end"])
    }


def _was_at_target(line: ShardReset) -> bool:
    return line.last_seen is not None and line.last_seen["position"] == line.after["position"]


def _end_of(group: ConsumerGroup, shard: int, known: int) -> int:
    """Return the end of a shard now; the known one when it cannot be read."""
    try:
        client = connect(group.endpoint)
        return positions.decode(
            client.get_cursor(group.project.name, group.logstore.name, shard, "end").value
        )
    except settling.TROUBLE as error:
        log.warning("the end of shard %s of %s could not be read: %s", shard, group, error)
        return known


@transaction.atomic
def _store(reset: Reset, seen: Seen, idle: frozenset[int], *, now: datetime, until: datetime) -> None:
    if not Reset.objects.filter(_OPEN, pk=reset.pk).update(looked_at=now):
        return
    stored = Reset.objects.get(pk=reset.pk)  # somebody may have ended the watch, or drawn it out, meanwhile
    ended, closing = bool(stored.watch_ended_by), stored.watch_until
    until = min(until, closing or until) if ended else until
    idle = frozenset() if ended else idle
    lines = list(reset.shards.exclude(watch=Watch.NONE))
    for line in lines:
        _judge(reset, line, seen, now=now, until=until, is_idle=line.shard in idle)
        line.save(update_fields=["watch", "watch_reasons", "last_seen"])
    if closing is None or now < closing:
        return
    if any(line.watch == Watch.WATCHING for line in lines):
        Reset.objects.filter(pk=reset.pk).update(watch_until=now + IDLE_EVERY)
    else:
        _audit(reset, lines, now)


def _judge(
    reset: Reset, line: ShardReset, seen: Seen, *, now: datetime, until: datetime, is_idle: bool
) -> None:
    if _replaced(reset, line, now):
        return
    text = seen.text(line.shard)
    found = (seen.checkpoints or {}).get(line.shard)
    position = None if text is None else position_of(text)
    verdict = rules.watch(
        settling.number(line.before),
        int(line.after["position"]),
        position,
        written_at=line.sent_at or reset.started_at,
        updated_at=found.updated_at if found else None,
        consumer=found.consumer if found else "",
        now=now,
        until=until,
        was_active=True if reset.overrode_active else None,
        consumers_before=_names_before(reset.plan.body),
        is_idle=is_idle,
        was_idle=line.shard in _ends_reached(reset.plan.body),
        at_target_at=reset.looked_at if _was_at_target(line) else None,
    )
    if found is not None:
        line.last_seen = {
            "cursor": found.checkpoint,
            "position": None if position is None else str(position),
            "consumer": found.consumer,
            "updated_at": None if found.updated_at is None else iso(found.updated_at),
        }
    if _is_news(line, verdict):
        line.watch = verdict.verdict.value
        line.watch_reasons = [reason.dump() for reason in verdict.reasons]


def _replaced(reset: Reset, line: ShardReset, now: datetime) -> bool:
    """End the watch of a shard that a later reset of ours wrote to, by what stood there just before that."""
    later = ShardReset.objects.filter(
        reset__group=reset.group, shard=line.shard, reset__started_at__gt=reset.started_at, sent_at__lte=now
    )
    by = later.exclude(outcome=ShardReset.Outcome.REFUSED).order_by("sent_at").first()
    if by is None:
        return False
    if line.watch == Watch.WATCHING:
        held = by.before["position"] == line.after["position"]
        words = say("Replaced by reset %(reset)s; until then it held.", reset=str(by.reset_id))
        moved = say("It had moved from its target when reset %(reset)s replaced it.", reset=str(by.reset_id))
        line.watch = Watch.HELD if held else Watch.UNKNOWN
        line.watch_reasons = [(words if held else moved).dump()]
    return True


def _names_before(body: dict[str, Any]) -> frozenset[str]:
    owners = {line.get("consumer") for line in body["shards"]}
    return frozenset(name for name in owners | set(body["activity"]["consumers"]) if name)


def _is_news(line: ShardReset, verdict: rules.WatchVerdict) -> bool:
    """Once overwritten stays so; what was taken up may only still turn out to be thrown back."""
    if line.watch == Watch.OVERWRITTEN:
        return False
    if line.watch == Watch.TAKEN_UP:
        at, target = (line.last_seen or {}).get("position"), int(line.after["position"])
        return verdict.verdict is rules.Watch.OVERWRITTEN and at is not None and int(at) < target
    return True


def _audit(reset: Reset, lines: list[ShardReset], now: datetime) -> None:
    words = {line.watch for line in lines}
    worst = next((word for word in ("overwritten", "unknown", "taken_up", "held") if word in words), "")
    details = {
        str(line.shard): {"watch": line.watch, "reasons": line.watch_reasons, "seen": line.last_seen}
        for line in lines
    }
    _record("reset.watched", reset, SYSTEM, worst, details, now)


def _record(
    action: str, reset: Reset, actor: Actor, outcome: str, details: dict[str, Any], now: datetime
) -> None:
    audit.record(
        action,
        actor=actor,
        outcome=outcome,
        endpoint=reset.group.endpoint,
        group=reset.group,
        object_id=str(reset.pk),
        plan_hash=reset.plan.hash,
        reason=reset.reason,
        ticket=reset.ticket,
        details=details,
        at=now,
    )
