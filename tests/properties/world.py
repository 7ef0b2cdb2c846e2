"""A small world for resets: a Logstore of three shards, its group, those who consume it, and its clock."""

from __future__ import annotations

import itertools
import json
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import Any

from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Project
from emulator import cursors
from emulator.build import fill
from emulator.faults import Fault
from emulator.groups import Group
from tests.emulator import wire

SHARDS = (0, 1, 2)
GROUP, OTHER = "cg", "other"
PREFILL, SPAN = 20, 3600.0
NOT_A_NUMBER = "bm90IGEgbnVtYmVy"
_numbers = itertools.count()
Write = dict[str, Any]


class World:
    """One Logstore, made anew for every example, in an emulator that is shared and checks no keys.

    Whatever happens here by itself happens in the emulator; the product only sees it over the wire.
    """

    def __init__(self, emu: Any, endpoint: Endpoint) -> None:
        self.emu, self.endpoint = emu, endpoint
        self.cloud = emu.world
        self.cloud.offset_seconds = 0.0
        self.cloud.writes.clear()
        self.store = f"store-{next(_numbers)}"
        self.logstore = self.cloud.add_logstore("proj", self.store, shards=len(SHARDS), age=SPAN)
        fill(self.logstore, self.cloud.now(), count=PREFILL, span=SPAN, rate=0)
        self.logstore.groups |= {name: Group(name) for name in (GROUP, OTHER)}
        for shard in SHARDS:
            self._save(OTHER, shard, self.begin(shard) + 5 * shard)
            if shard:  # nothing was ever saved for shard 0
                self._save(GROUP, shard, self.begin(shard) + 10)
        self.tick(SPAN)
        project, _ = Project.objects.get_or_create(endpoint=endpoint, name="proj")
        row = Logstore.objects.create(project=project, name=self.store)
        self.group = ConsumerGroup.objects.create(logstore=row, name=GROUP)

    def close(self) -> None:
        """Take the Logstore away."""
        del self.cloud.projects["proj"].logstores[self.store]

    def now(self) -> datetime:
        """Return the time, which only tick() moves far."""
        return datetime.fromtimestamp(self.cloud.now(), UTC)

    def tick(self, seconds: float) -> None:
        self.cloud.offset_seconds += seconds

    def begin(self, shard: int) -> int:
        return int(self.logstore.all_shards[shard].begin(self.cloud.now()))

    def end(self, shard: int) -> int:
        return int(self.logstore.all_shards[shard].end(self.cloud.now()))

    def put(self, shard: int, count: int) -> None:
        for _ in range(count):
            self.logstore.all_shards[shard].write(self.cloud.now())

    def expire(self, shard: int, count: int) -> None:
        """Let the oldest log groups of a shard go, as the retention does."""
        self.logstore.all_shards[shard].floor = min(self.begin(shard) + count, self.end(shard))

    def text(self, shard: int) -> str:
        """Return the checkpoint as the service keeps it, "" when nothing was saved."""
        saved = self.logstore.groups[GROUP].checkpoints.get(shard)
        return saved.text if saved else ""

    def place(self, shard: int) -> int | str:
        """Return the position saved for a shard; the text where there is none in it."""
        text = self.text(shard)
        position = cursors.decode(text)
        return text if position is None else position

    def save(self, shard: int, to: int | str, *, consumer: str) -> None:
        """Save a checkpoint as a consumer does, over the wire and forced; without a name, as Flink does.

        Those saves leave no request id in the witness list: what has one and no name is ours.
        """
        text = to if isinstance(to, str) else cursors.encode(to)
        if not consumer:
            self.cloud.commit(("proj", self.store, GROUP), shard, text, consumer="", force=True)
            return
        path = f"/logstores/{self.store}/consumergroups/{GROUP}?type=checkpoint&forceSuccess=true&consumer="
        body = json.dumps({"shard": shard, "checkpoint": text}).encode()
        assert wire.call(self.emu, "POST", path + consumer, body).status == 200

    def _save(self, group: str, shard: int, to: int) -> None:
        place = ("proj", self.store, group)
        self.cloud.commit(place, shard, cursors.encode(to), consumer="", force=True)

    def writes(self) -> list[Write]:
        """Return what the emulator witnessed for the group, oldest first."""
        return [one for one in self.cloud.writes if (one["logstore"], one["group"]) == (self.store, GROUP)]

    def ours(self) -> list[Write]:
        """Return the writes that came over the wire without a consumer's name: only the product does that."""
        return [one for one in self.writes() if one["request_id"] and not one["consumer"]]

    @contextmanager
    def faults(self, faults: Iterable[dict[str, Any]]) -> Iterator[None]:
        """Let calls fail inside the block."""
        self.emu.server.faults.active.extend(Fault(**fault) for fault in faults)
        try:
            yield
        finally:
            self.emu.server.faults.active.clear()

    @contextmanager
    def snatching(self, steps: int | None) -> Iterator[None]:
        """Let a consumer save its own place right after each write of ours; None: nobody does."""
        real, old = self.cloud.commit, {shard: self.place(shard) for shard in SHARDS}

        def commit(place: Any, shard: Any, text: str, **how: Any) -> None:
            real(place, shard, text, **how)
            line = old[int(shard)]
            if steps is not None and not how["consumer"] and isinstance(line, int):
                real(place, shard, cursors.encode(line + steps), consumer="worker-1", force=True)

        self.cloud.commit = commit
        try:
            yield
        finally:
            del self.cloud.commit
