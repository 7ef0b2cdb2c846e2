"""The command that adds and lists users."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

pytestmark = pytest.mark.django_db
GOOD = "a long and good sentence"


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("user", *arguments, stdout=out, stderr=io.StringIO())
    return out.getvalue()


@pytest.fixture
def password(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("USER_PASSWORD", GOOD)


def test_a_user_is_added_with_roles(password: None) -> None:
    run("add", "mei", "--role", "operator", "--role", "auditor")
    user = User.objects.get(username="mei")
    assert sorted(group.name for group in user.groups.all()) == ["auditor", "operator"]
    assert user.check_password(GOOD)


def test_the_password_can_come_from_standard_input(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("USER_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin", io.StringIO(f"{GOOD}\n"))
    run("add", "mei", "--role", "viewer")
    assert User.objects.get().check_password(GOOD)


def test_the_password_is_asked_for_without_echo_at_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("USER_PASSWORD", raising=False)
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _prompt: GOOD)
    run("add", "mei", "--role", "viewer")
    assert User.objects.get().check_password(GOOD)


def test_users_are_listed_with_their_roles(password: None) -> None:
    run("add", "mei", "--role", "operator", "--role", "auditor")
    assert run("list") == "mei\tauditor, operator\n"
    assert json.loads(run("list", "--format", "json")) == [
        {"name": "mei", "roles": ["auditor", "operator"], "active": True}
    ]


@pytest.mark.parametrize(
    "arguments",
    [
        ["add", "mei"],
        ["add", "mei", "--role", "king"],
        ["add", "", "--role", "viewer"],
        ["add", "a\0b", "--role", "viewer"],
        ["add", "x" * 200, "--role", "viewer"],
        [],
    ],
)
def test_bad_arguments_end_in_words(password: None, arguments: list[str]) -> None:
    with pytest.raises(CommandError):
        run(*arguments)
    assert not User.objects.exists()


def test_a_weak_password_is_refused(monkeypatch: Any) -> None:
    monkeypatch.setenv("USER_PASSWORD", "short")
    with pytest.raises(CommandError, match="too short"):
        run("add", "mei", "--role", "viewer")
