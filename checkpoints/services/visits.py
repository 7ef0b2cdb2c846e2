"""Readings of Logstores in three steps: prepare and store with the database, fetch with the service.

Fetching touches no database and may run in any thread; preparing and storing handle many Logstores with as
few queries as one.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from time import monotonic

from django.db import transaction
from django.db.models import QuerySet

from checkpoints import sls
from checkpoints.domain import clocks, last_known, schedule
from checkpoints.domain.lag import ShardFacts
from checkpoints.models import ConsumerGroup, Endpoint, Logstore
from checkpoints.services import (
    breaker,
    discovery,
    faults,
    group_changes,
    intervals,
    leases,
    reading,
    storing,
    summaries,
)
from checkpoints.services.connections import connect
from checkpoints.services.leases import Take
from checkpoints.services.problems import Problem, explain
from checkpoints.services.sealing import Locked
from checkpoints.services.seen import Known, LogstoreSeen, in_words

BEGINS_EVERY = timedelta(minutes=5)
RETENTION_EVERY = timedelta(minutes=10)
# What the service or the keys can do to us; anything else is a fault of ours and must be seen.
TROUBLE = (sls.SLSError, Locked)
PLANNED = ("read_at", "next_read_at", "read_every", "moved_at")
FOUND = ("retention_days", "retention_read_at", "begins_read_at", "problem")
log = logging.getLogger(__name__)

Read = tuple[ConsumerGroup, Sequence[ShardFacts]]
Marks = frozenset[tuple[int, str | None, int | None]]  # shard, checkpoint, end


@dataclass(eq=False)
class Visit:
    """One reading of a Logstore: all groups taken, or the one named; fetch() sets `seen` or `error`."""

    take: Take
    only: str | None
    begins: bool
    retention: bool
    ages: bool  # somebody looks, and is told since when data is kept
    known: Known = field(default_factory=Known)
    marks: dict[int, Marks] = field(default_factory=dict)  # of the latest reading, by group id
    last: dict[int, tuple[Sequence[ShardFacts], datetime]] = field(default_factory=dict)  # that reading
    client: sls.Client | None = None
    seen: LogstoreSeen | None = None
    error: Exception | None = None
    fault: BaseException | None = None  # of ours, with the Logstore or with one of its groups

    @property
    def logstore(self) -> Logstore:
        """The Logstore that is read."""
        return self.take.logstore

    @property
    def endpoint(self) -> Endpoint:
        """The endpoint of the Logstore."""
        return self.logstore.project.endpoint

    @property
    def failure(self) -> Exception | None:
        """What says that the endpoint fails: the error, or that of all shards when it is not about them."""
        trouble = self.seen.trouble if self.seen else None
        return self.error or (trouble if trouble and breaker.is_about_endpoint(trouble) else None)

    def fetch(self) -> None:
        """Ask the service; trouble with it becomes `error`, a fault of ours is raised."""
        begun = monotonic()
        try:
            client = self.client = self.client or connect(self.endpoint)
            if self.retention:
                self._fetch_retention(client)
            self.seen = reading.read(
                client,
                self.logstore.project.name,
                self.logstore.name,
                only=self.only,
                left_out=self.take.left_out,
                known=self.known,
                refresh_begins=self.begins,
                retention=self.logstore.retention,
                ages=self.ages,
                seconds=reading.SECONDS - (monotonic() - begun),
            )
        except TROUBLE as error:
            self.error = error

    def _fetch_retention(self, client: sls.Client) -> None:
        try:
            found = client.get_logstore(self.logstore.project.name, self.logstore.name)
            self.logstore.retention_days = found.value.ttl_days
        except sls.SLSError as error:
            if breaker.is_about_endpoint(error):
                raise  # the other calls would meet the same
            # Without the retention only the time until data loss is missing: lag can still be read.
            log.warning("retention of %s not read: %s", self.logstore, in_words(error))


def prepare(takes: Sequence[Take], *, now: datetime, only: str | None = None) -> list[Visit]:
    """Return a visit for each Logstore taken, with what its latest readings tell."""
    visits = {
        take.logstore.pk: Visit(
            take,
            only,
            begins=not clocks.is_young(take.logstore.begins_read_at, now, most=BEGINS_EVERY),
            retention=not clocks.is_young(take.logstore.retention_read_at, now, most=RETENTION_EVERY),
            ages=clocks.is_young(take.logstore.watched_at, now, most=schedule.WATCHED_FOR),
        )
        for take in takes
    }
    for pk, readings in summaries.latest_readings([take.logstore for take in takes]).items():
        for latest in readings:
            facts = latest.facts()
            visits[pk].known.learn(facts)
            visits[pk].marks[latest.group_id] = _marks(facts)
            visits[pk].last[latest.group_id] = facts, latest.taken_at
    return list(visits.values())


def store(visits: Sequence[Visit], *, now: datetime) -> None:
    """Store what fetched visits saw or met, and give back what they took; all is worked out first.

    A group that cannot be judged has that as its problem; the others of its Logstore are stored.
    """
    rows = _groups(visits, now)
    judged, failed = faults.apart(partial(summaries.judge, now=now), _read(visits, rows))
    for visit in visits:
        if visit.seen is not None:
            _note(visit, [row for (pk, _), row in rows.items() if pk == visit.logstore.pk], now)
    with transaction.atomic():
        summaries.write(judged)
        summaries.prune([one.reading.group for one in judged], now=now)
        for visit in visits:
            _mark_failed(visit, rows, now)
        for (row, _), fault in failed:
            mark(ConsumerGroup.objects.filter(pk=row.pk), faults.explain(fault), now)
        group_changes.note_retentions([one.logstore for one in visits if one.retention and one.seen])
        storing.update([visit.logstore for visit in visits if visit.only is None], [*FOUND, *PLANNED])
        storing.update([visit.logstore for visit in visits if visit.only is not None and visit.seen], FOUND)
        leases.give_back_all(visit.take for visit in visits)
    for (row, _), fault in failed:
        log.error("%s could not be judged", row, exc_info=fault)
        next(visit for visit in visits if visit.logstore.pk == row.logstore_id).fault = fault


def _read(visits: Iterable[Visit], rows: Mapping[tuple[int, str], ConsumerGroup]) -> list[Read]:
    """Return what was read of each group; what could not be read comes with what was last known of it."""
    found: list[Read] = []
    for visit in visits:
        for one in visit.seen.groups if visit.seen else ():
            if one.facts is not None:
                row = rows[visit.logstore.pk, one.group.name]
                last = visit.last.get(row.pk)
                found.append((row, last_known.keep(one.facts, *last) if last else one.facts))
    return found


@transaction.atomic
def store_fault(take: Take, fault: BaseException, *, now: datetime) -> None:
    """Store that a fault of ours kept a Logstore from being read or stored; it is tried again in its time."""
    log.error("%s could not be read or stored", take.logstore, exc_info=fault)
    logstore, problem = take.logstore, faults.explain(fault)
    living = ConsumerGroup.objects.filter(logstore=logstore, vanished_at=None)
    mark(living.exclude(name__in=take.left_out), problem, now)
    _plan(logstore, schedule.Heat.USUAL, now)
    Logstore.objects.filter(pk=logstore.pk).update(
        problem=problem.as_json(), read_every=logstore.read_every, next_read_at=logstore.next_read_at
    )
    leases.give_back_all([take])


def mark(groups: QuerySet[ConsumerGroup], problem: Problem, now: datetime) -> None:
    """Store why the last attempt to read some groups failed."""
    groups.update(problem=problem.as_json(), problem_at=now)


def _groups(visits: Iterable[Visit], now: datetime) -> dict[tuple[int, str], ConsumerGroup]:
    """Return the groups that exist, by Logstore id and name; what is new or vanished is stored."""
    existing = {visit.logstore: visit.seen.existing for visit in visits if visit.seen is not None}
    return {(row.logstore_id, row.name): row for row in discovery.keep_groups(existing, now=now)}


def _note(visit: Visit, groups: Sequence[ConsumerGroup], now: datetime) -> None:
    """Put into the Logstore what the visit found, and when it is read next."""
    logstore, seen = visit.logstore, visit.seen
    assert seen is not None  # noqa: S101 -- the caller asks only for those
    logstore.problem = None
    if visit.begins:
        logstore.begins_read_at = now
    if visit.retention:
        logstore.retention_read_at = now
    if visit.only is not None:
        return
    by_name = {row.name: row.pk for row in groups}
    moved = any(
        _marks(one.facts) != visit.marks.get(by_name[one.group.name])
        for one in seen.groups
        if one.facts is not None
    )
    logstore.read_at = now
    if moved or logstore.moved_at is None:
        logstore.moved_at = now
    heat = schedule.heat(
        now,
        late=any(schedule.is_late(row.verdict, row.last_commit_at, now) for row in groups),
        caught_up=all(row.backlog == 0 for row in groups),
        watched_at=logstore.watched_at,
        moved_at=logstore.moved_at,
    )
    _plan(logstore, heat, now)


def _plan(logstore: Logstore, heat: schedule.Heat, now: datetime) -> None:
    every = schedule.every(heat, intervals.interval(logstore.project.endpoint))
    logstore.read_every = int(every.total_seconds())
    logstore.next_read_at = schedule.next_at(now, every, logstore.pk)


def _mark_failed(visit: Visit, rows: Mapping[tuple[int, str], ConsumerGroup], now: datetime) -> None:
    """Store what went wrong with the Logstore, or with single groups; a failed one is tried again soon."""
    logstore = visit.logstore
    for one in visit.seen.groups if visit.seen else ():
        if one.error is not None:
            row = rows[logstore.pk, one.group.name]
            mark(ConsumerGroup.objects.filter(pk=row.pk), explain(one.error), now)
    if visit.error is not None and visit.only is None:
        problem = explain(visit.error)
        mark(logstore.groups.filter(vanished_at=None), problem, now)
        logstore.problem = problem.as_json()
        _plan(logstore, schedule.Heat.HOT, now)


def _marks(facts: Iterable[ShardFacts]) -> Marks:
    """Return what shows that something moved: the checkpoint and the end of each shard."""
    return frozenset((fact.shard, fact.checkpoint, fact.end) for fact in facts)
