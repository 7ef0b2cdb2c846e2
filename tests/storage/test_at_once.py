"""Fifty identical confirmations at once on PostgreSQL: one reset, as on SQLite."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.storage.test_scaled_out import product

pytestmark = pytest.mark.postgres


def test_fifty_identical_confirmations_at_once_write_once_on_postgresql(
    own_postgres: str, tmp_path: Path
) -> None:
    done = product(
        tmp_path,
        """
        from django.core.management import call_command
        from checkpoints.models import ConsumerGroup
        from checkpoints.services import discovery
        from emulator.testing import running
        from tests.conftest import KEYS, make_user, store_endpoint
        from tests.services import resetting as the
        from tests.services.at_once import confirm_many_times
        call_command("migrate", verbosity=0)
        with running(projects=1, logstores=1, shards=4, groups=1, keys=KEYS) as emu:
            discovery.discover(store_endpoint(emu), now=the.now())
            group, user = ConsumerGroup.objects.get(name="cg-0"), make_user("operator")
            confirm_many_times(emu, group, user, rounds=20, width=50)
        print("one reset each")
        """,
        DATABASE_URL=own_postgres,
        SLS_ALLOWED_HOSTS="127.0.0.1",
        SLS_ALLOW_HTTP="1",
    )
    assert done.returncode == 0, done.stderr
    assert done.stdout == "one reset each\n"
