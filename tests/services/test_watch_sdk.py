"""The watch beside real consumers: ten groups that the official SDK reads, each reset in its own way."""

from __future__ import annotations

import os

import pytest

from tests.conftest import make_user
from tests.watched_runs import run_all

pytestmark = pytest.mark.sdk


def test_ten_seeded_runs_beside_the_sdk_are_all_told_truly(real_db, settings):
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    results = run_all(list(range(10)), make_user("operator"), width=2 * (os.cpu_count() or 1))
    assert [one for one in results if not one.ok] == []
