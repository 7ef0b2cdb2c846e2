"""Twenty endpoints and two workers: one endpoint hangs, one throttles, the keys of one are revoked.

Looks at every reading of the others: none may be missing, none made twice. Then the trouble ends, and it is
measured how long it takes until each is read again.
"""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise
from typing import Any

from bench import emulation, results

INTERVAL = 30
WORLD = ["--logstores", "10", "--shards", "2", "--groups", "1", "--latency-ms", "20"]
WELL = 17
TROUBLES: dict[str, dict[str, Any]] = {
    "hangs": {"latency": 60_000},
    "throttles": {"fault": {"status": 403, "code": "ReadQuotaExceed", "message": "read quota exceed"}},
    "revoked": {"fault": {"status": 401, "code": "InvalidAccessKeyId", "message": "the key is disabled"}},
}


def main(minutes: float) -> int:
    """Measure, print and store; exit code 1 when a promise is broken."""
    os.environ["COLLECT_INTERVAL"] = str(INTERVAL)
    with contextlib.ExitStack() as stack:
        well = stack.enter_context(emulation.running(*WORLD))
        ill = {name: stack.enter_context(emulation.running(*WORLD)) for name in TROUBLES}
        emulation.set_up([(f"well-{n}", well) for n in range(WELL)] + list(ill.items()))
        stack.enter_context(workers(2))
        time.sleep(3 * INTERVAL)  # discovered, and every Logstore at its own moment
        rows = {name: {"endpoint": name} | watch(name, ill[name], begin) for name, begin in TROUBLES.items()}
        begun = now()
        time.sleep(minutes * 60)
        rows = {name: row | described(name, ill[name]) for name, row in rows.items()}
        figures = judged(begun)
        for emulator in ill.values():
            emulator.control("POST", "faults", clear=True)
            emulator.control("POST", "latency", operation=None, ms=0)
        recovered(rows)
    results.write("collect", list(rows.values()), "trouble", **figures)
    fine = figures["cycles lost by the others"] == 0 and figures["readings made twice"] == 0
    soon = all(
        row["seconds to recover"] <= 60 and row["most failures seen before it opened"] < 5
        for row in rows.values()
    )
    return 0 if fine and soon else 1


@contextlib.contextmanager
def workers(count: int) -> Iterator[None]:
    """Run so many processes of background workers, as in the scaled-out size."""
    command = [sys.executable, "manage.py", "run_huey", "-w", "4", "-q"]
    running = [subprocess.Popen(command, cwd=emulation.ROOT) for _ in range(count)]
    try:
        yield
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(60)


def now() -> datetime:
    """Return the time."""
    from django.utils import timezone

    return timezone.now()


def stored(name: str) -> Any:
    """Return the row of an endpoint."""
    from checkpoints.models import Endpoint

    return Endpoint.objects.get(name=name)


def watch(name: str, emulator: emulation.Emulator, begin: dict[str, Any]) -> dict[str, Any]:
    """Begin one trouble, and watch until the breaker opens."""
    emulator.control("POST", "stats/reset")
    begun, failures = time.monotonic(), 0
    if "latency" in begin:
        emulator.control("POST", "latency", operation=None, ms=begin["latency"])
    if "fault" in begin:
        emulator.control("POST", "faults", operation=None, **begin["fault"])
    while (row := stored(name)).opened_at is None and time.monotonic() - begun < 300:
        failures = row.failures
        time.sleep(0.05)
    return {
        "most failures seen before it opened": failures,
        "seconds to open": time.monotonic() - begun,
        "seconds to recover": 0.0,
    }


def described(name: str, emulator: emulation.Emulator) -> dict[str, Any]:
    """Return what the page says of it, and how often it was still called."""
    from checkpoints.services.problems import Problem

    row = stored(name)
    assert row.retry_at is not None, f"{name} is read although it is in trouble"
    return {"words": str(Problem.from_json(row.problem).message), "calls": sum(emulator.calls().values())}


def judged(begun: datetime) -> dict[str, Any]:
    """Return how regularly the others were read since."""
    from checkpoints.models import ConsumerGroup

    groups = ConsumerGroup.objects.filter(logstore__project__endpoint__name__startswith="well")
    gaps: list[float] = []
    for group in groups:
        readings = group.readings.filter(taken_at__gte=begun).order_by("taken_at")
        times = list(readings.values_list("taken_at", flat=True))
        gaps += [(after - before).total_seconds() for before, after in pairwise(times)]
        gaps += [max(INTERVAL, (now() - times[-1]).total_seconds())]  # the last one must not be old
    return {
        "Logstores of the others": groups.count(),
        "readings of the others": len(gaps),
        "longest gap between two readings, in intervals": max(gaps) / INTERVAL,
        "cycles lost by the others": sum(gap > 1.5 * INTERVAL for gap in gaps),
        "readings made twice": sum(gap < 0.5 * INTERVAL for gap in gaps),
    }


def recovered(rows: dict[str, dict[str, Any]]) -> None:
    """Wait until each is read again, and note how long that took."""
    begun = time.monotonic()
    waiting = set(rows)
    while waiting and time.monotonic() - begun < 120:
        for name in [name for name in waiting if stored(name).retry_at is None]:
            rows[name]["seconds to recover"] = time.monotonic() - begun
            waiting.discard(name)
        time.sleep(0.2)
    for name in waiting:
        rows[name]["seconds to recover"] = 120.0
