"""Keeps readings fresh: one Logstore at a time, once per interval, whoever asks.

A lease in the database (a conditional UPDATE) makes sure that nothing is read twice at the same time. Every
call to the service happens outside a transaction; what was seen is then stored in one short transaction.
"""

from __future__ import annotations

import logging
import time
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.db.models import Q

from checkpoints import sls
from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Reading
from checkpoints.services import discovery, metrics, reading, summaries
from checkpoints.services.connections import connect
from checkpoints.services.problems import Problem, explain
from checkpoints.services.sealing import Locked
from checkpoints.services.seen import Known, LogstoreSeen, in_words

BEGINS_EVERY = timedelta(minutes=5)
RETENTION_EVERY = timedelta(minutes=10)
LEASE = timedelta(seconds=60)
# What the service or the keys can do to us; anything else is a fault of ours and must be seen.
TROUBLE = (sls.SLSError, Locked)
log = logging.getLogger(__name__)


def read_group(group: ConsumerGroup, *, max_age: timedelta, now: datetime) -> Reading:
    """Return a reading of the group not older than max_age, read from the service when there is none.

    Raises sls.SLSError or Locked when the service had to be asked and did not answer well.
    """
    latest = group.readings.order_by("-taken_at").first()
    if latest and now - latest.taken_at <= max_age:
        return latest
    if max_age and not _claim(group, now) and latest:
        return latest  # somebody else reads it just now
    try:
        _read(group.logstore, only=group, now=now)
    finally:
        ConsumerGroup.objects.filter(pk=group.pk).update(claimed_until=None)
    found = group.readings.order_by("-taken_at").first()
    if found is None:
        words = f"the group {group.name} no longer exists"
        raise sls.NotFound(words, status=404, code="ConsumerGroupNotExist", operation="ListConsumerGroup")
    return found


def refresh(
    group: ConsumerGroup, *, now: datetime, max_age: timedelta = timedelta(seconds=10)
) -> Problem | None:
    """Bring the group up to date; returns what went wrong instead of raising it."""
    try:
        read_group(group, max_age=max_age, now=now)
    except TROUBLE as error:
        problem = explain(error)
        _mark(group, problem, now)
        return problem
    return None


def read_logstore(logstore: Logstore, *, now: datetime) -> None:
    """Read all groups of a Logstore and store what was seen; trouble is stored and raised."""
    try:
        _read(logstore, only=None, now=now)
    except TROUBLE as error:
        problem = explain(error).as_json()
        logstore.groups.filter(vanished_at=None).update(problem=problem, problem_at=now)
        Logstore.objects.filter(pk=logstore.pk).update(problem=problem)
        raise


def collect(*, now: datetime, endpoint: Endpoint | None = None) -> list[Problem]:
    """Read every Logstore of the enabled endpoints once; returns what went wrong."""
    wanted = Endpoint.objects.filter(enabled=True, removed_at=None)
    chosen = [endpoint] if endpoint else list(wanted)
    return [problem for one in chosen for problem in collect_endpoint(one, now=now)]


def collect_endpoint(endpoint: Endpoint, *, now: datetime) -> list[Problem]:
    """Discover, then read every Logstore that has groups; the failure of one leaves the others read."""
    try:
        problems = discovery.discover(endpoint, now=now)
    except TROUBLE as error:
        problem = explain(error)
        _mark_endpoint(endpoint, problem, now)
        return [problem]
    stores = _with_groups(endpoint)
    failed = [problem for problem in (_try(logstore, now) for logstore in stores) if problem is not None]
    # One project without rights is its own problem; the endpoint has one when nothing could be read.
    met = problems + failed
    _mark_endpoint(endpoint, met[0] if met and len(failed) == len(stores) else None, now)
    return met


def _with_groups(endpoint: Endpoint) -> list[Logstore]:
    stores = Logstore.objects.filter(project__endpoint=endpoint, vanished_at=None, project__vanished_at=None)
    return list(stores.filter(groups__isnull=False).distinct().select_related("project__endpoint"))


def _try(logstore: Logstore, now: datetime) -> Problem | None:
    try:
        read_logstore(logstore, now=now)
    except TROUBLE as error:
        return explain(error)
    return None


def collect_due(endpoint: Endpoint, *, now: datetime) -> bool:
    """Collect the endpoint when its interval has passed and nobody else does; says whether it did."""
    free = Q(next_read_at=None) | Q(next_read_at__lte=now)
    mine = Endpoint.objects.filter(free, pk=endpoint.pk, enabled=True, removed_at=None)
    # A little less than the interval: a tick that comes early by a breath must not skip a cycle.
    if not mine.update(next_read_at=now + 0.8 * timedelta(seconds=settings.COLLECT_INTERVAL)):
        return False
    begun = time.monotonic()
    collect_endpoint(endpoint, now=now)
    metrics.cycle(endpoint.name, time.monotonic() - begun)
    return True


def _claim(group: ConsumerGroup, now: datetime) -> bool:
    free = Q(claimed_until=None) | Q(claimed_until__lte=now)
    return bool(ConsumerGroup.objects.filter(free, pk=group.pk).update(claimed_until=now + LEASE))


def _read(logstore: Logstore, *, only: ConsumerGroup | None, now: datetime) -> None:
    client = connect(logstore.project.endpoint)
    project = logstore.project.name
    _refresh_retention(client, logstore, now)
    latest = summaries.latest_readings(logstore)
    known = Known()
    for stored in latest.values():
        known.learn(stored.facts())
    stale = logstore.begins_read_at is None or now - logstore.begins_read_at >= BEGINS_EVERY
    seen = reading.read(
        client,
        project,
        logstore.name,
        only=only.name if only else None,
        known=known,
        refresh_begins=stale,
        retention=summaries.retention(logstore),
    )
    _store(logstore, seen, whole=only is None, begins=stale, now=now)


def _refresh_retention(client: sls.Client, logstore: Logstore, now: datetime) -> None:
    read_at = logstore.retention_read_at
    if read_at and now - read_at < RETENTION_EVERY:
        return
    try:
        logstore.retention_days = client.get_logstore(logstore.project.name, logstore.name).value.ttl_days
    except sls.SLSError as error:
        # Without the retention only the time until data loss is missing: lag can still be read.
        log.warning("retention of %s not read: %s", logstore, in_words(error))
    logstore.retention_read_at = now


@transaction.atomic
def _store(logstore: Logstore, seen: LogstoreSeen, *, whole: bool, begins: bool, now: datetime) -> None:
    if begins:
        logstore.begins_read_at = now
    logstore.problem = None
    logstore.save(update_fields=["retention_days", "retention_read_at", "begins_read_at", "problem"])
    rows = discovery.keep_groups(logstore, seen.existing, now=now)
    for group_seen in seen.groups:
        group = rows[group_seen.group.name]
        if group_seen.facts is None:
            assert group_seen.error is not None  # noqa: S101 -- either facts or an error, by construction
            _mark(group, explain(group_seen.error), now)
        else:
            summaries.keep(group, group_seen.facts, now=now)
    if whole:
        summaries.prune(logstore, now=now)


def _mark(group: ConsumerGroup, problem: Problem, now: datetime) -> None:
    ConsumerGroup.objects.filter(pk=group.pk).update(problem=problem.as_json(), problem_at=now)


def _mark_endpoint(endpoint: Endpoint, problem: Problem | None, now: datetime) -> None:
    if problem is None:
        Endpoint.objects.filter(pk=endpoint.pk).update(problem=None, problem_at=None, last_success_at=now)
    else:
        Endpoint.objects.filter(pk=endpoint.pk).update(problem=problem.as_json(), problem_at=now)
