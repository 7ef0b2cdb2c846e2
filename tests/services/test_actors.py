"""Who acts on the command line."""

from __future__ import annotations

import getpass

import pytest

from checkpoints.services import actors


def test_a_command_is_the_act_of_the_user_of_the_system() -> None:
    assert actors.command_line().name == f"command line user {getpass.getuser()}"


def test_a_user_of_the_system_without_a_name_is_told_by_number(monkeypatch: pytest.MonkeyPatch) -> None:
    def nameless() -> str:
        raise KeyError("getpwuid(): uid not found: 4711")

    monkeypatch.setattr(getpass, "getuser", nameless)
    monkeypatch.setattr("os.getuid", lambda: 4711)
    assert actors.command_line().name == "command line user 4711"
