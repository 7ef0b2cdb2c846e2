"""An emulator in which the fleet of bench_pages stands still: `python -m bench.pages_world --world FILE`."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

from bench.fleet import command_line, serve
from emulator import cursors
from emulator.groups import Checkpoint, Group
from emulator.shards import Shard
from emulator.world import World

EVERY = 0.05
"""Seconds between two log groups; how old the oldest is does not matter here."""
SPARE = 50


def build(world: World, description: dict[str, Any]) -> None:
    """Put all Logstores, shards and checkpoints into the world of an emulator."""
    for project, name, groups, life in description["stores"]:
        if project not in world.projects:
            world.add_project(project)
        shards = description["lives"][life]
        made = world.add_logstore(project, name, shards=len(shards))
        for shard, (end, place, newest) in zip(made.all_shards.values(), shards, strict=True):
            _fill(shard, end, place, newest)
        for number in range(groups):
            group = made.groups[f"cg-{number}"] = Group(f"cg-{number}")
            for shard, (_, place, newest) in zip(made.all_shards, shards, strict=True):
                if place is not None:
                    checkpoint = Checkpoint(
                        cursors.encode(place), int(newest * 1e6), f"consumer-{shard % 4}-7f9c"
                    )
                    group.checkpoints[shard] = checkpoint


def _fill(shard: Shard, end: int, place: int | None, newest: float) -> None:
    """Let the shard hold what is unread, as far as that is not lost, and some log groups before it."""
    count = min(SPARE + (end - place if place is not None else 0), 5000)
    shard.base = end - count
    shard.fill([newest - EVERY * back for back in range(count, 0, -1)])


if __name__ == "__main__":
    parser = command_line(__doc__)
    parser.add_argument("--world", type=Path, required=True)
    options = parser.parse_args()
    asyncio.run(serve(lambda world: build(world, json.loads(options.world.read_text())), options))
