"""Metrics of calls and of collecting, of all processes together."""

from __future__ import annotations

import logging
from collections import defaultdict
from collections.abc import Iterator, Sequence
from itertools import accumulate

from django.db import DatabaseError
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily, Metric
from prometheus_client.registry import Collector
from prometheus_client.utils import floatToGoString

from checkpoints.models import CallTotal, Endpoint
from checkpoints.services import calls

log = logging.getLogger(__name__)


class Called(Collector):
    """Calls as added up in the database, and how collecting goes at each endpoint that is used."""

    def collect(self) -> Iterator[Metric]:
        """Yield all families, also the empty ones; what this process counted is added first."""
        try:
            calls.flush()
        except DatabaseError as error:  # a database that is busy still tells what it has
            log.warning("calls could not be added up: %s", error)
        rows = list(CallTotal.objects.order_by("operation", "code"))
        yield _requests(rows)
        yield _times(rows)
        yield from _endpoints()


def _requests(rows: Sequence[CallTotal]) -> Metric:
    family = CounterMetricFamily(
        "sls_api_requests", "Calls to SLS by operation and answer.", labels=["operation", "code"]
    )
    for row in rows:
        family.add_metric([row.operation, row.code], row.calls)
    return family


def _times(rows: Sequence[CallTotal]) -> Metric:
    family = HistogramMetricFamily(
        "sls_api_request_seconds", "How long calls to SLS took.", labels=["operation"]
    )
    sums: defaultdict[str, calls.Tally] = defaultdict(calls.Tally)
    for row in rows:
        if row.within:
            sums[row.operation].add(calls.Tally(row.calls, row.seconds, row.within))
    for operation, tally in sums.items():
        counts = zip(map(floatToGoString, calls.BUCKETS), accumulate(tally.within), strict=True)
        family.add_metric([operation], [*counts, ("+Inf", tally.calls)], tally.seconds)
    return family


def _endpoints() -> Iterator[Metric]:
    """Yield what is known of endpoints that are used; one of which nothing was ever read has the time 0."""
    cycles = GaugeMetricFamily(
        "sls_collector_cycle_seconds",
        "How long it last took to read all that was due at an endpoint.",
        labels=["endpoint"],
    )
    successes = GaugeMetricFamily(
        "sls_collector_last_success_timestamp_seconds",
        "When something of an endpoint was last read, 0 for never.",
        labels=["endpoint"],
    )
    used = Endpoint.objects.filter(removed_at=None, enabled=True).order_by("name")
    for name, at, seconds in used.values_list("name", "last_success_at", "cycle_seconds"):
        successes.add_metric([name], at.timestamp() if at else 0)
        if seconds is not None:
            cycles.add_metric([name], seconds)
    yield cycles
    yield successes
