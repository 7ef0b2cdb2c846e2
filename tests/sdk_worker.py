"""The official SDK's ConsumerWorker, unmodified, as a child process: a real consumer for tests.

    with SDKWorker(emu.sdk_endpoint, "proj", "store", "cg-0", "worker-1") as worker:
        worker.wait_for(lambda: len(worker.consumed) == 80)

A process of its own, because the SDK changes the locale, prints, and warns.
"""

import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Self

ROOT = Path(__file__).resolve().parent.parent
START_SECONDS = 30
STOP_SECONDS = 30


class SDKWorker:
    """Start, stop or kill one worker; `consumed` holds (shard, position) of every log group, in order.

    `held` holds the shards it works on now. `start` is begin, end, or a Unix time where nothing was saved.
    """

    def __init__(
        self,
        endpoint: str,
        project: str,
        logstore: str,
        group: str,
        name: str,
        *,
        auth_version: str = "v1",
        start: str = "begin",
        keys: tuple[str, str] = ("id", "secret"),
        commit_seconds: float = 0,
        in_order: bool = False,
    ) -> None:
        self.settings = {
            "endpoint": endpoint,
            "project": project,
            "logstore": logstore,
            "group": group,
            "name": name,
            "start": start,
            "auth_version": auth_version,
            "keys": keys,
            "commit_seconds": commit_seconds,
            "in_order": in_order,
        }
        self.consumed: list[tuple[int, int]] = []
        self.held: set[int] = set()
        self._process: subprocess.Popen[str] | None = None
        self._listener: threading.Thread | None = None
        self._ready = threading.Event()
        self._news = threading.Condition()

    def start(self) -> Self:
        """Start the worker and wait until it runs; what an earlier run consumed stays listed."""
        self._ready.clear()
        command = [sys.executable, "-W", "ignore", "-m", "tests.sdk_worker", json.dumps(self.settings)]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        self._listener = threading.Thread(target=self._listen, args=(self._process,), daemon=True)
        self._listener.start()
        if not self._ready.wait(START_SECONDS):
            self.kill()
            raise AssertionError("the SDK worker did not start")
        return self

    def stop(self) -> None:
        """Shut down as a well-behaved consumer does: finish, save checkpoints, end."""
        if self._process is None or self._process.stdin is None:
            return
        self._process.stdin.close()
        try:
            self._process.wait(STOP_SECONDS)
        finally:
            self._finish()

    def kill(self) -> None:
        """End it without a farewell."""
        if self._process is not None:
            self._process.kill()
            self._finish()

    def wait_for(self, claim: Callable[[], bool], seconds: float = 30) -> None:
        """Wait until the claim holds, looking again at each piece of news; raise AssertionError if not."""
        deadline = time.monotonic() + seconds
        with self._news:
            while not claim():
                left = deadline - time.monotonic()
                if left <= 0:
                    raise AssertionError(
                        f"not in {seconds} s; consumed {len(self.consumed)}, held {self.held}"
                    )
                self._news.wait(min(left, 0.1))

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(self, *_: object) -> None:
        """Leave without a farewell, which takes the SDK some seconds; call stop() where it matters."""
        self.kill()

    def _listen(self, process: "subprocess.Popen[str]") -> None:
        assert process.stdout is not None
        for line in process.stdout:
            if not line.startswith("@"):
                continue
            with self._news:
                self._note(json.loads(line[1:]))
                self._news.notify_all()

    def _note(self, news: dict[str, Any]) -> None:
        if news["event"] == "ready":
            self._ready.set()
        elif news["event"] == "hold":
            self.held.add(news["shard"])
        elif news["event"] == "leave":
            self.held.discard(news["shard"])
        else:
            self.consumed += [(news["shard"], position) for position in range(news["from"], news["to"])]

    def _finish(self) -> None:
        assert self._process is not None
        self._process.wait()
        if self._listener is not None:
            self._listener.join()
        for stream in (self._process.stdin, self._process.stdout):
            if stream is not None:
                stream.close()
        self.held.clear()
        self._process = None


def _tell(**news: object) -> None:
    sys.stdout.write("@" + json.dumps(news) + "\n")
    sys.stdout.flush()


def _work(settings: dict[str, Any]) -> None:
    """Run in the child: consume until standard input closes."""
    import base64

    from aliyun.log.consumer import ConsumerProcessorBase, ConsumerWorker, LogHubConfig

    class Processor(ConsumerProcessorBase):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            self.checkpoint_timeout = settings["commit_seconds"]

        def initialize(self, shard: int) -> None:
            super().initialize(shard)
            _tell(event="hold", shard=shard)

        def process(self, log_groups: Any, check_point_tracker: Any) -> None:
            following = int(base64.b64decode(check_point_tracker.get_cursor()))
            count = len(log_groups.LogGroups)
            _tell(event="consumed", shard=self.shard_id, **{"from": following - count, "to": following})
            self.save_checkpoint(check_point_tracker)

        def shutdown(self, check_point_tracker: Any) -> None:
            super().shutdown(check_point_tracker)
            _tell(event="leave", shard=self.shard_id)

    worker = ConsumerWorker(
        Processor,
        LogHubConfig(
            settings["endpoint"],
            *settings["keys"],
            settings["project"],
            settings["logstore"],
            settings["group"],
            settings["name"],
            cursor_start_time=settings["start"],
            heartbeat_interval=1,
            data_fetch_interval=0.1,
            in_order=settings["in_order"],
            worker_pool_size=4,
            auth_version=settings["auth_version"],
            region="cn-hangzhou",
        ),
    )
    worker.start()
    _tell(event="ready")
    sys.stdin.read()
    worker.shutdown()
    worker.join()


if __name__ == "__main__":
    _work(json.loads(sys.argv[1]))
