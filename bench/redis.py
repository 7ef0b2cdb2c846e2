"""A Redis server of our own, on loopback, thrown away afterwards: for benchmarks and tests."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager

from bench.postgres import free_port


class Missing(Exception):  # noqa: N818 - the state of this machine
    """There is no Redis that could be started here; the text says why."""


@contextmanager
def running() -> Iterator[str]:
    """Run a server until the block ends; yields its address without a database. Raises Missing."""
    program = shutil.which("redis-server")
    if program is None:
        raise Missing("Redis is not installed (apt-get install redis-server)")
    port = free_port()
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    try:
        for _ in range(100):
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)) == 0:
                    break
            time.sleep(0.05)
        yield f"redis://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
