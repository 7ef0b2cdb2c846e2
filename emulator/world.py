"""Everything the stand-in knows: projects, a clock, acting consumers, and the witness of writes."""

import random
import time
from collections import deque
from collections.abc import Callable
from typing import Protocol

from emulator import groups
from emulator.errors import project_missing
from emulator.groups import Group
from emulator.logstores import Logstore, Project

WITNESSED = 200_000


class Actor(Protocol):
    """Somebody who lives in the world and acts on a timer."""

    def act(self, now: float) -> None:
        """Do what is due at this time."""


class World:
    """Hold the state that calls read and change; time comes from `clock` plus an offset in seconds."""

    def __init__(
        self, *, seed: int = 0, region: str = "cn-hangzhou", clock: Callable[[], float] = time.time
    ) -> None:
        self.clock = clock
        self.offset_seconds = 0.0
        self.skew_seconds = 0.0
        self.region = region
        self.dice = random.Random(seed)
        self.projects: dict[str, Project] = {}
        self.actors: list[Actor] = []
        self.writes: deque[dict[str, object]] = deque(maxlen=WITNESSED)
        self.clamps_expired_pulls = False

    def now(self) -> float:
        return self.clock() + self.offset_seconds

    def tick(self) -> None:
        """Let every actor act once."""
        now = self.now()
        for actor in self.actors:
            actor.act(now)

    def add_project(self, name: str, *, description: str = "") -> Project:
        project = Project(name, created=self.now(), region=self.region, description=description)
        self.projects[name] = project
        return project

    def add_logstore(
        self,
        project: str,
        name: str,
        *,
        shards: int = 4,
        ttl_days: float = 30,
        kind: str = "app",
        age: float = 0,
    ) -> Logstore:
        """Add a Logstore that was created `age` seconds ago."""
        created = self.now() - age
        logstore = Logstore(name, created=created, ttl_days=ttl_days, kind=kind, dice=self.dice)
        logstore.add_shards(shards, created)
        self.projects[project].logstores[name] = logstore
        return logstore

    def project(self, name: str) -> Project:
        if name not in self.projects:
            raise project_missing(name)
        return self.projects[name]

    def logstore(self, project: str, logstore: str) -> Logstore:
        return self.project(project).logstore(logstore)

    def group(self, project: str, logstore: str, group: str) -> Group:
        return groups.find(self.logstore(project, logstore).groups, group)

    def commit(
        self,
        place: tuple[str, str, str],
        shard: str | int,
        text: str,
        *,
        consumer: str,
        force: bool,
        request_id: str = "",
    ) -> None:
        """Store a checkpoint at (project, Logstore, group) and witness it; request_id is empty for actors."""
        project, logstore, name = place
        store, now = self.logstore(project, logstore), self.now()
        group = groups.find(store.groups, name)
        group.commit(
            store.shard(shard, now, missing_status=404), text, consumer=consumer, force=force, now=now
        )
        self.writes.append(
            {
                "time": now,
                "project": project,
                "logstore": logstore,
                "group": name,
                "shard": int(shard),
                "cursor": text,
                "consumer": consumer,
                "force": force,
                "request_id": request_id,
            }
        )
