"""Resets of groups that real consumers of the official SDK read, drawn from a seed, and what the watch says.

    overwritten   the consumer runs on during the reset and writes its own place back
    held          it was stopped before, as it should be, and stays away
    taken_up      it was stopped before and is started again afterwards

Each run has an emulator and an SDK process of its own: its clock can be moved past the group's timeout.
"""

from __future__ import annotations

import random
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from django.db import connection

from checkpoints.models import ConsumerGroup, Reset
from checkpoints.services import connections, discovery, resets
from checkpoints.services.audit import Actor
from emulator import cursors
from emulator.testing import Emulator, running
from tests.conftest import KEYS, store_endpoint
from tests.sdk_worker import SDKWorker
from tests.services import resetting as the

KINDS = ("overwritten", "held", "taken_up")
PLACE = ("proj", "store")
POLL = 1.0
QUIET = 130.0
PATIENCE = 25
"""Polls after which a watch that says nothing is given up."""


@dataclass(frozen=True)
class Result:
    """What the watch said; `saved` and `told` count seconds from the write, to a save and to the verdict."""

    seed: int
    kind: str
    shards: int
    target: str
    flush: float
    verdicts: tuple[str, ...]
    saved: float | None
    told: float

    @property
    def limit(self) -> float | None:
        """Return how late the verdict may come: flush interval + 2 polls where somebody overwrites."""
        # The second look has to see it; what it takes until its answer is there is not the consumer's doing.
        return self.flush + 2.5 * POLL if self.kind == "overwritten" else None

    @property
    def ok(self) -> bool:
        return set(self.verdicts) == {self.kind} and (self.limit is None or self.told <= self.limit)


def run_all(seeds: list[int], user: Any, *, width: int) -> list[Result]:
    """Run all seeds, some at once; the database has to be one that threads share."""

    def one(seed: int) -> Result:
        try:
            return run(seed, user)
        finally:
            connection.close()

    with ThreadPoolExecutor(width) as pool:
        return list(pool.map(one, seeds))


def run(seed: int, user: Any) -> Result:
    """Make a group and a consumer from the seed, reset it, watch it."""
    dice = random.Random(seed)
    world = {"shards": dice.randint(1, 4), "prefill": dice.choice([40, 200, 3000]), "span": 3600}
    with running(projects=1, logstores=1, groups=1, keys=KEYS, **world) as emu:
        endpoint = store_endpoint(emu, name=f"seed {seed}")
        discovery.discover(endpoint, now=the.now())
        group = ConsumerGroup.objects.get(logstore__project__endpoint=endpoint)
        try:
            return Run(seed, dice, emu, group, user).go()
        finally:
            connections.forget(endpoint)


class Run:
    """One run: its arrangement, the reset, and the watch."""

    def __init__(self, seed: int, dice: random.Random, emu: Emulator, group: Any, user: Any) -> None:
        self.seed, self.dice, self.emu, self.group, self.user = seed, dice, emu, group, user
        self.kind = KINDS[seed % len(KINDS)]
        self.shards = sorted(emu.world.logstore(*PLACE).all_shards)
        self.flush = dice.choice([0.0, 0.5, 1.0, 2.0, 3.0])
        self.rates = {shard: dice.uniform(2, 15) for shard in self.shards}
        self.worker = self.consumer("worker-1")

    def consumer(self, name: str) -> SDKWorker:
        return SDKWorker(
            self.emu.sdk_endpoint,
            *PLACE,
            "cg-0",
            name,
            keys=KEYS,
            auth_version="v4",
            commit_seconds=self.flush,
        )

    def go(self) -> Result:
        with self.worker:
            self.flow()
            self.worker.wait_for(lambda: all(self.saved(shard) for shard in self.shards), 60)
            time.sleep(self.dice.uniform(0, 2))
            if self.kind != "overwritten":
                self.leave()
            reset, target = self.reset()
            self.flow()
            if self.kind == "taken_up":
                self.worker = self.consumer(self.dice.choice(["worker-1", "worker-2"]))
                self.worker.start()
            try:
                told = self.watch(reset)
            finally:
                self.worker.kill()
        return Result(
            seed=self.seed,
            kind=self.kind,
            shards=len(self.shards),
            target=target,
            flush=self.flush,
            verdicts=tuple(line.watch for line in reset.shards.all()),
            saved=self.saved_after(reset),
            told=told,
        )

    def flow(self, *, on: bool = True) -> None:
        """Let log groups arrive, or stop them."""
        for shard in self.shards:
            self.emu.shard(*PLACE, shard, rate=self.rates[shard] if on else 0)

    def saved(self, shard: int) -> int | None:
        checkpoint = self.emu.world.group(*PLACE, "cg-0").checkpoints.get(shard)
        return cursors.decode(checkpoint.text) if checkpoint else None

    def leave(self) -> None:
        """Stop the consumer for good, as a person does or a crash; the time of the group goes by."""
        if self.dice.random() < 0.7:
            self.worker.stop()
        else:
            self.worker.kill()
        self.emu.clock(offset_seconds=QUIET)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.emu.world.now(), UTC)

    def reset(self) -> tuple[Reset, str]:
        """Plan and apply, again where a checkpoint moved in between, with the plan that is offered then."""
        chosen = sorted(self.dice.sample(self.shards, self.dice.randint(1, len(self.shards))))
        target = self.dice.choice(["earliest", "-20m", "-2groups", f"-{self.dice.randint(3, 30)}groups"])
        if self.kind != "overwritten" and self.dice.random() < 0.3:
            target = "latest"
        if self.flush < 1:
            self.flow(on=False)  # who saves all the time leaves no gap to plan and apply in
        plan = the.make(self.group, self.user, target, chosen, now=self.now())
        for _ in range(200):
            try:
                return self.apply(plan), target
            except resets.Moved as moved:
                plan = moved.new_plan
        raise AssertionError("the checkpoints moved before every apply")

    def apply(self, plan: Any) -> Reset:
        return resets.apply(
            plan,
            user=self.user,
            actor=Actor.of(self.user),
            reason=f"seed {self.seed}",
            override_active=self.kind == "overwritten",
            now=self.now(),
        )

    def watch(self, reset: Reset) -> float:
        """Look once in every poll until all shards have their word; returns the seconds that took."""
        for turn in range(1, PATIENCE):
            time.sleep(max(0.0, self.written_at(reset) + turn * POLL - self.emu.world.now()))
            resets.look(reset, now=self.now())
            if not reset.shards.filter(watch="watching").exists():
                break
            if self.kind == "held" and turn == 3:
                return self.end_of_watch(reset)
        return self.emu.world.now() - self.written_at(reset)

    def end_of_watch(self, reset: Reset) -> float:
        """End the watch by hand, or live to see its end."""
        if self.dice.random() < 0.3:
            now = self.now()
            resets.look(reset, now=now, until=now)
        while resets.is_open(reset) and reset.shards.filter(watch="watching").exists():
            left = reset.watch_until - self.now() + timedelta(milliseconds=10)
            self.emu.clock(offset_seconds=self.emu.world.offset_seconds + max(0.0, left.total_seconds()))
            resets.look(reset, now=self.now())
        return self.emu.world.now() - self.written_at(reset)

    def written_at(self, reset: Reset) -> float:
        """Return when our last write arrived, by the emulator's witness list."""
        return max(write["time"] for write in self.writes(reset) if not write["consumer"])

    def saved_after(self, reset: Reset) -> float | None:
        """Return how long after our write the last shard was saved by a consumer."""
        ours = self.written_at(reset)
        first: dict[int, float] = {}
        for write in self.writes(reset):
            if write["consumer"] and write["time"] > ours:
                first.setdefault(write["shard"], write["time"] - ours)
        return max(first.values(), default=None)

    def writes(self, reset: Reset) -> list[dict[str, Any]]:
        shards = set(reset.shards.values_list("shard", flat=True))
        return [one for one in self.emu.world.writes if one["shard"] in shards and one["request_id"]]
