"""Keeps readings fresh: every Logstore once per interval, whoever asks, and none because of another endpoint.

The background task `run` takes what is due by a lease in the database and reads it in rounds (rounds.py): the
service is asked by threads that belong to one endpoint each, so an endpoint that hangs holds only its own.
While its breaker is open none of it is read. Pages ask for single groups, and get what somebody else reads or
has just read. Every call to the service happens outside a transaction; what was seen is then stored in one
short transaction.
"""

from __future__ import annotations

import logging
import time
from collections import deque
from datetime import datetime, timedelta
from threading import Event, Lock
from uuid import UUID

from django.db import DatabaseError, OperationalError
from django.utils import timezone

from checkpoints import sls
from checkpoints.domain import clocks
from checkpoints.domain.breaker import State
from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Reading
from checkpoints.services import breaker, discovery, faults, leases, spent, visits
from checkpoints.services.leases import Take
from checkpoints.services.problems import Problem, explain
from checkpoints.services.rounds import Job, Look, Round
from checkpoints.services.visits import TROUBLE

__all__ = [
    "TROUBLE",
    "BeingRead",
    "collect",
    "collect_endpoint",
    "read_group",
    "read_logstore",
    "refresh",
    "run",
    "stop",
]

LOOK_SECONDS = 1.0
FLUSH_SECONDS = 60.0
log = logging.getLogger(__name__)
_running = Lock()
_stopping = Event()


class BeingRead(Exception):  # noqa: N818 - says what is the case
    """A group was never read, and somebody else reads it for the first time just now."""


def read_group(group: ConsumerGroup, *, max_age: timedelta, now: datetime) -> Reading:
    """Return a reading of the group not older than max_age, read from the service when there is none.

    While somebody else reads the group its latest reading is returned; without one BeingRead is raised. A
    max_age of nothing reads in any case. Raises sls.SLSError or Locked when the service did not answer well.
    """
    begun, latest = time.monotonic(), _latest(group)
    if latest and max_age and clocks.is_young(latest.taken_at, now, most=max_age):
        return latest
    claimed = leases.claim(group, max_age=max_age, now=now) if max_age else None
    if max_age and claimed is None:
        if (latest := _latest(group)) is None:
            raise BeingRead
        return latest
    try:
        _read(group.logstore, only=group.name, now=now, begun=begun if claimed else None)
    finally:
        if claimed:
            leases.give_back(group, claimed)
    found = _latest(group)
    if found is None:
        words = f"the group {group.name} no longer exists"
        raise sls.NotFound(words, status=404, code="ConsumerGroupNotExist", operation="ListConsumerGroup")
    return found


def refresh(group: ConsumerGroup, *, now: datetime, max_age: timedelta = leases.YOUNG) -> Problem | None:
    """Bring a group that somebody looks at up to date; returns what went wrong instead of raising it.

    While the breaker of the endpoint is open nothing is asked: no page waits for an endpoint that hangs.
    """
    endpoint = group.endpoint
    _watch(group.logstore, now)
    try:
        if endpoint.problem is None or breaker.of(endpoint).state(now) is not State.OPEN:
            read_group(group, max_age=max_age, now=now)
            return None
        problem = Problem.from_json(endpoint.problem)
    except BeingRead:
        return None
    except TROUBLE as error:
        problem = explain(error)
    except DatabaseError:
        raise  # nor could the problem be stored
    except Exception as fault:
        log.exception("%s could not be read", group)
        problem = faults.explain(fault)
    finally:
        spent.flush(every=FLUSH_SECONDS)
    visits.mark(ConsumerGroup.objects.filter(pk=group.pk), problem, now)
    return problem


def read_logstore(logstore: Logstore, *, now: datetime) -> None:
    """Read all groups of a Logstore and store what was seen; trouble is stored and raised."""
    _read(logstore, only=None, now=now)


def collect(*, now: datetime, endpoint: Endpoint | None = None) -> list[Problem]:
    """Read every Logstore of the enabled endpoints once, due or not; returns what went wrong.

    The endpoints are read at the same time. One whose breaker opens on the way is left at that.
    """
    wanted = Endpoint.objects.filter(enabled=True, removed_at=None)
    return _everything([endpoint] if endpoint else list(wanted), now)


def collect_endpoint(endpoint: Endpoint, *, now: datetime) -> list[Problem]:
    """Discover, then read every Logstore that has groups; the failure of one leaves the others read."""
    return _everything([endpoint], now)


def run() -> None:
    """Read all that is due until nothing is; at most once per process at the same time.

    Any number of processes and hosts may do so: each Logstore is leased to one of them.
    """
    if not _running.acquire(blocking=False):
        return
    _stopping.clear()
    try:
        _Run().until_idle()
    finally:
        _running.release()


def stop() -> None:
    """Let run() end after what is being read now."""
    _stopping.set()


class _Run:
    """One run: hands out what is due until nothing is left."""

    def __init__(self) -> None:
        self.round = Round(timezone.now)
        self.endpoints: list[Endpoint] = []
        self.full: set[UUID] = set()  # endpoints that had more due than could be taken
        self.look_at = 0.0

    def until_idle(self) -> None:
        while True:
            if not _stopping.is_set():
                self._try_to_hand_out()
            self.round.measure()
            if not self.round.is_busy:
                break
            self._gather()
        spent.flush()

    def _try_to_hand_out(self) -> None:
        try:
            self._hand_out(timezone.now())
        except Exception:  # a database that is locked for a while: what is being read must be stored
            log.exception("nothing more could be handed out; it is tried again")

    def _gather(self) -> None:
        try:
            done = self.round.gather(LOOK_SECONDS)
        except Exception:  # the loop must go on; what was not stored is read again after its lease
            log.exception("what was read could not be stored")
            return
        if any(job.failure or isinstance(job, Look) for job in done):
            self.look_at = 0.0  # a breaker may have opened, Logstores may be new

    def _hand_out(self, now: datetime) -> None:
        """Start what is due: once a second at every endpoint, at once where more was due than had room."""
        if time.monotonic() >= self.look_at:
            self.look_at = time.monotonic() + LOOK_SECONDS
            self.endpoints = leases.readable(now)
            self.full = {endpoint.pk for endpoint in self.endpoints}
            spent.flush(every=FLUSH_SECONDS)
        for endpoint in self.endpoints:
            try:
                self._hand_out_at(endpoint, now)
            except OperationalError:
                raise
            except Exception:  # the others have theirs whatever is wrong with one
                log.exception("nothing could be handed out of %s", endpoint)

    def _hand_out_at(self, endpoint: Endpoint, now: datetime) -> None:
        if breaker.of(endpoint).state(now) is State.CLOSED:
            self._hand_out_of(endpoint, timezone.now())
        elif breaker.may_probe(endpoint, now):
            probe = leases.due(endpoint, 1, timezone.now())
            self.round.visit(probe) if probe else self.round.look(endpoint)

    def _hand_out_of(self, endpoint: Endpoint, now: datetime) -> None:
        if leases.may_discover(endpoint, now):
            self.round.look(endpoint)
        room = self.round.room(endpoint)
        if endpoint.pk in self.full and room:
            taken = leases.due(endpoint, room, now)
            self.round.visit(taken)
            if len(taken) < room:
                self.full.discard(endpoint.pk)


def _everything(endpoints: list[Endpoint], now: datetime) -> list[Problem]:
    """Discover where that is due, and read all Logstores."""
    round_, problems = Round(lambda: now), []
    waiting: dict[UUID, deque[Take]] = {endpoint.pk: deque() for endpoint in endpoints}
    for endpoint in endpoints:
        if clocks.is_young(endpoint.discovered_at, now, most=discovery.EVERY):
            waiting[endpoint.pk].extend(leases.all_of(endpoint, now))
        else:
            round_.look(endpoint)
    while True:
        for endpoint in endpoints:
            left = waiting[endpoint.pk]
            if endpoint.pk in round_.breakers and round_.breakers[endpoint.pk].state(now) is State.OPEN:
                left.clear()
            round_.visit([left.popleft() for _ in range(min(len(left), round_.room(endpoint)))])
        round_.measure()
        if not round_.is_busy:
            break
        for job in round_.gather(LOOK_SECONDS):
            problems += _problems(job)
            if isinstance(job, Look) and job.found is not None:
                waiting[job.endpoint.pk].extend(leases.all_of(job.endpoint, now))
    spent.flush()
    return problems


def _problems(job: Job) -> list[Problem]:
    if job.fault is not None:
        return [faults.explain(job.fault)]
    if isinstance(job, Look) and job.found is not None:
        return [explain(error) for error in job.found.errors]
    return [explain(job.error)] if job.error else []


def _latest(group: ConsumerGroup) -> Reading | None:
    return group.readings.order_by("-taken_at").first()


def _watch(logstore: Logstore, now: datetime) -> None:
    """Remember that somebody looks at a group of the Logstore; written down twice a minute at most."""
    if not clocks.is_young(logstore.watched_at, now, most=timedelta(seconds=30)):
        logstore.watched_at = now
        Logstore.objects.filter(pk=logstore.pk).update(watched_at=now)


def _read(logstore: Logstore, *, only: str | None, now: datetime, begun: float | None = None) -> None:
    """Read here and now; trouble is raised, and stored when the whole Logstore was asked for.

    With `begun`, which is when it was `now`, the reading is of when its answers are there, as the collector's
    are: otherwise it would soon be old, and be made again.
    """
    visit = visits.prepare([Take(logstore)], now=now, only=only)[0]
    visit.fetch()
    if visit.seen is not None or only is None:
        taken = now if begun is None else now + timedelta(seconds=time.monotonic() - begun)
        visits.store([visit], now=taken)
    if trouble := visit.error or visit.fault:
        raise trouble
