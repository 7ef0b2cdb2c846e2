"""A scenario of the emulator that lives on by itself, read by the collector once a minute; nothing sleeps."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from itertools import groupby
from typing import Any

from checkpoints import sls
from checkpoints.domain.verdicts import Verdict
from checkpoints.models import ConsumerGroup, Logstore
from checkpoints.services import collector, discovery
from emulator.scenarios.single import GROUP
from emulator.scenarios.stage import Stage
from emulator.testing import Emulator, running
from tests.conftest import KEYS, store_endpoint

MINUTE, HOUR = 60.0, 3600.0


class Life:
    """The group of a scenario, and every word said of it."""

    def __init__(self, emulator: Emulator, group: str = GROUP) -> None:
        self.emulator, self.name = emulator, group
        self.words: list[Verdict] = []
        endpoint = store_endpoint(emulator, typed_projects=["shop"])
        discovery.discover(endpoint, now=self.now)

    @property
    def now(self) -> datetime:
        return datetime.fromtimestamp(self.emulator.world.now(), UTC)

    @property
    def group(self) -> ConsumerGroup:
        return ConsumerGroup.objects.get(name=self.name)

    @property
    def told(self) -> str:
        """The reasons, as they are stored."""
        return " ".join(str(reason["text"]) for reason in self.group.reasons)

    def go_on(
        self, minutes: float, *, every: float = MINUTE, and_then: Callable[[], None] | None = None
    ) -> None:
        """Let the world live so long, read it every so many seconds, and before that do something else."""
        for _ in range(int(minutes * MINUTE / every)):
            self.emulator.live(every)
            if and_then is not None:
                and_then()
            self.read()

    def read(self) -> None:
        """Read the Logstore and note the word; a reading that fails leaves the word as it is."""
        try:
            collector.read_logstore(Logstore.objects.get(name="orders"), now=self.now)
        except sls.SLSError:
            return
        self.words.append(Verdict(self.group.verdict))

    def turns(self) -> list[Verdict]:
        """Return the words in order, each only where it changes."""
        return [word for word, _ in groupby(self.words)]


@contextmanager
def life(
    scenario: str | None = None, *, build: Callable[[Stage], None] | None = None, **more: Any
) -> Iterator[Life]:
    """Run a scenario by its name, or one of the test's own."""
    with running(scenario=scenario, keys=KEYS, projects=0, logstores=0) as emulator:
        emulator.stand_still()
        if build is not None:
            build(Stage(emulator.server))
        yield Life(emulator, **more)
