"""Reads many Logstores of many endpoints at the same time, so that none waits for another.

One thread, the caller's, does everything with the database: it prepares, starts, and stores what has come in.
Each endpoint has its own threads that wait for the service (services/parallel.py) and its own places: READERS
Logstores at a time. An endpoint that hangs keeps its own places occupied and nothing else.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from uuid import UUID

from django.db import OperationalError

from checkpoints import sls
from checkpoints.domain.breaker import Breaker
from checkpoints.models import Endpoint
from checkpoints.services import breaker, discovery, faults, intervals, metrics, parallel, visits
from checkpoints.services.connections import connect
from checkpoints.services.leases import Take
from checkpoints.services.visits import TROUBLE, Visit

GATHER_SECONDS = 0.1
"""How long to wait after the first reading has come in: several are stored in one transaction."""
log = logging.getLogger(__name__)


@dataclass(eq=False)
class Look:
    """One discovery of an endpoint; after fetch() `found` or `error` is set."""

    endpoint: Endpoint
    begun: datetime
    client: sls.Client | None = None
    found: discovery.Found | None = None
    error: Exception | None = None
    fault: BaseException | None = None

    @property
    def failure(self) -> Exception | None:
        """What says that the endpoint fails."""
        return self.error

    def fetch(self) -> None:
        """Ask the service for all its lists; trouble with it becomes `error`."""
        assert self.client is not None  # noqa: S101 -- it is set before the start
        try:
            self.found = discovery.look(self.client, self.endpoint.typed_projects)
        except TROUBLE as error:
            self.error = error


Job = Visit | Look


class Round:
    """What is being read just now; used by one thread."""

    def __init__(self, clock: Callable[[], datetime]) -> None:
        self._clock = clock
        self._running: dict[Future[None], Job] = {}
        self._refused: list[Job] = []  # no client could be made: nothing was sent
        self._places: Counter[UUID] = Counter()
        self._begun: dict[UUID, float] = {}
        self.breakers: dict[UUID, Breaker] = {}  # of the endpoints that failed, as last seen

    @property
    def is_busy(self) -> bool:
        """Whether anything is being read."""
        return bool(self._running or self._refused)

    def room(self, endpoint: Endpoint) -> int:
        """Return how many more Logstores of the endpoint may be read at the same time."""
        return max(0, parallel.READERS - self._places[endpoint.pk])

    def visit(self, takes: Sequence[Take]) -> None:
        """Start to read Logstores."""
        now = self._clock()
        prepared, failed = faults.apart(partial(visits.prepare, now=now), takes) if takes else ([], [])
        for job in prepared:
            self._start(job)
        for take, fault in failed:
            visits.store_fault(take, fault, now=now)

    def look(self, endpoint: Endpoint) -> None:
        """Start to discover what an endpoint has."""
        self._start(Look(endpoint, self._clock()))

    def gather(self, seconds: float) -> list[Job]:
        """Wait up to `seconds` until something has come in, store that, and return it.

        Faults of ours are logged and stored where they belong; only trouble with the database is raised.
        """
        done, self._refused = self._refused, []
        if self._running and not done:
            wait(self._running, timeout=seconds, return_when=FIRST_COMPLETED)
            wait(self._running, timeout=GATHER_SECONDS)
        came = [future for future in self._running if future.done()]
        for future in came:
            job = self._running.pop(future)
            job.fault = future.exception()
            self._places[job.endpoint.pk] -= 1
            done.append(job)
        self._store(done, self._clock())
        return done

    def measure(self) -> None:
        """Tell the metrics how long it took at endpoints with nothing left to read; call after refilling."""
        for pk, begun in list(self._begun.items()):
            if not self._places[pk]:
                metrics.cycle(pk, time.monotonic() - begun)
                del self._begun[pk]

    def _start(self, job: Job) -> None:
        endpoint = job.endpoint
        try:
            job.client = connect(endpoint)
        except TROUBLE as error:
            job.error = error
            self._refused.append(job)
            return
        self._begun.setdefault(endpoint.pk, time.monotonic())
        self._places[endpoint.pk] += 1
        self._running[parallel.readers(job.client).submit(job.fetch)] = job

    def _store(self, done: Sequence[Job], now: datetime) -> None:
        """Store what came in, and how it went at each endpoint."""
        _store_visits([job for job in done if isinstance(job, Visit)], now)
        for job in done:
            if isinstance(job, Look):
                _store_look(job, now)
        healthy: set[UUID] = set()
        for job in done:
            if job.failure is not None:
                self.breakers[job.endpoint.pk] = breaker.note_failure(job.endpoint, job.failure, now)
                healthy.discard(job.endpoint.pk)
            elif job.fault is None and job.endpoint.pk not in healthy:
                breaker.note_success(job.endpoint, now)
                self.breakers.pop(job.endpoint.pk, None)
                healthy.add(job.endpoint.pk)


def _store_visits(came: Sequence[Visit], now: datetime) -> None:
    """Store visits together; the fault of one is not that of all."""
    fetched = [visit for visit in came if visit.fault is None]
    failed = [(visit, visit.fault) for visit in came if visit.fault is not None]
    failed += faults.apart(partial(visits.store, now=now), fetched)[1] if fetched else []
    for visit, fault in failed:
        visit.fault = fault
        visits.store_fault(visit.take, fault, now=now)


def _store_look(job: Look, now: datetime) -> None:
    """Store what was discovered; after a failure it is tried again at the next interval."""
    try:
        _keep(job, now)
    except OperationalError:
        raise
    except Exception as fault:  # noqa: BLE001 -- the others are stored
        job.fault = fault
    if job.fault is not None:
        log.error("what %s has could not be read or stored", job.endpoint, exc_info=job.fault)


def _keep(job: Look, now: datetime) -> None:
    if job.found is not None:
        discovery.keep(job.endpoint, job.found, now=now, begun=job.begun)
        if job.found.nothing:
            job.error = job.found.errors[0]
    if job.error is not None:
        again = now + intervals.interval(job.endpoint)
        Endpoint.objects.filter(pk=job.endpoint.pk).update(next_discovery_at=again)
