"""Who acts on the command line when nobody is named: the user of the operating system."""

from __future__ import annotations

import getpass
import os

from checkpoints.services.audit import Actor


def command_line() -> Actor:
    """Return the actor for a command run without --actor."""
    return Actor("", f"command line user {_system_user()}")


def _system_user() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError, ImportError):  # a container may run as a number without a name
        return str(os.getuid())
