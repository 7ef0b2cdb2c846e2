"""Two collecting processes share the work by leases: every Logstore is read once, by one of them."""

from __future__ import annotations

import subprocess
import textwrap
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from emulator.testing import running
from tests.conftest import KEYS
from tests.storage.test_scaled_out import migrated, product

LOGSTORES = 60
PREPARE = """
    from django.utils import timezone
    from checkpoints.models import Endpoint
    from checkpoints.services import discovery, endpoints
    from checkpoints.services.audit import SYSTEM
    endpoint = endpoints.add(
        actor=SYSTEM, name="e", scheme="http", host="HOST", region="cn-hangzhou", signature="v4",
        access_key_id="KEY", secret="SECRET", typed_projects=[], protection="none", now=timezone.now())
    discovery.discover(endpoint, now=timezone.now())
    Endpoint.objects.update(next_discovery_at=timezone.now() + discovery.EVERY)
"""
COLLECT = """
    import os, pathlib, time
    from checkpoints.models import Reading
    from checkpoints.services import collector, parallel, visits
    parallel.READERS = 4  # so that neither has taken everything before the other looks
    mine, store = [], visits.store
    def counted(done, *, now):
        mine.extend(done)
        store(done, now=now)
    visits.store = counted
    Reading.objects.count()  # connected
    meeting = pathlib.Path("MEETING")
    (meeting / f"ready-{os.getpid()}").touch()
    while len(list(meeting.glob("ready-*"))) < 2:
        time.sleep(0.01)
    collector.run()
    print(len(mine))
"""


def together(folder: Path, host: str, **settings: str) -> list[subprocess.CompletedProcess[str]]:
    prepare = textwrap.dedent(PREPARE).replace("HOST", host).replace("KEY", KEYS[0], 1)
    done = product(folder, migrated(prepare.replace("SECRET", KEYS[1])), **settings)
    assert done.returncode == 0, done.stderr
    program = textwrap.dedent(COLLECT).replace("MEETING", str(folder))
    with ThreadPoolExecutor(2) as pool:
        return list(pool.map(lambda _: product(folder, program, **settings), range(2)))


def collect_twice(folder: Path, **settings: str) -> None:
    with running(projects=2, logstores=LOGSTORES // 2, shards=1, groups=1, keys=KEYS) as emulator:
        emulator.latency(20)
        settings |= {"COLLECT_INTERVAL": "3600"}
        both = together(folder, emulator.host, **settings)
        stats: dict[str, Any] = emulator.stats()["requests"]
    assert [done.returncode for done in both] == [0, 0], both[0].stderr + both[1].stderr
    shares = [int(done.stdout) for done in both]
    assert sum(shares) == LOGSTORES
    assert min(shares) > 0
    assert sum(stats["ListShards"].values()) == LOGSTORES


def test_nothing_is_read_twice_with_the_embedded_database(tmp_path: Path) -> None:
    collect_twice(tmp_path)


@pytest.mark.postgres
def test_nothing_is_read_twice_with_postgresql(own_postgres: str, tmp_path: Path) -> None:
    collect_twice(tmp_path, DATABASE_URL=own_postgres)
