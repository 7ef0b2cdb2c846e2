"""The outbox: a notice is stored with the event it tells of, and sent later, by one worker at a time.

It is sent at least once: a worker that dies between sending and noting so leaves it to another, once its
lease is over. Two workers never send the same one, because a lease is a conditional UPDATE.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.db.models import Exists, F, OuterRef, QuerySet

from checkpoints.domain.alerting import Event
from checkpoints.domain.messages import Message, say
from checkpoints.models import Alert, Channel, Notice
from checkpoints.queries import clocks
from checkpoints.services import notice_text, posting

LEASE, MAIL_LEASE = timedelta(minutes=3), timedelta(minutes=10)
"""Longer than any attempt takes; a mail server may take its time for each of some thirty commands."""
WAITS = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))
LONGEST = timedelta(hours=24)
LATE_SECONDS = 60
MOST, RUN_SECONDS = 200, 10
"""How much one run sends at most: a process that is to end waits for it."""
RESTS_AFTER = 3
"""After how many refusals in a row a run leaves a channel alone; one that does not answer at once."""
ABOUT = ("rule", "endpoint", "project", "logstore", "consumer_group")
KEPT = timedelta(days=30)
State = Notice.State
log = logging.getLogger(__name__)


def write(alerts: Sequence[Alert], event: Event, *, now: datetime) -> list[Notice]:
    """Return the notices of an event of alerts of one rule, for the caller to store with the event.

    A program is told of each alert by itself; people of all at once, by a notice that leads the others.
    """
    told = [(alert, notice_text.facts(alert, event, now=now)) for alert in alerts]
    told.sort(key=lambda one: notice_text.place(one[1]))
    made = []
    for channel in alerts[0].rule.channels.all() if alerts else ():
        if channel.enabled:
            own = [_notice(alert, channel.pk, body, now) for alert, body in told]
            made += own if channel.kind == Channel.Kind.WEBHOOK else _together(own)
    return made


def deliver(now: datetime) -> int:
    """Send what is due and return how much was sent; several workers may do so at the same time."""
    begun, sent = time.monotonic(), 0
    failures: Counter[uuid.UUID] = Counter()  # in a row, by channel
    for notice in _due(now)[:MOST]:
        passed, channel = time.monotonic() - begun, notice.channel_id
        if passed > RUN_SECONDS:
            break
        at = now + timedelta(seconds=passed)
        if failures[channel] >= RESTS_AFTER or _overtakes(notice) or not _take(notice, at):
            continue
        problem = _attempt(notice, at)
        if problem is None:
            _settle(notice, state=State.SENT, sent_at=at, problem=None)
            sent, failures[channel] = sent + 1, 0
        elif _fail(notice, problem.message, at):
            failures[channel] += 1 if problem.answered else RESTS_AFTER
            if failures[channel] >= RESTS_AFTER:
                _put_off(channel, problem.message, at)
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


def _together(own: list[Notice]) -> list[Notice]:
    for other in own[1:]:
        other.lead = own[0]
    return own


def _due(now: datetime) -> QuerySet[Notice]:
    """Return what is due; nothing overtakes an earlier notice of the same alert to the same channel.

    What was tried least comes first, so that a notice that its channel never takes holds up no other.
    """
    waiting = Notice.objects.filter(state=State.WAITING)
    same = waiting.filter(alert=OuterRef("alert"), channel=OuterRef("channel"))
    later = Exists(same.filter(number__lt=OuterRef("number")))
    come = clocks.has_come("due_at", now, furthest=WAITS[-1])
    due = waiting.filter(come, ~later, ~Exists(waiting.filter(later, lead=OuterRef("pk"))), lead=None)
    rows = due.select_related("channel").prefetch_related("along")
    return rows.order_by("attempts", "due_at", "made_at", "number")


def _overtakes(notice: Notice) -> bool:
    """Tell whether an earlier notice waits of an alert that went with its rule: only the words tell which."""
    numbers = {_about(one): one.number for one in _all(notice) if one.alert_id is None}
    if not numbers:
        return False
    others = Notice.objects.filter(alert=None, channel=notice.channel_id, state=State.WAITING)
    others = others.filter(body__rule=notice.body.get("rule"), number__lt=max(numbers.values()))
    return any(one.number < numbers.get(_about(one), 0) for one in others)


def _about(notice: Notice) -> tuple[Any, ...]:
    return tuple(notice.body.get(name) for name in ABOUT)


def _all(notice: Notice) -> list[Notice]:
    """Return a notice and those that it leads."""
    return [notice, *notice.along.all()]


def _take(notice: Notice, at: datetime) -> bool:
    """Be the only one who sends a notice, until the lease is over.

    A lease that a locked database gave so late that it may be over too soon is left to run out.
    """
    begun = time.monotonic()
    mine = Notice.objects.filter(pk=notice.pk, state=State.WAITING, due_at=notice.due_at)
    until = at + (MAIL_LEASE if notice.channel.kind == Channel.Kind.EMAIL else LEASE)
    if not _change(mine, notice, due_at=until, attempts=F("attempts") + 1):
        return False
    notice.due_at, notice.attempts = until, notice.attempts + 1
    return time.monotonic() - begun < LATE_SECONDS


def _attempt(notice: Notice, at: datetime) -> posting.Undelivered | None:
    """Send a notice; returns why it was not sent, if so."""
    if not notice.channel.enabled:
        return posting.Undelivered(say("The channel is switched off."))
    try:
        text = notice_text.text(*[one.body for one in _all(notice)])
        posting.post(notice.channel, text, notice.body, now=at)
    except posting.Undelivered as refused:
        return refused
    except Exception:  # the other notices must go out whatever this one does
        log.exception("a notice to %s failed", notice.channel.name)
        return posting.Undelivered(say("It failed here: see the log of this site."))
    return None


def _fail(notice: Notice, problem: Message, at: datetime) -> bool:
    """Note why a notice was not sent; says whether it is tried again."""
    if at - notice.made_at >= LONGEST or not notice.channel.enabled:
        log.warning("a notice to %s is given up: %s", notice.channel.name, problem)
        _settle(notice, state=State.GIVEN_UP, problem=problem.dump())
        return False
    _settle(notice, due_at=at + wait_after(notice.attempts), problem=problem.dump())
    return True


def _put_off(channel: uuid.UUID, problem: Message, at: datetime) -> None:
    """Let what else is due for a channel that fails wait for a minute, and say why."""
    due = Notice.objects.filter(channel=channel, state=State.WAITING, due_at__lte=at)
    due.filter(made_at__gt=at - LONGEST).update(due_at=at + WAITS[0], problem=problem.dump())


def _settle(notice: Notice, **values: Any) -> None:
    """Store what became of a notice, unless the lease was lost to another worker."""
    mine = Notice.objects.filter(pk=notice.pk, due_at=notice.due_at, state=State.WAITING)
    _change(mine, notice, **values)


def _change(mine: QuerySet[Notice], notice: Notice, **values: Any) -> bool:
    """Change a notice if it is as it must be, and then those that it leads alike; says whether it was."""
    with transaction.atomic():
        if not mine.update(**values):
            return False
        notice.along.update(**values)
    return True


def store(made: Iterable[Notice]) -> None:
    """Store notices in the caller's transaction."""
    Notice.objects.bulk_create(list(made))
