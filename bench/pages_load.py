"""Twenty people who use the pages of a running server, in a process of its own.

Run as `python -m bench.pages_load ORDER.json`: signs everybody in, opens every page once, then plays the
loads of the order one after the other and prints what each answer took, as JSON.
"""

from __future__ import annotations

import asyncio
import json
import random
import re
import sys
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

SPANS = ("1h", "6h", "24h", "7d", "30d", "90d")
SEARCHES = ("?page=2", "?verdict=behind", "?q=proj-1", "?order=lag", "?endpoint=hangzhou", "?label=payments")
SEEN = 0.8
"""How often a group is opened from the overview; else it is any, as from a link somebody sent."""
TABLE_EVERY, CHART_EVERY = 15.0, 60.0
"""How often the table of a page and the chart below it ask for themselves: the default of the product."""
Times = dict[str, list[float]]


@dataclass
class Connection:
    """One connection that is kept open; the server may have closed it meanwhile, then there is another."""

    port: int
    reader: asyncio.StreamReader | None = None
    writer: asyncio.StreamWriter | None = None

    async def ask(self, head: str, body: str) -> tuple[int, list[str], bytes]:
        """Send one request and return status, header lines and body."""
        for _ in range(2):
            if self.writer is None:
                self.reader, self.writer = await asyncio.open_connection("127.0.0.1", self.port)
            try:
                return await self._ask(head + "\r\n" + body)
            except (ConnectionError, asyncio.IncompleteReadError):
                self.writer.close()
                self.writer = None
        raise ConnectionError("the server closes its connections")

    async def _ask(self, request: str) -> tuple[int, list[str], bytes]:
        assert self.reader
        assert self.writer
        self.writer.write(request.encode())
        lines = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").split("\r\n")
        length = next(int(line.split(":")[1]) for line in lines if line.lower().startswith("content-length:"))
        body = await self.reader.readexactly(length)
        if any(line.lower() == "connection: close" for line in lines):
            self.writer.close()
            self.writer = None
        return int(lines[0].split()[1]), lines, body


@dataclass
class Person:
    """Somebody with a browser: cookies, two connections, and a clock for each answer."""

    name: str
    port: int
    times: Times
    dice: random.Random
    cookies: dict[str, str] = field(default_factory=dict)
    idle: list[Connection] = field(default_factory=list)
    seen: list[int] = field(default_factory=list)
    """The groups on the last overview: most often one of them is opened."""

    async def get(self, kind: str, path: str, *, fragment: bool = False) -> bytes:
        """Ask for a page or a fragment and note how long it took until all of it was there."""
        extra = ["HX-Request: true"] if fragment else []
        begun = time.perf_counter()
        status, body = await self._send("GET", path, extra)
        self.times[kind].append(time.perf_counter() - begun)
        assert status == 200, f"{path} answered {status}"
        return body

    async def sign_in(self, password: str) -> None:
        """Sign in as a browser does."""
        await self._send("GET", "/login/", [])
        form = {"username": self.name, "password": password, "csrfmiddlewaretoken": self.cookies["csrftoken"]}
        status, _ = await self._send(
            "POST", "/login/", ["Content-Type: application/x-www-form-urlencoded"], urlencode(form)
        )
        assert status == 302, f"{self.name} cannot sign in: {status}"

    async def _send(self, method: str, path: str, extra: list[str], form: str = "") -> tuple[int, bytes]:
        cookies = "; ".join(f"{name}={value}" for name, value in self.cookies.items())
        lines = [
            f"{method} {path} HTTP/1.1",
            "Host: 127.0.0.1",
            "Accept: text/html",
            f"Cookie: {cookies}",
            *extra,
        ]
        head = "".join(f"{line}\r\n" for line in [*lines, f"Content-Length: {len(form)}"])
        connection = self.idle.pop() if self.idle else Connection(self.port)
        status, answer, body = await connection.ask(head, form)
        self.idle.append(connection)
        for line in answer:
            if found := re.match(r"set-cookie: ([^=]+)=([^;]*)", line, re.IGNORECASE):
                self.cookies[found[1]] = found[2]
        return status, body

    # What a person opens. The page of a group asks at once for its chart, and for its table if that is old.

    async def overview(self) -> None:
        """Open the overview, half of the times with something chosen."""
        await self.get(
            "overview", "/" + self.dice.choice(["", *SEARCHES] if self.dice.random() < 0.5 else [""])
        )

    async def group(self, pk: int) -> None:
        """Open a group."""
        page = await self.get("group", f"/groups/{pk}/")
        asks_at_once = b"data-refresh-at-once" in page
        await asyncio.gather(self.chart(pk), *([self.table(pk)] if asks_at_once else []))

    async def history(self, pk: int) -> None:
        """Open the history of a group over any span, now and then of one shard."""
        span, alone = self.dice.choice(SPANS), self.dice.random() < 0.1
        kind = "history, one shard" if alone else f"history {span}"
        await self.get(kind, f"/groups/{pk}/history/?span={span}" + ("&shard=1" if alone else ""))

    async def table(self, pk: int) -> None:
        """Let the table of a group ask for itself."""
        await self.get("group, refresh", f"/groups/{pk}/?fresh=1", fragment=True)

    async def chart(self, pk: int) -> None:
        """Let the chart on the page of a group ask for itself."""
        await self.get("group, chart", f"/groups/{pk}/history/?span=6h&panel=1", fragment=True)

    async def open_any(self, groups: list[int]) -> None:
        """Open a page: the overview and groups more often than histories."""
        pk = self.dice.choice(groups)
        await self.dice.choices(
            [self.overview, lambda: self.group(pk), lambda: self.history(pk)], [45, 35, 20]
        )[0]()

    async def look(self, groups: list[int], until: float) -> None:
        """Open a page, look at it for one to two seconds, and so on."""
        await _rest(self.dice.uniform(0, 2), until)
        while time.perf_counter() < until:
            await self.open_any(groups)
            await _rest(self.dice.uniform(1, 2), until)

    async def hurry(self, groups: list[int], until: float) -> None:
        """Open one page after the other without looking."""
        while time.perf_counter() < until:
            await self.open_any(groups)

    async def keep_open(self, groups: list[int], until: float) -> None:
        """Leave a page open in another tab, where it refreshes itself: half of the people a group."""
        pk = self.dice.choice(groups)
        shows_group = self.dice.random() < 0.5
        turn = 0
        await _rest(self.dice.uniform(0, TABLE_EVERY), until)
        while time.perf_counter() < until:
            if not shows_group:
                await self.get("overview, refresh", "/", fragment=True)
            else:
                await self.table(pk)
                if turn * TABLE_EVERY % CHART_EVERY == 0:
                    await self.chart(pk)
            turn += 1
            await _rest(TABLE_EVERY, until)


async def _rest(seconds: float, until: float) -> None:
    await asyncio.sleep(max(0.0, min(seconds, until - time.perf_counter())))


def people(order: dict[str, Any], times: Times) -> Iterator[Person]:
    """Yield everybody, each with a chance of their own."""
    for place, name in enumerate(order["people"]):
        yield Person(name, order["port"], times, random.Random(place))


async def play(order: dict[str, Any]) -> dict[str, Any]:
    """Sign in, warm up, and play each load; returns the seconds of each answer by load and kind."""
    times: Times = defaultdict(list)
    everybody = list(people(order, times))
    for person in everybody:
        await person.sign_in(order["password"])
    for span in SPANS:
        await everybody[0].get("", f"/groups/{order['groups'][0]}/history/?span={span}")
    found = {}
    for load in order["loads"]:
        times.clear()
        begun = time.perf_counter()
        await _together(everybody, order["groups"], load, begun + load["warm"])
        times.clear()
        begun = time.perf_counter()
        print(json.dumps({"begins": load["name"]}), flush=True)
        await _together(everybody, order["groups"], load, begun + load["seconds"])
        found[load["name"]] = {"seconds": time.perf_counter() - begun, "times": dict(times)}
        print(json.dumps({"ends": load["name"]}), flush=True)
    return found


async def _together(everybody: list[Person], groups: list[int], load: dict[str, Any], until: float) -> None:
    works: list[Awaitable[None]] = []
    for person in everybody:
        act: Callable[[list[int], float], Awaitable[None]] = person.look if load["looks"] else person.hurry
        works.append(act(groups, until))
        if load["looks"]:
            works.append(person.keep_open(groups, until))
    tasks = [asyncio.ensure_future(work) for work in works]
    done, late = await asyncio.wait(tasks, timeout=max(0, until - time.perf_counter()) + 30)
    for task in late:
        task.cancel()
    for task in done:
        task.result()


if __name__ == "__main__":
    print(json.dumps({"found": asyncio.run(play(json.loads(Path(sys.argv[1]).read_text())))}), flush=True)
