"""Two processes look at the rules and send at the same time: every notice is made once and sent once."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from tests.services import alerting as the
from tests.storage.test_scaled_out import KEY, ROOT, migrated, product

GROUPS = 150
PREPARE = """
    from django.utils import timezone
    from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Project
    from checkpoints.services import alert_rules, channels
    from checkpoints.services.audit import SYSTEM
    now = timezone.now()
    endpoint = Endpoint.objects.create(name="e", host="e.example:1", interval_seconds=3600)
    project = Project.objects.create(endpoint=endpoint, name="p")
    store = Logstore.objects.create(project=project, name="l")
    ConsumerGroup.objects.bulk_create(
        ConsumerGroup(logstore=store, name=f"g-{n}", read_at=now, lag_seconds=3600.0, backlog=9)
        for n in range(GROUPS))
    fields = channels.Fields(name="ops", kind="webhook", url="HOOK")
    channel = channels.add(fields, actor=SYSTEM, now=now)
    rule = alert_rules.Fields("slow", "*", "lag", "10m", samples=1, channels=[channel])
    alert_rules.add(rule, actor=SYSTEM, now=now)
"""
WORK = """
    import os, pathlib, time
    from django.utils import timezone
    from checkpoints.models import Notice
    from checkpoints.services import alerts, notices
    Notice.objects.count()  # connected
    meeting = pathlib.Path("MEETING")
    (meeting / f"ready-{os.getpid()}").touch()
    while len(list(meeting.glob("ready-*"))) < 2:
        time.sleep(0.01)
    sent = 0
    until = time.monotonic() + 60
    while time.monotonic() < until:
        alerts.evaluate(timezone.now())
        sent += notices.deliver(timezone.now())
        if Notice.objects.exists() and not Notice.objects.filter(state="waiting").exists():
            break
    print(sent)
"""


def send_twice(folder: Path, **settings: str) -> None:
    settings |= {"ALERT_ALLOWED_HOSTS": "127.0.0.1", "SLS_ALLOW_HTTP": "1"}
    with the.listening() as heard:
        prepare = textwrap.dedent(PREPARE).replace("GROUPS", str(GROUPS)).replace("HOOK", heard.url)
        done = product(folder, migrated(prepare), **settings)
        assert done.returncode == 0, done.stderr
        program = textwrap.dedent(WORK).replace("MEETING", str(folder))

        def work(_: int) -> subprocess.CompletedProcess[str]:
            return product(folder, program, **settings)

        with ThreadPoolExecutor(2) as pool:
            both = list(pool.map(work, range(2)))
    assert [done.returncode for done in both] == [0, 0], both[0].stderr + both[1].stderr
    shares = [int(done.stdout) for done in both]
    assert sum(shares) == len(heard) == GROUPS
    assert min(shares) > 0
    assert len({one["body"]["consumer_group"] for one in heard}) == GROUPS


def test_a_worker_that_is_asked_to_end_notes_what_it_is_sending(tmp_path: Path) -> None:
    settings = {"ALERT_ALLOWED_HOSTS": "127.0.0.1", "SLS_ALLOW_HTTP": "1"}
    with the.listening() as heard:
        heard.hold.clear()
        prepare = textwrap.dedent(PREPARE).replace("GROUPS", "1").replace("HOOK", heard.url)
        look = "\nfrom checkpoints.services import alerts\nalerts.evaluate(now)\n"
        done = product(tmp_path, migrated(prepare + look), **settings)
        assert done.returncode == 0, done.stderr
        environment = {**os.environ, "DATA_DIR": str(tmp_path), "SEALING_KEY": KEY, **settings}
        command = [sys.executable, "manage.py", "run_huey", "-w", "2", "-q"]
        with subprocess.Popen(command, cwd=ROOT, env=environment) as worker:
            wait_for(lambda: len(heard) == 1)
            worker.terminate()
            time.sleep(0.5)
            assert worker.poll() is None
            heard.hold.set()
            assert worker.wait(30) == 0
    state = "from checkpoints.models import Notice\nprint(*Notice.objects.values_list('state', 'attempts'))"
    assert product(tmp_path, state).stdout == "('sent', 1)\n"


def wait_for(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + 30
    while not condition() and time.monotonic() < until:
        time.sleep(0.05)
    assert condition()


def test_no_notice_twice_with_the_embedded_database(tmp_path: Path) -> None:
    send_twice(tmp_path)


@pytest.mark.postgres
def test_no_notice_twice_with_postgresql(own_postgres: str, tmp_path: Path) -> None:
    send_twice(tmp_path, DATABASE_URL=own_postgres)
