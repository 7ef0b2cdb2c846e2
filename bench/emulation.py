"""The emulator as a process of its own, so that it does not share the interpreter with what is measured."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
KEYS = ("benchKeyId", "benchKeySecret")


class Emulator:
    """A running emulator and its control plane."""

    def __init__(self, port: int) -> None:
        self.port = port
        self.host = f"127.0.0.1:{port}"
        self.sdk_endpoint = f"http://x@{self.host}"

    def control(self, method: str, path: str, **body: Any) -> Any:
        """Make one control call and return its JSON."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=30)
        try:
            connection.request(method, f"/_emulator/{path}", json.dumps(body) if method == "POST" else None)
            return json.loads(connection.getresponse().read())
        finally:
            connection.close()

    def calls(self) -> dict[str, int]:
        """Return how many calls each operation got since the last reset, whatever the status."""
        return {name: sum(by.values()) for name, by in self.control("GET", "stats")["requests"].items()}


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextmanager
def running(*options: str, module: str = "emulator", port: int = 0) -> Iterator[Emulator]:
    """Run `python -m emulator`, or another module like it, with these options until the block ends."""
    port = port or free_port()
    keys = ["--access-key-id", KEYS[0], "--access-key-secret", KEYS[1]]
    command = [sys.executable, "-m", module, "--port", str(port), *keys, *options]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.DEVNULL)
    try:
        emulator = Emulator(port)
        for _ in range(300):
            try:
                emulator.control("GET", "stats")
                break
            except OSError:
                time.sleep(0.1)
        yield emulator
    finally:
        process.terminate()
        process.wait(10)


def set_up(wanted: list[tuple[str, Emulator]]) -> None:
    """Make a database with these endpoints."""
    import django

    django.setup()
    from django.core.management import call_command
    from django.utils import timezone

    from checkpoints.services import endpoints
    from checkpoints.services.audit import SYSTEM

    call_command("migrate", verbosity=0)
    for name, emulator in wanted:
        endpoints.add(
            actor=SYSTEM,
            name=name,
            scheme="http",
            host=emulator.host,
            region="cn-hangzhou",
            signature="v4",
            access_key_id=KEYS[0],
            secret=KEYS[1],
            typed_projects=[],
            protection="none",
            now=timezone.now(),
        )
