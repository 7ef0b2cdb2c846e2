"""Who acts on the command line."""

from __future__ import annotations

import getpass

import pytest
from django.contrib.auth.models import User

from checkpoints.services import actors


def test_a_command_is_the_act_of_the_user_of_the_system() -> None:
    assert actors.command_line().name == f"command line user {getpass.getuser()}"


def test_a_user_of_the_system_without_a_name_is_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert actors.command_line().name == "command line user 4711"


@pytest.mark.django_db
def test_a_named_user_acts_as_themselves() -> None:
    mei = User.objects.create_user("mei")
    user, actor = actors.named("mei")
    assert (user, actor.name, actor.source_ip) == (mei, "mei", "command line")


@pytest.mark.django_db
@pytest.mark.parametrize("name", ["nobody", "gone", "", "a\0b"])
def test_nobody_acts_under_an_unknown_or_inactive_name(name: str) -> None:
    User.objects.create_user("gone", is_active=False)
    with pytest.raises(actors.UnknownUser):
        actors.named(name)
