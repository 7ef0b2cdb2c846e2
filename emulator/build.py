"""Make a world from options: a plain one by numbers, or a scenario by name."""

from dataclasses import dataclass

from emulator.groups import Group
from emulator.logstores import Logstore
from emulator.server import Server
from emulator.signing import Gate
from emulator.world import World


@dataclass(frozen=True, slots=True)
class Options:
    """What the command line and tests may ask for; spans in seconds, rates per second and shard."""

    projects: int = 1
    logstores: int = 1
    shards: int = 4
    groups: int = 1
    prefill: int = 20
    span: float = 3600
    write_rate: float = 0
    ttl_days: float = 30
    latency_ms: float = 0
    scenario: str | None = None
    seed: int = 0
    keys: tuple[str, str] | None = None


def server(options: Options) -> Server:
    """Make a server with its world; raise LookupError for an unknown scenario."""
    world = World(seed=options.seed)
    made = Server(world, gate=Gate(*options.keys) if options.keys else None)
    if options.latency_ms > 0:
        made.faults.latency[None, None] = options.latency_ms / 1000
    if options.scenario:
        from emulator import scenarios

        scenarios.build(options.scenario, made)
    else:
        _plain(world, options)
    return made


def _plain(world: World, options: Options) -> None:
    for project in _names("proj", options.projects):
        world.add_project(project)
        for name in _names("store", options.logstores):
            logstore = world.add_logstore(
                project, name, shards=options.shards, ttl_days=options.ttl_days, age=options.span
            )
            fill(logstore, world.now(), count=options.prefill, span=options.span, rate=options.write_rate)
            for turn in range(options.groups):
                logstore.groups[f"cg-{turn}"] = Group(f"cg-{turn}")


def fill(logstore: Logstore, now: float, *, count: int, span: float, rate: float) -> None:
    """Give every shard count log groups, spread evenly over the span before now."""
    times = [now - span + span * turn / max(count, 1) for turn in range(count)]
    for shard in logstore.all_shards.values():
        shard.fill(times)
        shard.set_rate(rate, now)


def _names(word: str, count: int) -> list[str]:
    return [word] if count == 1 else [f"{word}-{turn}" for turn in range(count)]
