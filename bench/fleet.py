"""A whole fleet for benchmarks: 60 projects, 1,000 Logstores, 6,000 shards, 1,500 groups, 15,000 rows.

Run as `python -m bench.fleet --port N` it is an emulator with that fleet; imported it tells how many calls
reading it needs. Both follow from one description, with positions counted from the begin of each shard.
"""

from __future__ import annotations

import argparse
import asyncio
import signal
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from emulator import cursors
from emulator.build import fill
from emulator.groups import Checkpoint, Group
from emulator.server import Server
from emulator.signing import Gate
from emulator.world import World

PROJECTS, LOGSTORES = 60, 1000
WIDE = 4  # each fourth Logstore has 18 shards and 3 groups, the others have 2 shards and 1 group
FILLED, SPAN = 50, 3600.0
LATE_EACH, MOVED_EACH, LEFT_EACH = 10, 10, 4
NEW = 3

Row = tuple[int, int, int]  # Logstore, group, shard
Time = tuple[int, int, int]  # Logstore, shard, position


@dataclass(frozen=True)
class Store:
    """One Logstore by its number."""

    number: int
    shards: int
    groups: int

    @property
    def project(self) -> str:
        """The project it is in; the first ones have one Logstore more."""
        return f"proj-{self.number % PROJECTS}"

    @property
    def name(self) -> str:
        """Its name."""
        return f"store-{self.number}"


def stores(count: int = LOGSTORES) -> list[Store]:
    """Return all Logstores, or the first `count`."""
    return [Store(n, *((2, 1) if n % WIDE else (18, 3))) for n in range(count)]


def rows(of: list[Store]) -> Iterator[Row]:
    """Yield every (group, shard)."""
    for store in of:
        for group in range(store.groups):
            for shard in range(store.shards):
                yield store.number, group, shard


def _mixed(*numbers: int) -> int:
    """Return a number that looks like chance and is always the same."""
    value = 7
    for number in numbers:
        value = (value * 1_000_003 + number * 7_919 + 12_345) % 2_147_483_647
    return value >> 3


class State:
    """Where every shard ends and every checkpoint stands, by position."""

    def __init__(self, of: list[Store]) -> None:
        self.of = of
        self.ends = {(store.number, shard): FILLED for store in of for shard in range(store.shards)}
        self.checkpoints = {row: FILLED - self._behind(row) for row in rows(of)}

    def _behind(self, row: Row) -> int:
        return 1 + _mixed(*row) % 20 if _mixed(*row, 1) % LATE_EACH == 0 else 0

    def advance(self, turn: int) -> tuple[list[tuple[int, int]], list[Row]]:
        """Write to a tenth of the shards, let most groups read that; returns those shards and checkpoints."""
        shards = [place for place in self.ends if _mixed(*place, turn) % MOVED_EACH == 0]
        for place in shards:
            self.ends[place] += NEW
        written = set(shards)
        moved = [
            row for row in self.checkpoints if (row[0], row[2]) in written and _mixed(*row, turn) % LEFT_EACH
        ]
        for row in moved:
            self.checkpoints[row] = self.ends[row[0], row[2]]
        return shards, moved

    def times(self) -> set[Time]:
        """Return the positions whose time a reading has to know: e-1, c-1 and c where a shard is behind."""
        needed: set[Time] = set()
        for (store, _, shard), position in self.checkpoints.items():
            end = self.ends[store, shard]
            if position < end:
                needed |= {(store, shard, n) for n in (end - 1, position - 1, position)}
        return needed

    def calls(self, known: set[Time], *, cold: bool) -> dict[str, int]:
        """Return the calls of one cycle: 2 + S + G per Logstore, and times not known from the one before.

        A cold one finds everything first, and asks once for the retention of each Logstore and each begin.
        """
        logstores, shards = len(self.of), len(self.ends)
        found = {"ListProject": 1, "ListLogStores": len({store.project for store in self.of})} if cold else {}
        return found | {
            **({"GetLogStore": logstores} if cold else {}),
            "ListShards": logstores,
            "ListConsumerGroup": logstores * (2 if cold else 1),
            "GetCheckPoint": sum(store.groups for store in self.of),
            "GetCursor": shards * (2 if cold else 1),
            "GetCursorTime": len(self.times() - known),
        }


def build(world: World, of: list[Store]) -> None:
    """Put the fleet into the world of an emulator."""
    state, now = State(of), world.now()
    for store in of:
        if store.project not in world.projects:
            world.add_project(store.project)
        made = world.add_logstore(store.project, store.name, shards=store.shards, age=SPAN)
        fill(made, now, count=FILLED, span=SPAN, rate=0)
        for number in range(store.groups):
            group = made.groups[f"cg-{number}"] = Group(f"cg-{number}")
            for shard, found in made.all_shards.items():
                text = cursors.encode(found.base + state.checkpoints[store.number, number, shard])
                group.checkpoints[shard] = Checkpoint(text, int((now - 5) * 1e6), f"consumer-{shard}")


async def serve(fill_world: Callable[[World], None], options: argparse.Namespace) -> None:
    """Serve a world until told to stop."""
    world = World(seed=1)
    fill_world(world)
    server = Server(world, gate=Gate(options.access_key_id, options.access_key_secret))
    server.faults.latency[None, None] = options.latency_ms / 1000
    await server.start("127.0.0.1", options.port)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await server.close()


def command_line(description: str | None) -> argparse.ArgumentParser:
    """Return what every emulator of the benchmarks understands."""
    parser = argparse.ArgumentParser(description=description)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--latency-ms", type=float, default=20)
    parser.add_argument("--access-key-id", required=True)
    parser.add_argument("--access-key-secret", required=True)
    return parser


def main() -> None:
    """Read the command line and serve."""
    parser = command_line(__doc__)
    parser.add_argument("--logstores", type=int, default=LOGSTORES)
    options = parser.parse_args()
    asyncio.run(serve(lambda world: build(world, stores(options.logstores)), options))


if __name__ == "__main__":
    main()
