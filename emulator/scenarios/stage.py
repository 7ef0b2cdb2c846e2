"""The words scenarios are told with: a store with a history, a group with a past, people who act."""

from dataclasses import dataclass

from emulator.actors import Consumer, Reader, Tool
from emulator.cursors import encode
from emulator.faults import Fault
from emulator.groups import Checkpoint, Group
from emulator.logstores import DAY_SECONDS, Logstore
from emulator.server import Server
from emulator.shards import Shard
from emulator.world import Actor

MINUTE = 60.0
HOUR = 3600.0
DAY = float(DAY_SECONDS)
JITTERS = 997


@dataclass(frozen=True, slots=True)
class Past:
    """How a group stands at first: seconds behind, seconds since it saved, the labels it bears."""

    behind: float = 0
    saved_ago: float = 20
    consumers: tuple[str, ...] = ()
    shards: tuple[int, ...] | None = None


class Stage:
    """Build a world step by step; everything random comes from the world's seeded dice."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.world = server.world
        self.now = server.world.now()

    def project(self, name: str, description: str = "") -> None:
        self.world.add_project(name, description=description)

    def store(
        self,
        project: str,
        name: str,
        *,
        shards: int,
        rate: float,
        history: float,
        ttl_days: float = 7,
        kind: str = "app",
    ) -> Logstore:
        """Add a Logstore whose shards have been written at about `rate` per second for `history` seconds."""
        logstore = self.world.add_logstore(
            project, name, shards=shards, ttl_days=ttl_days, kind=kind, age=history
        )
        for shard in logstore.all_shards.values():
            self.write_history(shard, rate * self.world.dice.uniform(0.7, 1.3))
        return logstore

    def write_history(self, shard: Shard, rate: float) -> None:
        """Write what a shard received since its creation, and go on at that rate."""
        kept_since = max(shard.created, self.now - shard.ttl_seconds)
        count = int((self.now - kept_since) * rate)
        step = (self.now - kept_since) / max(count, 1)
        jitter = [self.world.dice.uniform(0, step) for _ in range(JITTERS)]
        times = [kept_since + turn * step + jitter[turn % JITTERS] for turn in range(count)]
        shard.fill(times, expired=int((kept_since - shard.created) * rate))
        shard.set_rate(rate, self.now)

    def group(
        self,
        logstore: Logstore,
        name: str,
        past: Past | None = None,
        *,
        timeout: int = 60,
        order: bool = False,
    ) -> Group:
        """Add a group; without a past it has never saved anything."""
        group = logstore.groups[name] = Group(name, timeout=timeout, order=order)
        if past is not None:
            for number in past.shards or sorted(logstore.all_shards):
                self.stand(group, logstore.all_shards[number], past)
        return group

    def stand(self, group: Group, shard: Shard, past: Past) -> None:
        """Put a group's checkpoint of one shard where the past left it, even before what is retained."""
        position = shard.end(self.now)
        if past.behind:
            position = shard.position_from(str(int(self.now - past.behind)), self.now)
            begin = shard.begin(self.now)
            if position == begin and past.behind > shard.ttl_seconds:
                position = max(shard.base, begin - int((past.behind - shard.ttl_seconds) * shard.rate))
        label = past.consumers[shard.number % len(past.consumers)] if past.consumers else ""
        updated = int((self.now - past.saved_ago) * 1_000_000) + shard.number * 1371
        group.checkpoints[shard.number] = Checkpoint(encode(position), updated, label)

    def consume(
        self,
        project: str,
        logstore: Logstore,
        group: str,
        *names: str,
        pace: float = 1000,
        commit_seconds: float = 10,
    ) -> None:
        """Let consumers with these names take part; no names: a job that only commits its progress."""
        place = (project, logstore.name, group)
        how = {"pace": pace, "commit_seconds": commit_seconds}
        actors: list[Actor] = [Consumer(self.world, place, name, **how) for name in names] or [
            Reader(self.world, place, **how)
        ]
        self.world.actors.extend(actors)

    def meddle(self, project: str, logstore: Logstore, group: str, *, by: float, every: float) -> None:
        """Let somebody with a tool move the group by so many seconds, every so many seconds."""
        self.world.actors.append(Tool(self.world, (project, logstore.name, group), by=by, every=every))

    def fault(self, fault: Fault) -> None:
        self.server.faults.active.append(fault)

    def delay(self, project: str, seconds: float) -> None:
        self.server.faults.latency[None, project] = seconds
