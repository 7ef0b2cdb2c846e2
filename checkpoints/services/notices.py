"""The outbox: a notice is stored with the event it tells of, and sent later, by one worker at a time.

It is sent at least once: a worker that dies between sending and noting so leaves it to another, once its
lease is over. Two workers never send the same one, because a lease is a conditional UPDATE.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Exists, F, OuterRef, QuerySet

from checkpoints.domain.alerting import Event
from checkpoints.domain.messages import Message, say
from checkpoints.models import Alert, Notice
from checkpoints.services import notice_text, posting

LEASE = timedelta(minutes=3)
"""Longer than any attempt takes."""
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
LONGEST = timedelta(hours=24)
MOST = 200
KEPT = timedelta(days=30)
State = Notice.State
log = logging.getLogger(__name__)


def write(alert: Alert, event: Event, *, now: datetime) -> list[Notice]:
    """Return the notices of an event, one per channel of its rule, for the caller to store with the event."""
    body = notice_text.facts(alert, event, now=now)
    return [_notice(alert, channel.pk, body, now) for channel in alert.rule.channels.all() if channel.enabled]


def deliver(now: datetime) -> int:
    """Send what is due and return how much was sent; several workers may do so at the same time."""
    begun, sent = time.monotonic(), 0
    resting: set[uuid.UUID] = set()
    for notice in _due(now)[:MOST]:
        at = now + timedelta(seconds=time.monotonic() - begun)
        if notice.channel_id in resting or not _take(notice, at):
            continue
        if _send(notice, at):
            sent += 1
        else:
            resting.add(notice.channel_id)  # a channel that hangs costs one attempt, not one per notice
    return sent


def prune(now: datetime) -> None:
    """Delete notices that were settled long ago."""
    Notice.objects.exclude(state=State.WAITING).filter(made_at__lt=now - KEPT).delete()


def wait_after(attempts: int) -> timedelta:
    """Return how long a notice waits after so many attempts failed."""
    return WAITS[min(attempts, len(WAITS)) - 1]


def _notice(alert: Alert, channel: uuid.UUID, body: dict[str, Any], now: datetime) -> Notice:
    pk = uuid.uuid4()
    return Notice(
        id=pk,
        alert=alert,
        number=alert.events,
        channel_id=channel,
        body={"id": str(pk)} | body,
        made_at=now,
        due_at=now,
    )


def _due(now: datetime) -> QuerySet[Notice]:
    """Return what is due; nothing overtakes an earlier notice of the same alert to the same channel."""
    earlier = Notice.objects.filter(
        alert=OuterRef("alert"),
        channel=OuterRef("channel"),
        number__lt=OuterRef("number"),
        state=State.WAITING,
    )
    due = Notice.objects.filter(~Exists(earlier), state=State.WAITING, due_at__lte=now)
    return due.select_related("channel").order_by("due_at", "made_at", "number")


def _take(notice: Notice, at: datetime) -> bool:
    """Be the only one who sends a notice, until the lease is over."""
    mine = Notice.objects.filter(pk=notice.pk, state=State.WAITING, due_at=notice.due_at)
    if not mine.update(due_at=at + LEASE, attempts=F("attempts") + 1):
        return False
    notice.due_at, notice.attempts = at + LEASE, notice.attempts + 1
    return True


def _send(notice: Notice, at: datetime) -> bool:
    problem = _attempt(notice, at)
    if problem is None:
        _settle(notice, state=State.SENT, sent_at=at, problem=None)
        return True
    if at - notice.made_at >= LONGEST or not notice.channel.enabled:
        log.warning("a notice to %s is given up: %s", notice.channel.name, problem)
        _settle(notice, state=State.GIVEN_UP, problem=problem.dump())
        return False
    again = at + wait_after(notice.attempts)
    _settle(notice, due_at=again, problem=problem.dump())
    waiting = Notice.objects.filter(channel=notice.channel_id, state=State.WAITING, due_at__lte=at)
    waiting.filter(made_at__gt=at - LONGEST).update(due_at=again)
    return False


def _attempt(notice: Notice, at: datetime) -> Message | None:
    """Send a notice; returns why it was not sent, if so."""
    if not notice.channel.enabled:
        return say("The channel is switched off.")
    try:
        posting.post(notice.channel, notice_text.text(notice.body), notice.body, now=at)
    except posting.Undelivered as refused:
        return refused.message
    except Exception:  # the other notices must go out whatever this one does
        log.exception("a notice to %s failed", notice.channel.name)
        return say("It failed here: see the log of this site.")
    return None


def _settle(notice: Notice, **values: Any) -> None:
    """Store what became of a notice, unless the lease was lost to another worker."""
    Notice.objects.filter(pk=notice.pk, due_at=notice.due_at, state=State.WAITING).update(**values)


def store(made: Iterable[Notice]) -> None:
    """Store notices in the caller's transaction."""
    Notice.objects.bulk_create(list(made))
