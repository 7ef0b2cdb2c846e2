"""The processes of the scaled-out size, two workers and two of the web server, killed and started again."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
import urllib.request
from collections import Counter
from pathlib import Path

from bench.emulation import ROOT
from bench.postgres import free_port

WORKER = [sys.executable, "manage.py", "run_huey", "-w", "4", "-q"]
WEB = [sys.executable, "-m", "gunicorn", "-c", "dashboard/gunicorn.py"]


class Processes:
    """All processes, as started; they end with the block."""

    def __init__(self) -> None:
        self.workers: list[subprocess.Popen[bytes]] = []
        self.web: subprocess.Popen[bytes] | None = None
        self.kills: list[float] = []
        self.port = free_port()
        self.log = Path(os.environ["DATA_DIR"]) / "access.log"

    @property
    def base(self) -> str:
        """The address of the web server."""
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> Processes:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Start everything, and wait until pages are served."""
        self.workers = [subprocess.Popen(WORKER, cwd=ROOT) for _ in range(2)]
        environment = {
            **os.environ,
            "BIND": f"127.0.0.1:{self.port}",
            "WEB_WORKERS": "2",
            "BACKGROUND": "0",
            "GUNICORN_CMD_ARGS": f"--access-logfile {self.log} --access-logformat '%(p)s %(s)s %(U)s'",
        }
        self.web = subprocess.Popen(WEB, cwd=ROOT, env=environment)
        for _ in range(600):
            with contextlib.suppress(OSError):
                urllib.request.urlopen(f"{self.base}/healthz", timeout=2).close()  # noqa: S310 - our own
                return
            time.sleep(0.1)

    def kill_and_start(self, turn: int) -> None:
        """Kill a worker and a web process with nothing said before, and have each started again.

        The web server starts its own processes again by itself.
        """
        worker, web = self.workers[turn % 2], self.web_processes()[turn % 2]
        self.kills.append(time.time())
        worker.kill()
        os.kill(web, signal.SIGKILL)
        worker.wait()
        self.workers[turn % 2] = subprocess.Popen(WORKER, cwd=ROOT)

    def web_processes(self) -> list[int]:
        """Return the ids of the processes that answer pages."""
        assert self.web is not None
        children = Path(f"/proc/{self.web.pid}/task/{self.web.pid}/children").read_text()
        return sorted(int(pid) for pid in children.split())

    def answered(self) -> dict[str, int]:
        """Return how many requests each web process answered, by its id."""
        return dict(Counter(line.split()[0].strip("<>") for line in self.log.read_text().splitlines()))

    def stop(self) -> None:
        """End everything, letting each finish what it does."""
        for worker in self.workers:
            worker.terminate()
        if self.web is not None:
            self.web.terminate()
        for process in [*self.workers, *([self.web] if self.web else [])]:
            with contextlib.suppress(subprocess.TimeoutExpired):
                process.wait(60)
            process.kill()
        self.workers, self.web = [], None
