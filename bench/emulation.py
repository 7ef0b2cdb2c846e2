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


@contextmanager
def running(*options: str) -> Iterator[Emulator]:
    """Run `python -m emulator` with these options on a free port until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    keys = ["--access-key-id", KEYS[0], "--access-key-secret", KEYS[1]]
    command = [sys.executable, "-m", "emulator", "--port", str(port), *keys, *options]
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
