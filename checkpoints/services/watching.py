"""Watches a reset after the write: does it hold, is it taken up, or does a running consumer overwrite it?"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q

from checkpoints.domain import watching as rules
from checkpoints.models import Reset, ShardReset
from checkpoints.services import audit, settling
from checkpoints.services.aims import iso, position_of
from checkpoints.services.audit import SYSTEM
from checkpoints.services.settling import Seen

Watch = ShardReset.Watch
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
        _store(reset, seen, now=now, until=until or reset.watch_until or now)
    reset.refresh_from_db()
    return reset


def look_at_open(now: datetime, *, max_age: timedelta = timedelta(seconds=10)) -> int:
    """Look at every reset whose watch goes on, so that watches end also with nobody's page open."""
    going_on = Reset.objects.exclude(outcome=Reset.Outcome.SENDING).filter(_OPEN, watch_until__isnull=False)
    resets = list(going_on.select_related("group__logstore__project__endpoint", "plan"))
    for reset in resets:
        look(reset, now=now, max_age=max_age)
    return len(resets)


def _claim(reset: Reset, now: datetime, max_age: timedelta) -> bool:
    """Be the only one who looks just now; a claim never closes the watch."""
    if not max_age:
        return True
    assert reset.watch_until is not None  # noqa: S101 - the watch is open
    due = Q(looked_at=None) | Q(looked_at__lte=now - max_age)
    mark = min(now, reset.watch_until - timedelta(microseconds=1))
    return bool(Reset.objects.filter(due, pk=reset.pk).update(looked_at=mark))


@transaction.atomic
def _store(reset: Reset, seen: Seen, *, now: datetime, until: datetime) -> None:
    if not Reset.objects.filter(_OPEN, pk=reset.pk).update(looked_at=now):
        return
    lines = list(reset.shards.exclude(watch=Watch.NONE))
    for line in lines:
        _judge(reset, line, seen, now=now, until=until)
        line.save(update_fields=["watch", "watch_reasons", "last_seen"])
    if reset.watch_until is not None and now >= reset.watch_until:
        _audit(reset, lines, now)


def _judge(reset: Reset, line: ShardReset, seen: Seen, *, now: datetime, until: datetime) -> None:
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
    audit.record(
        "reset.watched",
        actor=SYSTEM,
        outcome=worst,
        endpoint=reset.group.endpoint,
        group=reset.group,
        object_id=str(reset.pk),
        plan_hash=reset.plan.hash,
        reason=reset.reason,
        ticket=reset.ticket,
        details={
            str(line.shard): {"watch": line.watch, "reasons": line.watch_reasons, "seen": line.last_seen}
            for line in lines
        },
        at=now,
    )
