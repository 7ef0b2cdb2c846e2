"""Background work on huey: the collector's tick, settling what a dead process left open, watching resets."""

from __future__ import annotations

from datetime import timedelta

from django.utils import timezone
from huey import crontab
from huey.contrib.djhuey import db_periodic_task, db_task, on_shutdown

from checkpoints.services import (
    alerts,
    collector,
    history,
    jobs,
    notices,
    pruning,
    resets,
    snapshots,
    staleness,
    waiting,
)

COLLECT_EVERY = 5
LOOK_EVERY = 10
LEASE = timedelta(minutes=1)
"""After this another process does the work of one that died; what it does once is guarded row by row."""


@db_periodic_task(crontab(minute="*"))
def tick() -> None:
    """Ask for the collections of the next minute; several hosts may do so, Logstores are leased."""
    for delay in range(0, 60, COLLECT_EVERY):
        collect.schedule(delay=delay)


@db_task()
def collect() -> None:
    """Read what is due at all endpoints, until nothing is; returns at once where this process does so.

    So one worker of a process collects, whatever hangs: it only hands out and stores.
    """
    collector.run()


@on_shutdown()
def stop_collecting() -> None:
    """Let a collection end with what it is reading when the process is asked to stop."""
    collector.stop()


@db_periodic_task(crontab(minute="*"))
def settle() -> None:
    """Settle, by reading, resets that were left open a minute ago; ask for the looks of the next minute."""
    for delay in range(0, 60, LOOK_EVERY):
        look.schedule(delay=delay)
    jobs.once("settling", LEASE, resets.settle, now=timezone.now())


@db_task()
def settle_at_start() -> None:
    """Settle at once what the process before this one left open: nobody else sends in this size."""
    resets.settle(now=timezone.now(), quiet_for=timedelta(0))


@db_task()
def look() -> None:
    """Look at every reset still watched and every wait still open, also with nobody's page open."""
    jobs.once("waits", LEASE, waiting.look_at_open, now=timezone.now())
    jobs.once("watches", LEASE, resets.look_at_open, now=timezone.now())


@db_periodic_task(crontab(minute="*"))
def roll_up() -> None:
    """Pack, roll up and prune the history, a part each minute; one process at a time does it."""
    history.roll_up(timezone.now())


@db_periodic_task(crontab(minute="*"))
def mark_stale() -> None:
    """Let the verdicts of groups that nobody reads any more be unknown, in one process at a time."""
    jobs.once("staleness", LEASE, staleness.mark, now=timezone.now())


@db_periodic_task(crontab(minute="*"))
def look_for_alerts() -> None:
    """Look at every rule for alerts, in one process at a time, then have what is to be told sent."""
    try:
        alerts.evaluate(timezone.now())
    finally:
        send_notices()  # what was to be told before is told, whatever is wrong with the rules


@db_task()
def send_notices() -> None:
    """Send the notices that are due, and again while any go out; each is sent by one worker."""
    if notices.deliver(timezone.now()):
        send_notices()
    else:
        notices.prune(timezone.now())


@db_periodic_task(crontab(minute="*"))
def take_snapshots() -> None:
    """Take the scheduled snapshots that are due, in one process at a time."""
    jobs.once("snapshots", LEASE, snapshots.take_due, now=timezone.now())


@db_periodic_task(crontab(hour="3", minute="20"))
def prune() -> None:
    """Drop expired sessions and old attempts to sign in, once a night."""
    jobs.once("pruning", LEASE, pruning.prune, now=timezone.now())
