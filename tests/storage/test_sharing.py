"""`bench collect --shared` in small: two workers and two web processes, of which one each is killed."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent


@pytest.mark.postgres
@pytest.mark.redis
def test_two_workers_and_two_web_processes_read_nothing_twice_and_tell_nothing_twice(
    own_postgres: str, redis_url: str
) -> None:
    queue = redis_url.rpartition("/")[0]
    stores = {"DATABASE_URL": own_postgres, "QUEUE_URL": f"{queue}/2", "CACHE_URL": f"{queue}/3"}
    done = subprocess.run(
        [sys.executable, "-m", "bench.sharing"],
        cwd=ROOT,
        env={**os.environ, **stores},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.stdout, done.stderr
    found = json.loads(done.stdout)
    assert found["broken"] == {}, done.stderr
    assert done.returncode == 0
    figures, (often, usual) = found["figures"], found["rows"]
    assert often["readings"] >= 8
    assert usual["readings"] >= 2
    assert len(figures["answered by each web process"]) >= 2
    assert figures["events"] > 0
    assert figures["deliveries taken"] > 0
    # Whether somebody had the time to acknowledge depends on the machine: see services/test_alerts.py.
    assert figures["killed"] == 1
