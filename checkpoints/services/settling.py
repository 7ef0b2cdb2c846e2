"""Finds out what became of a reset: by reading, never by sending again."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Max, Q

from checkpoints import sls
from checkpoints.domain import outcomes, positions, watching
from checkpoints.domain.outcomes import ShardOutcome
from checkpoints.models import AuditRow, ConsumerGroup, Reset, ShardReset
from checkpoints.services import audit, breaker, storing
from checkpoints.services.aims import iso, position_of
from checkpoints.services.audit import SYSTEM, Actor
from checkpoints.services.connections import connect
from checkpoints.services.sealing import Locked
from checkpoints.services.sending import changes

QUIET_FOR = timedelta(seconds=60)
"""A reset that is being sent shows a sign of life more often than this: each write ends within 20 s."""
GIVE_UP = timedelta(days=7)
DECIDED = (ShardReset.Outcome.REFUSED, ShardReset.Outcome.NOT_ATTEMPTED)
SETTLED = ("outcome", "read_back", "watch", "settled_at")
TROUBLE = (sls.SLSError, Locked)
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Seen:
    """The checkpoints of a group at one look, or None when they could not be read."""

    checkpoints: Mapping[int, sls.Checkpoint] | None

    def text(self, shard: int) -> str | None:
        """Return the checkpoint of a shard, "" when unsaved, None when not known."""
        if self.checkpoints is None:
            return None
        found = self.checkpoints.get(shard)
        return found.checkpoint if found else positions.UNSAVED


def read(group: ConsumerGroup) -> Seen:
    """Read all checkpoints of a group with one call; trouble is "not known", and logged."""
    try:
        client = connect(group.endpoint)
        answer = client.get_checkpoints(group.project.name, group.logstore.name, group.name)
    except TROUBLE as error:
        log.warning("the checkpoints of %s could not be read back: %s", group, error)
        return Seen(None)
    return Seen({found.shard: found for found in answer.value})


def finish(reset: Reset, seen: Seen, *, actor: Actor, now: datetime) -> None:
    """Give every shard its outcome from what was read back, and the reset its own; once."""
    with transaction.atomic():
        if not _close(reset, now):
            return
        lines = list(reset.shards.all())
        for line in lines:
            _decide(line, seen, now)
        _store(reset, lines, lines, actor, now)


def _close(reset: Reset, now: datetime) -> bool:
    timeout = reset.group.timeout
    changed = Reset.objects.filter(pk=reset.pk, outcome=Reset.Outcome.SENDING).update(
        outcome=Reset.Outcome.UNKNOWN, finished_at=now, watch_until=watching.watch_until(now, timeout)
    )
    return bool(changed)


def _decide(line: ShardReset, seen: Seen, now: datetime) -> None:
    text = seen.text(line.shard)
    line.read_back = None if text is None else {"cursor": text, "position": _position(text), "time": None}
    if line.outcome not in DECIDED:
        line.outcome = outcome_of(line, text).value
    if line.read_back and line.read_back["position"] == line.after["position"]:
        line.read_back["time"] = line.after["time"]
    if line.outcome in (ShardReset.Outcome.CONFIRMED, ShardReset.Outcome.UNKNOWN):
        line.watch = ShardReset.Watch.WATCHING
    line.settled_at = line.settled_at or now


def outcome_of(line: ShardReset, text: str | None) -> ShardOutcome:
    """Return the outcome of one shard that nobody refused; `text` None is a read that failed."""
    seen = None if text is None else position_of(text)
    if line.sent_at is None:
        stands = seen is not None and str(seen) == line.after["position"] and not changes(line)
        return ShardOutcome.CONFIRMED if stands else ShardOutcome.NOT_ATTEMPTED
    if text is not None and seen is None and text == line.before["cursor"]:
        return ShardOutcome.UNCHANGED  # what was there is not a position, or was never saved, and still is so
    return outcomes.settle(number(line.before), int(line.after["position"]), seen)


def number(place: Mapping[str, Any]) -> int | None:
    """Return the position of a stored place."""
    return None if place["position"] is None else int(place["position"])


def _position(text: str) -> str | None:
    found = position_of(text)
    return None if found is None else str(found)


def _shard_row(reset: Reset, line: ShardReset, actor: Actor, now: datetime) -> AuditRow:
    return audit.row(
        "reset.shard",
        actor=actor,
        outcome=line.outcome,
        endpoint=reset.group.endpoint,
        group=reset.group,
        shard=line.shard,
        object_id=str(reset.pk),
        before=line.before,
        after=line.after,
        reason=reset.reason,
        ticket=reset.ticket,
        plan_hash=reset.plan.hash,
        request_id=line.request_id,
        details={
            "read_back": line.read_back,
            "error": line.error,
            "sent_at": None if line.sent_at is None else iso(line.sent_at),
        },
        at=now,
    )


def _store(
    reset: Reset, lines: list[ShardReset], changed: list[ShardReset], actor: Actor, now: datetime
) -> None:
    """Store changed shards, the outcome of the whole, and the audit rows about them, each at one go."""
    storing.update(changed, SETTLED)
    reset.outcome = outcomes.overall(ShardOutcome(line.outcome) for line in lines).value
    Reset.objects.filter(pk=reset.pk).update(outcome=reset.outcome)
    whole = audit.row(
        "reset.finished",
        actor=actor,
        outcome=reset.outcome,
        endpoint=reset.group.endpoint,
        group=reset.group,
        object_id=str(reset.pk),
        reason=reset.reason,
        ticket=reset.ticket,
        plan_hash=reset.plan.hash,
        details={"shards": {str(line.shard): line.outcome for line in lines}},
        at=now,
    )
    audit.append([*(_shard_row(reset, line, actor, now) for line in changed), whole])


def settle_unanswered(reset: Reset, seen: Seen, *, now: datetime) -> None:
    """Give an outcome to shards whose answer or read-back never came, also to one that landed late."""
    if seen.checkpoints is None:
        return
    with transaction.atomic():
        lines = list(reset.shards.all())
        others = _written_since(reset)
        watched = {line.pk: line.watch for line in lines} if _is_over(reset) else {}
        changed = [line for line in lines if _settle_late(line, seen, now, is_ours=line.shard not in others)]
        for line in changed:
            line.watch = watched.get(line.pk, line.watch)  # once nobody looks any more the last word stands
        if changed:
            _store(reset, lines, changed, SYSTEM, now)


def _is_over(reset: Reset) -> bool:
    """Tell whether the watch has ended."""
    until, at = reset.watch_until, reset.looked_at
    return until is not None and at is not None and at >= until


def _written_since(reset: Reset) -> set[int]:
    """Return the shards that a later reset of the group wrote: what is read there is not about this one."""
    later = ShardReset.objects.filter(reset__group=reset.group_id, reset__started_at__gt=reset.started_at)
    return set(later.exclude(sent_at=None).values_list("shard", flat=True))


def _settle_late(line: ShardReset, seen: Seen, now: datetime, *, is_ours: bool) -> bool:
    unanswered = line.sent_at is not None and (bool(line.error) or not line.request_id)
    if line.outcome == ShardReset.Outcome.UNCHANGED and unanswered:
        if not is_ours or outcome_of(line, seen.text(line.shard)) is not ShardOutcome.CONFIRMED:
            return False
        _decide(line, seen, now)
        return True
    if line.outcome == ShardReset.Outcome.UNKNOWN and line.read_back is None:
        _decide(line, seen, now)
        if not is_ours:
            line.outcome = ShardReset.Outcome.UNKNOWN
        return True
    return False


def settle(now: datetime, *, quiet_for: timedelta = QUIET_FOR) -> int:
    """Settle by reading what a dead process left, and what could not be read before; returns how many resets.

    A reset still being sent elsewhere is left alone until it was silent for `quiet_for`; the only process of
    an installation may pass zero at its start.
    """
    settled = 0
    for reset in _abandoned(now - quiet_for):
        settled += _try(reset, lambda one: finish(one, _read_unless_open(one, now), actor=SYSTEM, now=now))
    for reset in _unread(now):
        settled += _try(reset, lambda one: settle_unanswered(one, read(one.group), now=now))
    return settled


def _read_unless_open(reset: Reset, now: datetime) -> Seen:
    """Read what stands; while the breaker of the endpoint is open that is not known."""
    return Seen(None) if breaker.is_open(reset.group.endpoint, now) else read(reset.group)


def _try(reset: Reset, step: Callable[[Reset], None]) -> int:
    """Settle one reset; what one meets must not keep the others open."""
    try:
        step(reset)
    except Exception:
        log.exception("reset %s could not be settled", reset.pk)
        return 0
    return 1


def _abandoned(before: datetime) -> list[Reset]:
    sending = Reset.objects.filter(outcome=Reset.Outcome.SENDING, started_at__lte=before)
    alive = sending.annotate(sent=Max("shards__sent_at"), answered=Max("shards__settled_at"))
    quiet = alive.filter(Q(sent=None) | Q(sent__lte=before), Q(answered=None) | Q(answered__lte=before))
    return list(quiet.select_related("group__logstore__project__endpoint", "plan"))


def _unread(now: datetime) -> list[Reset]:
    unknown = Reset.objects.filter(
        breaker.lets_through("group__logstore__project__endpoint", now),
        shards__outcome=ShardReset.Outcome.UNKNOWN,
        shards__read_back__isnull=True,
        finished_at__gt=now - GIVE_UP,
        group__logstore__project__endpoint__removed_at=None,
    )
    return list(unknown.distinct().select_related("group__logstore__project__endpoint", "plan"))
