"""Who acts on the command line: the user of the operating system, or the user named with --actor."""

from __future__ import annotations

import getpass
import os

from django.contrib.auth.models import User

from checkpoints.services.audit import Actor


class UnknownUser(Exception):  # noqa: N818 - says who
    """No active user of the product has this name."""


def command_line() -> Actor:
    """Return the actor for a command run without --actor."""
    return Actor("", f"command line user {_system_user()}")


def named(username: str) -> tuple[User, Actor]:
    """Return the active user with this name and the actor for what they do by command; raises UnknownUser."""
    user = User.objects.filter(username=username, is_active=True).first() if username.isprintable() else None
    if user is None:
        raise UnknownUser("There is no active user with this name.")
    return user, Actor.of(user, source_ip="command line")


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run as a number without a name
        return str(os.getuid())
