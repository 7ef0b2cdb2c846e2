"""The emulator inside a test: a server in a thread, and its control plane as methods."""

import asyncio
import http.client
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import urlencode

from emulator.build import Options
from emulator.build import server as build_server
from emulator.server import Server
from emulator.world import World

Answer = Any
START_SECONDS = 30


class Emulator:
    """A running emulator. Methods speak HTTP to the control plane; `world` is the model itself."""

    def __init__(self, server: Server, loop: asyncio.AbstractEventLoop) -> None:
        self.server = server
        self._loop = loop

    @property
    def world(self) -> World:
        return self.server.world

    @property
    def port(self) -> int:
        return self.server.port

    @property
    def host(self) -> str:
        return f"127.0.0.1:{self.port}"

    @property
    def url(self) -> str:
        return f"http://{self.host}"

    @property
    def sdk_endpoint(self) -> str:
        return f"http://x@{self.host}"

    def stats(self) -> Answer:
        return self.control("GET", "stats")

    def count(self, operation: str) -> int:
        """Return how often an operation was answered since the last reset, whatever the status."""
        return sum(self.stats()["requests"].get(operation, {}).values())

    def reset_stats(self) -> None:
        self.control("POST", "stats/reset")

    def latency(self, ms: float, operation: str | None = None, project: str | None = None) -> None:
        self.control("POST", "latency", operation=operation, project=project, ms=ms)

    def fault(self, operation: str | None = None, **how: Any) -> None:
        """Inject a failure: status, code, message, times, every, after_effect, body, headers, project."""
        self.control("POST", "faults", operation=operation, **how)

    def clear_faults(self) -> None:
        """Take all failures and delays away."""
        self.control("POST", "faults", clear=True)
        self.latency(0)

    def put(self, project: str, logstore: str, shard: int | None, count: int = 1) -> None:
        self.control("POST", "put", project=project, logstore=logstore, shard=shard, count=count)

    def shard(self, project: str, logstore: str, shard: int, **change: Any) -> Answer:
        """Change status, ttl_seconds or rate; return the shard with begin and end positions."""
        return self.control("POST", "shard", project=project, logstore=logstore, shard=shard, **change)

    def group(self, project: str, logstore: str, group: str) -> Answer:
        return self.control(
            "GET", "group?" + urlencode({"project": project, "logstore": logstore, "group": group})
        )

    def add_group(self, project: str, logstore: str, group: str, **how: Any) -> None:
        """Make or change a group: timeout, order, checkpoints {shard: position, begin, end or cursor}."""
        self.control("POST", "group", project=project, logstore=logstore, group=group, **how)

    def set_checkpoint(
        self, project: str, logstore: str, group: str, shard: int, to: int | str, **how: Any
    ) -> None:
        """Write a checkpoint; `consumer` names its holder, `updated` (Unix seconds) dates it."""
        self.add_group(project, logstore, group, checkpoints={str(shard): to}, **how)

    def writes(self) -> Answer:
        return self.control("GET", "writes")

    def clock(self, offset_seconds: float | None = None, skew_seconds: float | None = None) -> None:
        moved = {"offset_seconds": offset_seconds, "skew_seconds": skew_seconds}
        self.control("POST", "clock", **{name: value for name, value in moved.items() if value is not None})

    def stand_still(self) -> None:
        """Stop the world's clock: it goes on only in live()."""
        now = self.world.now()
        self.world.clock = lambda: now
        self.world.offset_seconds = 0.0

    def live(self, seconds: float, step: float = 5) -> float:
        """Let so much time pass in the world at once, its actors acting at every step; return its time."""
        until = self.world.offset_seconds + seconds
        while (offset := self.world.offset_seconds) < until:
            self.clock(offset_seconds=min(until, offset + step))
        return self.world.now()

    def options(self, **chosen: Any) -> None:
        self.control("POST", "options", **chosen)

    def control(self, method: str, path: str, **body: Any) -> Answer:
        """Make one control call; raise AssertionError when it is refused."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, "/_emulator/" + path, json.dumps(body) if method == "POST" else None)
            response = connection.getresponse()
            value = json.loads(response.read())
        finally:
            connection.close()
        if response.status != 200:
            raise AssertionError(f"{method} {path}: {response.status} {value}")
        return value


@contextmanager
def running(*, keys: tuple[str, str] | None = ("id", "secret"), **options: Any) -> Iterator[Emulator]:
    """Run an emulator in a thread of this process on a free port; options are those of build.Options."""
    loop = asyncio.new_event_loop()
    server = build_server(Options(keys=keys, **options))
    thread = threading.Thread(target=loop.run_forever, name="emulator", daemon=True)
    thread.start()
    try:
        asyncio.run_coroutine_threadsafe(server.start("127.0.0.1", 0), loop).result(START_SECONDS)
        yield Emulator(server, loop)
    finally:
        asyncio.run_coroutine_threadsafe(_close(server, loop), loop).result(START_SECONDS)
        loop.call_soon_threadsafe(loop.stop)
        thread.join(START_SECONDS)
        loop.close()


async def _close(server: Server, loop: asyncio.AbstractEventLoop) -> None:
    await server.close()
    await loop.shutdown_default_executor()
