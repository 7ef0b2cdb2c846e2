"""Arrangements for tests of alerts: groups with figures, rules, and a channel that keeps what it is sent."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from checkpoints.models import Alert, Channel, ConsumerGroup, Endpoint, Logstore, Project
from checkpoints.services import alert_rules, alerts, channels
from checkpoints.services.audit import SYSTEM

START = datetime(2026, 11, 20, 3, 0, tzinfo=UTC)


def at(minute: float) -> datetime:
    return START + timedelta(minutes=minute)


def group(name: str = "orders", **known: Any) -> ConsumerGroup:
    """Store a group of the endpoint "prod" that is read once."""
    endpoint, _ = Endpoint.objects.get_or_create(name="prod", defaults={"host": "prod.example:1"})
    project, _ = Project.objects.get_or_create(endpoint=endpoint, name="pay")
    logstore, _ = Logstore.objects.get_or_create(project=project, name="store")
    figures = {
        "read_at": START,
        "verdict": "ok",
        "words": ["ok"],
        "verdict_complete": True,
        "lag_seconds": 0.0,
    }
    figures |= {"backlog": 0}
    return ConsumerGroup.objects.create(logstore=logstore, name=name, **(figures | known))


def read(found: ConsumerGroup, minute: float, **known: Any) -> None:
    """Have a reading of a group at a minute."""
    ConsumerGroup.objects.filter(pk=found.pk).update(read_at=at(minute), **known)


def rule(*chosen: Channel, **changes: Any) -> Any:
    fields: dict[str, Any] = {
        "name": "slow",
        "pattern": "*",
        "condition": "lag",
        "limit": "10m",
        "samples": 1,
    }
    wanted = alert_rules.Fields(**(fields | changes), channels=chosen)
    return alert_rules.add(wanted, actor=SYSTEM, now=START)


def channel(url: str, name: str = "ops", kind: str = "webhook", **changes: Any) -> Channel:
    return channels.add(channels.Fields(name=name, kind=kind, url=url, **changes), actor=SYSTEM, now=START)


def lagging(found: ConsumerGroup, minutes: list[float], seconds: float = 3600) -> None:
    """Read a lag at each minute and look at the rules."""
    for minute in minutes:
        read(found, minute, lag_seconds=seconds, backlog=9)
        assert alerts.evaluate(at(minute))


def states() -> dict[str, str]:
    return dict(Alert.objects.values_list("group__name", "state"))


class Heard(list[dict[str, Any]]):
    """What a channel was sent: path, headers and body each; `answers` are taken in order, then `usual`.

    What is about the group `refused` is never taken.
    """

    url = refused = ""

    def __init__(self) -> None:
        super().__init__()
        self.answers: list[tuple[int, str]] = []
        self.usual = (200, "{}")
        self.hold = threading.Event()
        self.hold.set()


@contextmanager
def listening() -> Iterator[Heard]:
    """Run a channel on loopback; the settings must allow it."""
    heard = Heard()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            heard.append(
                {"path": self.path, "headers": dict(self.headers), "raw": body, "body": json.loads(body)}
            )
            heard.hold.wait(10)
            status, text = heard.answers.pop(0) if heard.answers else heard.usual
            if heard.refused and heard[-1]["body"].get("consumer_group") == heard.refused:
                status = 400
            self.send_response(status)
            if 300 <= status < 400:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text.encode())

        def log_message(self, *args: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    heard.url = f"http://127.0.0.1:{server.server_address[1]}/hook"
    try:
        yield heard
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
