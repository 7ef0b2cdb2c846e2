"""All rounds on one database: that of DATABASE_URL, or SQLite. Prints one line of JSON per point.

A process of its own, so that nothing of another database, and no thread, is in the forks of a round.
"""

from __future__ import annotations

import argparse
import gc
import json
import logging
import random
import re
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from bench import crash_round, emulation, stage
from bench.crash_judge import Write
from bench.crash_points import POINTS, Point
from bench.crash_round import Round, Spoil, nothing
from bench.forks import in_child

SHARDS = 6
THERE, UNSAVED = 5, 4  # one shard is at the target already, one has no checkpoint; the others move
SLOW_MS = 200
UNANSWERED = {"operation": "UpdateCheckPoint", "status": -1, "times": 1}


@dataclass
class Tally:
    """What came of the rounds of one point; `writes` reached the service before it was settled."""

    point: str
    rounds: int = 0
    killed: int = 0
    writes: int = 0
    settled: dict[str, int] = field(default_factory=dict)
    violations: list[str] = field(default_factory=list)


def warm_up() -> None:
    """Load what every fork would load anew; none of it opens a connection or starts a thread."""
    import checkpoints.services.resets  # noqa: F401
    from checkpoints.models import Plan, ShardReset
    from checkpoints.sls.transport import tls_context

    tls_context("")
    for model in (Plan, ShardReset):
        str(model.objects.select_related().query)
    gc.freeze()


class Run:
    """The emulator and the filled database that all rounds share."""

    def __init__(self, emulator: emulation.Emulator) -> None:
        self.emulator = emulator
        self.begins = {shard: int(self._put("shard", shard=shard)["begin"]) for shard in range(SHARDS)}
        self.user = int(in_child(lambda say: say(stage.prepare(emulator).pk)).result)
        warm_up()

    def play(
        self, point: Point, rounds: int, *, spoil: Spoil = nothing, spoil_settling: Spoil = nothing
    ) -> Tally:
        """Play the rounds of one point, then verify the audit."""
        tally = Tally(point.name)
        for number in range(rounds):
            group = f"{re.sub('[^a-z]+', '-', point.name.lower())}-{number}"
            pause = random.Random(group).uniform(0, point.pause)
            one = Round(self.emulator, point, group, self.user, pause, spoil, spoil_settling)
            self._play(one, tally)
        tally.violations += in_child(crash_round.verify).result
        return tally

    def _play(self, one: Round, tally: Tally) -> None:
        self._make(one.group)
        with self._answering(one.point):
            deaths = [in_child(one.apply_and_die)]
            if one.point.step == "settle":
                deaths.append(in_child(one.settle_and_die))
        writes = self._writes_when_quiet(one)
        killed = all(death.signal == signal.SIGKILL for death in deaths)
        tally.rounds += 1
        tally.killed += killed
        tally.writes += len(writes)
        if not killed:
            tally.violations.append(f"{one.group}: not killed: {deaths}")
            return
        plan = deaths[0].result["plan"]
        judged = in_child(lambda say: one.start_again(plan, writes, say)).result
        tally.settled = dict(Counter(tally.settled) + Counter(judged["outcomes"]))
        tally.violations += [f"{one.group}: {words}" for words in judged["flaws"]]

    def _make(self, group: str) -> None:
        saved = {str(shard): begin + 15 for shard, begin in self.begins.items() if shard != UNSAVED}
        saved[str(THERE)] = self.begins[THERE]
        self._put("group", group=group, checkpoints=saved, updated=time.time() - 3600)

    @contextmanager
    def _answering(self, point: Point) -> Iterator[None]:
        """Let the service answer writes as the point wants it."""
        if point.writes == "slow":
            self.emulator.control("POST", "latency", operation="UpdateCheckPoint", ms=SLOW_MS)
        if point.writes in {"lost", "dropped"}:
            self.emulator.control("POST", "faults", **UNANSWERED, after_effect=point.writes == "lost")
        yield
        if point.writes:
            self.emulator.control("POST", "latency", operation="UpdateCheckPoint", ms=0)
            self.emulator.control("POST", "faults", clear=True)

    def _writes_when_quiet(self, one: Round) -> list[Write]:
        """Return what reached the service, once it has read all that the dead process had sent."""
        while self.emulator.control("GET", "stats")["connections"] > 1:  # the one that asks
            time.sleep(0.002)
        return one.writes()

    def _put(self, path: str, **body: Any) -> Any:
        return self.emulator.control("POST", path, project=stage.PLACE[0], logstore=stage.PLACE[1], **body)


@contextmanager
def running() -> Iterator[Run]:
    """Start everything for rounds in this process: Django, a data directory, an emulator."""
    with (
        tempfile.TemporaryDirectory(prefix="crash-") as folder,
        emulation.running("--shards", str(SHARDS), "--prefill", "20", "--groups", "0") as emulator,
    ):
        stage.start(folder)
        logging.disable(logging.ERROR)  # a write without an answer is what is wanted here
        yield Run(emulator)


def main() -> int:
    """Play all points; exit code 1 on any violation."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--point", default="", help="only points with this in their name")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and take along what was started
    violations = 0
    with running() as run:
        for point in POINTS:
            if options.point in point.name:
                tally = run.play(point, options.rounds)
                violations += len(tally.violations)
                print(json.dumps(vars(tally)), flush=True)
    return 1 if violations else 0


if __name__ == "__main__":
    raise SystemExit(main())
