"""The scaled-out size: PostgreSQL keeps the same promises, and any queue carries the same tasks."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent.parent
KEY = "q83vEjRWeJCrze8SNFZ4kKvN7xI0VniQq83vEjRWeJA="


def product(folder: Path, program: str, **settings: str) -> subprocess.CompletedProcess[str]:
    """Run a program in a Django of its own with these settings."""
    begin = "import django; django.setup()\n"
    return subprocess.run(
        [sys.executable, "-c", begin + textwrap.dedent(program)],
        cwd=ROOT,
        env={
            **os.environ,
            "DATA_DIR": str(folder),
            "DJANGO_SETTINGS_MODULE": "dashboard.settings",
            "SEALING_KEY": KEY,
            **settings,
        },
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.postgres
def test_postgresql_refuses_to_change_delete_or_truncate_audit_rows(postgres: str, tmp_path: Path) -> None:
    done = product(
        tmp_path,
        """
        from django.core.management import call_command
        from django.db import DatabaseError, connection, transaction
        from checkpoints.services import audit, triggers
        call_command("migrate", verbosity=0)
        assert triggers.missing() == [], triggers.missing()
        for n in range(3):
            with transaction.atomic():
                audit.record("endpoint.tested", actor=audit.SYSTEM, reason=f"row {n}")
        table = "checkpoints_auditrow"
        for attack in (
            f"UPDATE {table} SET reason = 'x'",
            f"DELETE FROM {table}",
            f"TRUNCATE {table}",
            f"UPDATE {table} SET seq = 9 WHERE seq = 3",
        ):
            try:
                with transaction.atomic(), connection.cursor() as cursor:
                    cursor.execute(attack)
            except DatabaseError:
                print("refused")
            else:
                print("ACCEPTED", attack)
        print("flaws", audit.verify())
        """,
        DATABASE_URL=postgres,
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:5] == ["refused"] * 4 + ["flaws []"]


@pytest.mark.postgres
def test_an_edit_past_the_triggers_is_found_on_postgresql(postgres: str, tmp_path: Path) -> None:
    done = product(
        tmp_path,
        """
        from django.core.management import call_command
        from django.db import connection, transaction
        from checkpoints.services import audit
        call_command("migrate", verbosity=0)
        with transaction.atomic():
            audit.record("endpoint.tested", actor=audit.SYSTEM, reason="true")
        with connection.cursor() as cursor:
            cursor.execute("SET session_replication_role = replica")
            cursor.execute("UPDATE checkpoints_auditrow SET reason = 'false'")
        print(len(audit.verify()))
        """,
        DATABASE_URL=postgres,
    )
    assert done.returncode == 0, done.stderr
    assert int(done.stdout) >= 1


@pytest.mark.postgres
def test_people_who_wait_for_the_service_leave_connections_for_others(
    own_postgres: str, tmp_path: Path
) -> None:
    done = product(
        tmp_path,
        """
        import threading, time
        from django.core.management import call_command
        from django.db import connection
        from django.utils import timezone
        from checkpoints.models import ConsumerGroup
        from checkpoints.services import collector, discovery
        from emulator.testing import running
        from tests.conftest import KEYS, store_endpoint
        call_command("migrate", verbosity=0)
        with running(projects=1, logstores=1, shards=1, groups=12, keys=KEYS) as emu:
            discovery.discover(store_endpoint(emu), now=timezone.now())
            groups = list(ConsumerGroup.objects.all())
            emu.latency(60_000, "GetCheckPoint")
            def look(group):
                collector.refresh(group, now=timezone.now())
            for group in groups:
                threading.Thread(target=look, args=(group,), daemon=True).start()
            until = time.monotonic() + 15
            while emu.stats()["in_flight"] < len(groups) and time.monotonic() < until:
                time.sleep(0.05)
            print(emu.stats()["in_flight"], ConsumerGroup.objects.count())
        """,
        DATABASE_URL=own_postgres,
        SLS_ALLOWED_HOSTS="127.0.0.1",
        SLS_ALLOW_HTTP="1",
    )
    assert done.stdout == "12 12\n", done.stderr


TASK = """
    from django.conf import settings
    from checkpoints import tasks
    tasks.collect()
    queue = settings.HUEY
    print(type(queue).__name__, queue.pending_count())
    task = queue.dequeue()
    queue.execute(task)
    print(queue.pending_count())
"""


@pytest.mark.redis
def test_redis_carries_a_task(redis_url: str, tmp_path: Path) -> None:
    done = product(tmp_path, migrated(TASK), QUEUE_URL=redis_url)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["RedisHuey 1", "0"]


@pytest.mark.postgres
def test_postgresql_carries_a_task(postgres: str, tmp_path: Path) -> None:
    done = product(tmp_path, migrated(TASK), QUEUE_URL=postgres)
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["PostgresHuey 1", "0"]


def test_sqlite_carries_a_task_in_a_file_of_its_own(tmp_path: Path) -> None:
    done = product(tmp_path, migrated(TASK))
    assert done.returncode == 0, done.stderr
    assert done.stdout.split("\n")[:2] == ["SqliteHuey 1", "0"]
    assert (tmp_path / "queue.sqlite3").exists()


def migrated(program: str) -> str:
    """Put a migration in front of a program."""
    migrate = 'from django.core.management import call_command\ncall_command("migrate", verbosity=0)\n'
    return migrate + textwrap.dedent(program)
