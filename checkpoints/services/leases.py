"""What is due, and who reads it: a conditional UPDATE in the database, so that nothing is read twice.

The collector takes Logstores when they are due, somebody who looks at a page takes one group. Both take the
groups they read, so that neither reads what the other is reading or has just read.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from time import monotonic

from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, QuerySet

from checkpoints.domain import clocks as domain
from checkpoints.domain import schedule
from checkpoints.domain.breaker import PROBE
from checkpoints.models import ConsumerGroup, Endpoint, Logstore
from checkpoints.queries import clocks
from checkpoints.services import discovery
from checkpoints.services.intervals import interval

LEASE = timedelta(seconds=60)
"""Longer than one reading can take; the Logstores of a process that died are read by another after it."""
YOUNG = timedelta(seconds=10)
"""What was read within this time for a page is not read again, whoever asks."""


@dataclass(frozen=True)
class Take:
    """A Logstore to be read, but for the groups that somebody else reads or has just read.

    The others are taken until a time, which also tells whose they are.
    """

    logstore: Logstore
    left_out: frozenset[str] = frozenset()
    until: datetime | None = None


def readable(now: datetime) -> list[Endpoint]:
    """Return the endpoints that are read: enabled, and their breaker is not open.

    Says to the readiness check that somebody looked for work of all of them.
    """
    enabled = Endpoint.objects.filter(enabled=True, removed_at=None)
    again = timedelta(seconds=settings.COLLECT_INTERVAL)
    enabled.filter(_due(now, again)).update(next_read_at=now + again)
    return list(enabled.filter(clocks.has_come("retry_at", now, furthest=PROBE)))


def of_endpoint(endpoint: Endpoint) -> QuerySet[Logstore]:
    """Return the Logstores of an endpoint that have groups."""
    living = ConsumerGroup.objects.filter(logstore=OuterRef("pk"), vanished_at=None)
    return Logstore.objects.filter(
        Exists(living), project__endpoint=endpoint, project__vanished_at=None, vanished_at=None
    ).select_related("project")


def due(endpoint: Endpoint, most: int, now: datetime) -> list[Take]:
    """Take up to `most` Logstores that are due, the longest overdue first; nobody else gets them.

    A lease begins when it is had: with a database that was locked for a while it would be over otherwise.
    """
    begun = monotonic()
    found = of_endpoint(endpoint).filter(_due(now, max(LEASE, schedule.furthest(interval(endpoint)))))
    if not found.exists():  # most times: no transaction for that
        return []
    with transaction.atomic():
        # What another worker has just locked is skipped, so each gets others.
        free = found.select_for_update(skip_locked=True, of=("self",))
        mine = list(free.order_by(F("next_read_at").asc(nulls_first=True), "pk")[:most])
        until = _since(now, begun) + LEASE
        _take((row.pk for row in mine), until)
        left_out = _take_groups(mine, now, until)
    return [Take(row, left_out[row.pk], until) for row in _with(endpoint, mine)]


def all_of(endpoint: Endpoint, now: datetime) -> list[Take]:
    """Take every Logstore of the endpoint, due or not, with all groups: somebody asked for that by hand."""
    found = _with(endpoint, list(of_endpoint(endpoint)))
    _take((row.pk for row in found), now + LEASE)
    return [Take(row) for row in found]


def claim(group: ConsumerGroup, *, max_age: timedelta, now: datetime) -> datetime | None:
    """Take a group unless somebody reads it, or has read it within max_age; returns until when.

    That it is old is part of the condition: whoever had it may have read it since the caller looked.
    """
    begun = monotonic()
    is_free = clocks.has_come("claimed_until", now, furthest=LEASE)
    free = ConsumerGroup.objects.filter(is_free, clocks.is_old("read_at", now, most=max_age), pk=group.pk)
    with transaction.atomic():
        if not free.select_for_update().exists():
            return None
        until = _since(now, begun) + LEASE
        ConsumerGroup.objects.filter(pk=group.pk).update(claimed_until=until)
    return until


def give_back(group: ConsumerGroup, until: datetime) -> None:
    """Let others read a group again, unless it is theirs already."""
    ConsumerGroup.objects.filter(pk=group.pk, claimed_until=until).update(claimed_until=None)


def give_back_all(takes: Iterable[Take]) -> None:
    """Let others read the groups of Logstores again, but for those that are theirs."""
    until: defaultdict[datetime, list[int]] = defaultdict(list)
    for take in takes:
        if take.until is not None:
            until[take.until].append(take.logstore.pk)
    for at, logstores in until.items():
        ConsumerGroup.objects.filter(logstore__in=logstores, claimed_until=at).update(claimed_until=None)


def may_discover(endpoint: Endpoint, now: datetime) -> bool:
    """Take the discovery of the endpoint when it is due."""
    furthest = max(discovery.EVERY, interval(endpoint))
    mine = Endpoint.objects.filter(
        clocks.has_come("next_discovery_at", now, furthest=furthest), pk=endpoint.pk
    )
    return bool(mine.update(next_discovery_at=now + discovery.EVERY))


def _due(now: datetime, furthest: timedelta) -> Q:
    return clocks.has_come("next_read_at", now, furthest=furthest)


def _take(pks: Iterable[int], until: datetime) -> None:
    Logstore.objects.filter(pk__in=list(pks)).update(next_read_at=until)


def _since(now: datetime, begun: float) -> datetime:
    """Return what time it is by now, when it was `now` at `begun`."""
    return now + timedelta(seconds=monotonic() - begun)


def _take_groups(
    logstores: Sequence[Logstore], now: datetime, until: datetime
) -> defaultdict[int, frozenset[str]]:
    """Take the groups of Logstores just taken; returns the names of those that are left to others.

    A row that somebody else has locked is one whose reading is just being stored: whoever waited for it here
    could wait for ever, because that transaction needs the Logstore as well.
    """
    above = {row.pk: row for row in logstores}
    living = ConsumerGroup.objects.filter(logstore__in=above, vanished_at=None)
    free = living.select_for_update(skip_locked=True).only("logstore", "read_at", "claimed_until")
    mine = [row.pk for row in free if not _is_others(row, above[row.logstore_id], now)]
    ConsumerGroup.objects.filter(pk__in=mine).update(claimed_until=until)
    left: defaultdict[int, frozenset[str]] = defaultdict(frozenset)
    for pk, name in living.exclude(pk__in=mine).values_list("logstore", "name"):
        left[pk] |= {name}
    return left


def _is_others(group: ConsumerGroup, logstore: Logstore, now: datetime) -> bool:
    """Tell whether somebody reads a group just now, or has just read it for a page."""
    if not domain.has_come(group.claimed_until, now, furthest=LEASE):
        return True
    if group.read_at is None or not domain.is_young(group.read_at, now, most=YOUNG):
        return False
    return logstore.read_at is None or group.read_at > logstore.read_at


def _with(endpoint: Endpoint, logstores: Sequence[Logstore]) -> list[Logstore]:
    """Return the Logstores, each knowing the one row of its endpoint."""
    for row in logstores:
        row.project.endpoint = endpoint
    return list(logstores)
