"""A PostgreSQL server of our own, on loopback, thrown away afterwards: for benchmarks and tests."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Missing(Exception):  # noqa: N818 - the state of this machine
    """There is no PostgreSQL that could be started here; the text says why."""


@contextmanager
def running() -> Iterator[str]:
    """Run a server until the block ends; yields the DATABASE_URL of an empty database. Raises Missing."""
    programs, who = _programs(), _unprivileged()
    folder = Path(tempfile.mkdtemp(prefix="pg-", dir="/tmp"))  # the path of a socket must be short
    folder.chmod(0o777)
    port, data = free_port(), folder / "data"

    def run(program: str, *words: str) -> None:
        command = [str(programs / program), *words]
        subprocess.run(command, check=True, capture_output=True, cwd=folder, user=who, group=who)

    run("initdb", "-D", str(data), "-U", "app", "--auth=trust", "-E", "UTF8", "--no-sync")
    options = f"-p {port} -k {folder} -c listen_addresses=127.0.0.1 -c fsync=off"
    run("pg_ctl", "-D", str(data), "-o", options, "-l", str(folder / "log"), "-w", "start")
    try:
        run("createdb", "-h", "127.0.0.1", "-p", str(port), "-U", "app", "checkpoints")
        yield f"postgres://app@127.0.0.1:{port}/checkpoints"
    finally:
        run("pg_ctl", "-D", str(data), "-m", "immediate", "stop")
        shutil.rmtree(folder, ignore_errors=True)


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _programs() -> Path:
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    if not found:
        raise Missing("PostgreSQL is not installed (apt-get install postgresql)")
    return found[-1]


def _unprivileged() -> str | None:
    """Return whom to run as: PostgreSQL refuses root, so root takes the user that Debian's package made."""
    if os.geteuid() != 0:
        return None
    try:
        pwd.getpwnam("postgres")
    except KeyError:
        raise Missing("root cannot run PostgreSQL and there is no user postgres") from None
    return "postgres"
