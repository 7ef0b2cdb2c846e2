"""Plans and applies a reset of one group of many shards, beside the limit.

    python3 run.py bench reset [--shards 256] [--latency-ms 20] [--rounds 5]

The limit is the round trips on the critical path, each at the injected latency and nothing else. Of a plan:
the lists, which can all be asked at once, every call per shard shared out evenly over the threads, and the
checkpoints once more at the end. Of an apply: the checkpoints, the writes shared out over those that go out
at once, and the checkpoints read back; calls per shard before the writes, if there are any, over the threads.
When a goal is missed one more round is profiled, the thread that does the work of the product.
"""

from __future__ import annotations

import argparse
import cProfile
import math
import os
import pstats
import statistics
import tempfile
import time
from collections import Counter, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from bench import emulation, results, stage
from bench.wrapping import wrap

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from checkpoints.models import ConsumerGroup

GOAL = 1.3
TARGET = "-30m"
STAGES = {
    "read again": "applying._read_again",
    "intent": "sending.commit_intent",
    "writes": "sending.send",
    "read-back": "settling.read",
    "outcomes": "settling.finish",
}


def main() -> int:
    """Measure, print and store; exit code 1 when a goal is missed."""
    options = arguments()
    os.environ["SLS_CONCURRENCY"] = str(options.threads)
    os.environ["SLS_RATE"] = "10000"  # the threads are to be the limit, not the calls per second
    world = ["--shards", str(options.shards), "--prefill", "50", "--latency-ms", str(options.latency_ms)]
    with tempfile.TemporaryDirectory(prefix="bench-") as folder, emulation.running(*world) as emulator:
        stage.start(folder)
        user, seconds = stage.prepare(emulator), stage_seconds()
        rounds = [measure(emulator, user, options, seconds, number) for number in range(options.rounds)]
        middle = {name: statistics.median(one[name] for one in rounds) for name in rounds[0]}
        rows = [row(middle, what) for what in ("plan", "apply")]
        if not met(rows):
            profile = cProfile.Profile()
            profile.runcall(measure, emulator, user, options, seconds, options.rounds)
            pstats.Stats(profile).sort_stats("cumulative").print_stats(r"checkpoints", 25)
    figures: dict[str, Any] = {f"goal: at most {GOAL} times the limit": met(rows)}
    figures |= {f"seconds of apply: {name}": middle[name] for name in STAGES}
    results.write("reset", rows, **figures)
    return 0 if met(rows) else 1


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--shards", type=int, default=256)
    parser.add_argument("--latency-ms", type=float, default=20)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    return parser.parse_args()


def row(middle: dict[str, float], what: str) -> dict[str, Any]:
    """Return one line of the table."""
    seconds, limit = middle[what], middle[f"{what} limit"]
    calls = int(middle[f"{what} calls"])
    return {
        "what": what,
        "calls": calls,
        "limit": limit,
        "seconds": seconds,
        "times the limit": seconds / limit,
    }


def met(rows: list[dict[str, Any]]) -> bool:
    """Tell whether everything stayed within the goal."""
    return all(row["times the limit"] <= GOAL for row in rows)


def stage_seconds() -> defaultdict[str, float]:
    """Return the seconds spent in each stage of an apply, which count up as it runs."""
    seconds: defaultdict[str, float] = defaultdict(float)

    def around(name: str) -> Callable[..., Any]:
        def timed(real: Callable[..., Any], *words: Any, **named: Any) -> Any:
            begun = time.perf_counter()
            try:
                return real(*words, **named)
            finally:
                seconds[name] += time.perf_counter() - begun

        return timed

    for name, function in STAGES.items():
        wrap(function, around(name))
    return seconds


def measure(
    emulator: emulation.Emulator,
    user: User,
    options: argparse.Namespace,
    stages: dict[str, float],
    number: int,
) -> dict[str, float]:
    """Return the figures of one round, with a group of its own."""
    from checkpoints.services import sending

    group = make_group(emulator, f"round-{number}", options.shards)
    made, planned, asked = timed(emulator, lambda: stage.plan(group, user, TARGET))
    stages.clear()
    reset, applied, done = timed(emulator, lambda: stage.apply(made, user))
    assert reset.outcome == "confirmed", reset.outcome
    assert done["UpdateCheckPoint"] == options.shards, done
    trip = options.latency_ms / 1000
    lists = asked["ListShards"] + asked["GetCheckPoint"]
    plan_trips = 2 + math.ceil((sum(asked.values()) - lists) / options.threads)
    writes = math.ceil(done["UpdateCheckPoint"] / sending.WIDTH)
    others = sum(done.values()) - done["UpdateCheckPoint"] - done["GetCheckPoint"]
    return {
        "plan": planned,
        "plan calls": sum(asked.values()),
        "plan limit": plan_trips * trip,
        "apply": applied,
        "apply calls": sum(done.values()),
        "apply limit": (done["GetCheckPoint"] + writes + math.ceil(others / options.threads)) * trip,
        **{name: stages[name] for name in STAGES},
    }


def make_group(emulator: emulation.Emulator, name: str, shards: int) -> ConsumerGroup:
    """Make a group ten log groups behind on every shard, saved an hour ago."""
    from checkpoints.models import ConsumerGroup, Logstore

    place = dict(zip(("project", "logstore"), stage.PLACE, strict=True))
    ends = {
        str(shard): int(emulator.control("POST", "shard", shard=shard, **place)["end"]) - 10
        for shard in range(shards)
    }
    emulator.control("POST", "group", group=name, checkpoints=ends, updated=time.time() - 3600, **place)
    logstore = Logstore.objects.get(name=stage.PLACE[1])
    return ConsumerGroup.objects.create(logstore=logstore, name=name, timeout_seconds=60)


def timed(emulator: emulation.Emulator, call: Callable[[], Any]) -> tuple[Any, float, Counter[str]]:
    """Return what a call gave, the seconds it took, and what it asked of the service."""
    emulator.control("POST", "stats/reset")
    begun = time.perf_counter()
    result = call()
    seconds = time.perf_counter() - begun
    return result, seconds, Counter(emulator.calls())


if __name__ == "__main__":
    raise SystemExit(main())
