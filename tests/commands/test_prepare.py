"""The command that run.py calls before it serves."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import call_command
from django.test import Client

from checkpoints.models import Endpoint
from tests.conftest import KEYS, PASSWORD

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def environment(settings: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    settings.STATIC_ROOT = tmp_path / "static"
    monkeypatch.setenv("USER_PASSWORD", PASSWORD)
    monkeypatch.setenv("SLS_ACCESS_KEY_SECRET", KEYS[1])


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("prepare", *arguments, stdout=out)
    return out.getvalue()


def test_the_static_files_are_collected(tmp_path: Path) -> None:
    run()
    assert list((tmp_path / "static").rglob("*.css"))


def test_the_first_start_prints_a_link_that_opens_the_set_up() -> None:
    printed = run("--address", "http://127.0.0.1:9000/")
    found = re.search(r"http://127\.0\.0\.1:9000(/\S+)", printed)
    assert found
    assert Client().get(found[1]).status_code == 200


def test_no_link_is_printed_once_there_is_a_user() -> None:
    assert run("--users", "admin") == ""


def test_no_link_is_printed_when_asked_to_be_quiet() -> None:
    assert run("--quiet") == ""


def test_each_role_gets_a_user_named_like_it() -> None:
    run("--users", "viewer", "operator")
    found = {user.username: [group.name for group in user.groups.all()] for user in User.objects.all()}
    assert found == {"viewer": ["viewer"], "operator": ["operator"]}


def test_a_user_from_an_earlier_start_gets_the_new_password(monkeypatch: pytest.MonkeyPatch) -> None:
    run("--users", "viewer")
    monkeypatch.setenv("USER_PASSWORD", "another long sentence")
    run("--users", "viewer")
    assert User.objects.get().check_password("another long sentence")


def test_the_endpoint_of_an_earlier_start_is_replaced(emu: Any) -> None:
    endpoint = ["--quiet", "--access-key-id", KEYS[0], "--endpoint"]
    run(*endpoint, "demo=http://127.0.0.1:1")
    run(*endpoint, f"demo={emu.url}")
    assert [(one.scheme, one.host) for one in Endpoint.objects.filter(removed_at=None)] == [
        ("http", emu.host)
    ]
    assert Endpoint.objects.filter(removed_at__isnull=False, host="127.0.0.1:1").exists()
