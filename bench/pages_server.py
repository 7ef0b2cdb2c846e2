"""The web server as the product starts it, and people who use it, each in processes of their own."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import emulation

READ_EVERY = 5.0
"""Seconds between two readings of a group while no collector runs: so young that pages ask for no other."""
GUNICORN = ["-m", "gunicorn", "-c", "dashboard/gunicorn.py"]
WORKERS = ["manage.py", "run_huey", "-w", "4", "-q"]


@dataclass(frozen=True)
class Server:
    """A running web server."""

    port: int
    process: subprocess.Popen[bytes]

    def processor_seconds(self) -> float:
        """Return the processor time that its worker has used."""
        ticks = 0
        for stat in Path("/proc").glob("[0-9]*/stat"):
            with contextlib.suppress(OSError):
                fields = stat.read_text().rpartition(")")[2].split()
                if int(fields[1]) == self.process.pid:
                    ticks += int(fields[11]) + int(fields[12])
        return ticks / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(folder: Path, *, collector: str = "") -> Iterator[Server]:
    """Run the server until the block ends; the collector "inside" of it, "beside" it, or not at all."""
    port = emulation.free_port()
    inside = "1" if collector == "inside" else "0"
    changes = {"DATA_DIR": str(folder), "BIND": f"127.0.0.1:{port}", "BACKGROUND": inside}
    commands = [GUNICORN, *([WORKERS] if collector == "beside" else [])]
    running = [
        subprocess.Popen(
            [sys.executable, *command], cwd=emulation.ROOT, env=os.environ | changes, start_new_session=True
        )
        for command in commands
    ]
    try:
        _wait_for(f"http://127.0.0.1:{port}/healthz")
        yield Server(port, running[0])
    finally:
        for process in running:
            process.terminate()
        for process in running:
            process.wait(90)


def _wait_for(address: str) -> None:
    for _ in range(300):
        with contextlib.suppress(OSError):
            urllib.request.urlopen(address).close()  # noqa: S310 - our own address
            return
        time.sleep(0.1)
    raise RuntimeError(f"{address} does not answer")


@contextmanager
def copied(folder: Path) -> Iterator[Path]:
    """Copy the data for as long as the block runs, because a collector changes it."""
    from django.db import connection

    connection.close()
    copy = folder / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(folder, copy, ignore=shutil.ignore_patterns("copy", "queue*"))
    copy.chmod(0o700)
    try:
        yield copy
    finally:
        shutil.rmtree(copy)


@contextmanager
def kept_young() -> Iterator[None]:
    """Store the last readings anew every few seconds, as a collector in another process would."""
    from django.db.models import Max
    from django.utils import timezone

    from checkpoints.models import ConsumerGroup, Reading

    newest = list(Reading.objects.values("group").annotate(pk=Max("id")).values_list("pk", flat=True))
    ended = threading.Event()

    def read() -> None:
        now = timezone.now()
        Reading.objects.filter(pk__in=newest).update(taken_at=now)
        ConsumerGroup.objects.update(read_at=now)

    def go_on() -> None:
        while not ended.wait(READ_EVERY):
            read()

    read()
    reader = threading.Thread(target=go_on)
    reader.start()
    try:
        yield
    finally:
        ended.set()
        reader.join()


def used_by_people(server: Server, order: dict[str, Any], folder: Path) -> dict[str, Any]:
    """Let people use the pages as ordered; returns by load what each answer took, and the processor time."""
    path = folder / "order.json"
    path.write_text(json.dumps({**order, "port": server.port}))
    command = [sys.executable, "-m", "bench.pages_load", str(path)]
    process = subprocess.Popen(
        command, cwd=emulation.ROOT, stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    assert process.stdout is not None
    begun, machine = 0.0, ""
    found: dict[str, Any] = {}
    for line in process.stdout:
        said = json.loads(line)
        if "begins" in said:
            begun, machine = server.processor_seconds(), _machine_load()
        elif "ends" in said:
            used = server.processor_seconds() - begun
            found[said["ends"]] = {"processor": used, "machine": f"{machine} to {_machine_load()}"}
        else:
            for name, figures in said["found"].items():
                found[name] |= figures
    assert process.wait() == 0, "not everybody got an answer"
    return found


def _machine_load() -> str:
    return Path("/proc/loadavg").read_text().split()[0]
