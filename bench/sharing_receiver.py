"""Channels for alerts on loopback that count what they are sent: good, failing now and then, slow, silent."""

from __future__ import annotations

import json
import random
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

OK = 200


@dataclass(frozen=True)
class Channel:
    """How one channel answers: which share of calls it refuses, and after how long, drawn by lot."""

    name: str
    kind: str = "webhook"
    refuses: float = 0.0
    longest: float = 0.0
    answers: bool = True


CHANNELS = (
    Channel("good"),
    Channel("flaky", refuses=0.25),
    Channel("slow", longest=4.0),
    Channel("robot", kind="dingtalk", refuses=0.1),  # it refuses with status 200
    Channel("silent", answers=False),
)


@dataclass(frozen=True)
class Delivery:
    """One call of a channel; `key` is the id of the notice, or the text of a robot."""

    channel: str
    key: str
    body: dict[str, Any]
    arrived: float
    answered: float
    taken: bool


@dataclass
class Heard:
    """What all channels were sent, in the order of the answers."""

    deliveries: list[Delivery] = field(default_factory=list)
    waiting: list[str] = field(default_factory=list)  # the channels that are being called just now
    ended: threading.Event = field(default_factory=threading.Event)
    url: str = ""

    def taken(self) -> list[Delivery]:
        """Return what was taken."""
        return [one for one in self.deliveries if one.taken]


@contextmanager
def listening(seed: int = 1) -> Iterator[Heard]:
    """Run all channels; each has its name as its path."""
    heard, dice, lock = Heard(), random.Random(seed), threading.Lock()
    by_name = {channel.name: channel for channel in CHANNELS}

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            channel, arrived = by_name[self.path.strip("/").partition("?")[0]], time.time()
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            with lock:
                takes, seconds = dice.random() >= channel.refuses, dice.random() ** 3 * channel.longest
                heard.waiting.append(channel.name)
            heard.ended.wait(seconds if channel.answers else 60)
            delivery = Delivery(
                channel.name, key_of(body), body, arrived, time.time(), takes and channel.answers
            )
            with lock:
                heard.waiting.remove(channel.name)
                heard.deliveries.append(delivery)
            if channel.answers:
                self._answer(channel, takes)

        def _answer(self, channel: Channel, takes: bool) -> None:
            text = json.dumps({"errcode": 0 if takes else 310000}).encode()
            self.send_response(OK if takes or channel.kind == "dingtalk" else 500)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *args: Any) -> None:
            pass

    class Quiet(ThreadingHTTPServer):
        daemon_threads = True
        request_queue_size = 128

        def handle_error(self, request: Any, client_address: Any) -> None:
            pass  # a worker that was killed waits for no answer

    server = Quiet(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    heard.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield heard
    finally:
        heard.ended.set()
        server.shutdown()
        server.server_close()
        thread.join(10)


def key_of(body: dict[str, Any]) -> str:
    """Return what tells one notice from all others."""
    return str(body["id"]) if "id" in body else str(body["text"]["content"])
