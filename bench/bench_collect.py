"""Collects a whole fleet: cold, after a restart, and steady; counts the calls and compares with the budget.

60 projects, 1,000 Logstores, 6,000 shards, 1,500 groups, 15,000 (group, shard) rows at one endpoint, 20 ms
injected, on the cores that the emulator uses as well. Each Logstore is due once per cycle: the interval is an
hour, and between cycles everything is made due. A tenth of the shards is written to between two cycles.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
os.environ |= {"SLS_ALLOWED_HOSTS": "127.0.0.1", "SLS_ALLOW_HTTP": "1", "COLLECT_INTERVAL": "3600"}

from bench import emulation, fleet, results, sharing, trouble
from dashboard import memory

COLD_SECONDS, STEADY_SECONDS, MOST_MEGABYTES = 30, 15, 500
HISTORY = 20  # readings a minute apart before the steady cycles: as much as a verdict looks back on


def main() -> int:
    """Measure, print and store; exit code 1 when a goal is missed."""
    options = arguments()
    if options.shared:
        return sharing.main(options.minutes)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        os.environ["DATA_DIR"] = folder
        return trouble.main(options.minutes) if options.trouble else report(cycles(options))


def cycles(options: argparse.Namespace) -> list[dict[str, Any]]:
    """Return the figures of a cold cycle, of the first one after a restart, and of steady ones."""
    of = fleet.stores(options.logstores)
    world = ["--logstores", str(options.logstores), "--latency-ms", str(options.latency_ms)]
    with emulation.running(*world, module="bench.fleet") as emulator:
        emulation.set_up([("fleet", emulator)])
        memory.settle()  # as in every process that collects
        state, known = fleet.State(of), set[fleet.Time]()
        figures = [cycle("cold", emulator, state.calls(known, cold=True), options)]
        age_history()
        for turn in range(options.cycles + 1):
            known = state.times()
            move(emulator, state, turn)
            name = "steady" if turn else "after a restart"
            figures.append(cycle(name, emulator, state.calls(known, cold=False), options))
    return figures


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logstores", type=int, default=fleet.LOGSTORES)
    parser.add_argument("--latency-ms", type=float, default=20)
    parser.add_argument("--cycles", type=int, default=3, help="steady cycles; the median is told")
    parser.add_argument(
        "--trouble", action="store_true", help="20 endpoints instead, three of them in trouble"
    )
    parser.add_argument(
        "--shared", action="store_true", help="two workers and two web processes instead, that share the work"
    )
    parser.add_argument("--minutes", type=float, default=10, help="how long trouble or sharing is watched")
    parser.add_argument("--profile", help="print the profile of the storing thread in this cycle")
    return parser.parse_args()


def cycle(
    name: str, emulator: emulation.Emulator, budget: dict[str, int], options: argparse.Namespace
) -> dict[str, Any]:
    """Collect all that is due once, by the task of the background; returns what it took."""
    from checkpoints.models import ConsumerGroup, Logstore
    from checkpoints.services import collector

    Logstore.objects.update(next_read_at=None)
    emulator.control("POST", "stats/reset")
    begun, used = time.perf_counter(), time.process_time()
    if options.profile == name:
        profiled(collector.run)
    else:
        collector.run()
    seconds, processor = time.perf_counter() - begun, time.process_time() - used
    calls = emulator.calls()
    assert not ConsumerGroup.objects.exclude(problem=None).exists(), "a group could not be read"
    return {
        "what": name,
        "seconds": seconds,
        "processor seconds": processor,
        "calls": sum(calls.values()),
        "budget": sum(budget.values()),
        "calls as budgeted": calls == {operation: n for operation, n in budget.items() if n},
        "by operation": calls,
    }


def profiled(call: Any) -> None:
    """Run under the profiler of the standard library, which sees this thread only."""
    import cProfile
    import pstats

    profile = cProfile.Profile()
    profile.runcall(call)
    pstats.Stats(profile).sort_stats("tottime").print_stats(45)


def age_history() -> None:
    """Copy the readings of the cold cycle into the twenty minutes before, as if it had run all the time."""
    from datetime import timedelta

    from checkpoints.models import Reading
    from checkpoints.services import recent

    stored = list(Reading.objects.all())
    for minutes in range(1, HISTORY):
        age = timedelta(minutes=minutes)
        copies = [Reading(group_id=r.group_id, taken_at=r.taken_at - age, shards=r.shards) for r in stored]
        Reading.objects.bulk_create(copies, batch_size=500)
    recent.forget(stored[0].taken_at + timedelta(days=1))


def move(emulator: emulation.Emulator, state: fleet.State, turn: int) -> None:
    """Let the fleet move on, in the emulator and in our description of it."""
    shards, moved = state.advance(turn)
    place = {store.number: (store.project, store.name) for store in state.of}
    for store, shard in shards:
        project, logstore = place[store]
        emulator.control("POST", "put", project=project, logstore=logstore, shard=shard, count=fleet.NEW)
    for store, group, shard in moved:
        project, logstore = place[store]
        where = {"project": project, "logstore": logstore, "group": f"cg-{group}"}
        emulator.control(
            "POST", "group", **where, checkpoints={str(shard): "end"}, consumer=f"consumer-{shard}"
        )


def megabytes() -> float:
    """Return the most memory this process had, which is the collector's."""
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


def report(figures: list[dict[str, Any]]) -> int:
    """Print, store, and compare with the goals."""
    cold, restarted, steady = figures[0], figures[1], figures[2:]
    rows = [cold, restarted, *steady]
    goals = {
        "cold cycle, seconds (goal: at most 30)": cold["seconds"],
        "steady cycle, seconds, median (goal: at most 15)": statistics.median(
            one["seconds"] for one in steady
        ),
        "memory of the collector, MB (goal: under 500)": megabytes(),
        "calls as budgeted in every cycle": all(one["calls as budgeted"] for one in rows),
    }
    shown = [{key: value for key, value in one.items() if key != "by operation"} for one in rows]
    results.write("collect", shown, **goals, operations={one["what"]: one["by operation"] for one in rows})
    seconds, median, memory, exact = goals.values()
    met = seconds <= COLD_SECONDS and median <= STEADY_SECONDS and memory < MOST_MEGABYTES and exact
    return 0 if met else 1


if __name__ == "__main__":
    sys.exit(main())
