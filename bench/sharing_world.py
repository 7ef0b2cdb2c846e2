"""The emulator as a witness: it notes when each checkpoint was asked for, and its consumers can be stopped.

Run as `python -m bench.sharing_world --port N`. Beside the control calls of the emulator there are
`GET asked` (the time, project, Logstore and group of every GetCheckPoint) and `POST acting` (whether the
consumer of a group lives).
"""

from __future__ import annotations

import argparse
import asyncio
import random
import signal
import time
from typing import Any

from emulator import control
from emulator.actors import Consumer
from emulator.build import fill
from emulator.groups import Group
from emulator.http import Connection, Request
from emulator.routes import Route
from emulator.server import Server
from emulator.signing import Gate
from emulator.world import World

PROJECT = "proj"
READING = "GetCheckPoint"
PREFILL, SPAN, SHARDS = 20, 600.0, 2
COMMIT_SECONDS = 1


class Moody(Consumer):
    """A consumer that may be stopped as if its process had died, and started again."""

    acts = True

    def act(self, now: float) -> None:
        if self.acts:
            super().act(now)


class Witness(Server):
    """An emulator that remembers every GetCheckPoint, and answers it after a time drawn by lot."""

    def __init__(self, world: World, gate: Gate, longest: float) -> None:
        super().__init__(world, gate=gate)
        self.asked: list[tuple[float, str, str, str]] = []
        self.moody: dict[tuple[str, str, str], Moody] = {}
        self.dice = random.Random(1)
        self.longest = longest

    def _serve_call(self, connection: Connection, request: Request, where: Route) -> None:
        if where.operation == READING:
            place = where.project or "", where.names["logstore"], where.names["group"]
            self.asked.append((time.time(), *place))
            self.faults.latency[READING, None] = self.dice.random() ** 3 * self.longest
        super()._serve_call(connection, request, where)


def asked(server: Any, _body: dict[str, Any]) -> object:
    """Return every GetCheckPoint so far."""
    return server.asked


def acting(server: Any, body: dict[str, Any]) -> object:
    """Stop the consumer of a group, or start it."""
    server.moody[body["project"], body["logstore"], body["group"]].acts = bool(body["acts"])
    return control.OK


def build(world: World, options: argparse.Namespace) -> dict[tuple[str, str, str], Moody]:
    """Fill the world; returns the consumer of each group."""
    world.add_project(PROJECT)
    consumers = {}
    for number in range(options.logstores):
        name = f"store-{number}"
        made = world.add_logstore(PROJECT, name, shards=SHARDS, age=SPAN)
        fill(made, world.now(), count=PREFILL, span=SPAN, rate=options.rate)
        for turn in range(options.groups):
            group = f"cg-{number}-{turn}"
            made.groups[group] = Group(group)
            place = PROJECT, name, group
            consumers[place] = Moody(world, place, "consumer", commit_seconds=COMMIT_SECONDS)
    world.actors.extend(consumers.values())
    return consumers


async def serve(options: argparse.Namespace) -> None:
    """Serve until told to stop."""
    world = World(seed=1)
    server = Witness(world, Gate(options.access_key_id, options.access_key_secret), options.longest)
    server.moody = build(world, options)
    server.faults.latency[None, None] = options.latency_ms / 1000
    control.CALLS[("GET", "asked")] = asked
    control.CALLS[("POST", "acting")] = acting
    await server.start("127.0.0.1", options.port)
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    await ended.wait()
    await server.close()


def main() -> None:
    """Read the command line and serve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--logstores", type=int, default=10)
    parser.add_argument("--groups", type=int, default=1, help="of each Logstore")
    parser.add_argument("--rate", type=float, default=0.5, help="log groups a second and shard")
    parser.add_argument("--latency-ms", type=float, default=20)
    parser.add_argument("--longest", type=float, default=1.5, help="seconds for an answer to GetCheckPoint")
    parser.add_argument("--access-key-id", required=True)
    parser.add_argument("--access-key-secret", required=True)
    asyncio.run(serve(parser.parse_args()))


if __name__ == "__main__":
    main()
