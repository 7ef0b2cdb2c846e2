"""A product of its own for a benchmark: an empty database, an operator, and an endpoint for the emulator."""

from __future__ import annotations

import base64
import os
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from bench import emulation

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from checkpoints.models import ConsumerGroup, Plan, Reset

PLACE = ("proj", "store")
SETTINGS = {
    "DJANGO_SETTINGS_MODULE": "dashboard.settings",
    "SLS_ALLOWED_HOSTS": "127.0.0.1",
    "SLS_ALLOW_HTTP": "1",
}


def start(folder: str) -> None:
    """Start Django in this process with its data in the folder; the database is not touched yet."""
    import django

    key = base64.b64encode(os.urandom(32)).decode()
    os.environ.update(SETTINGS, DATA_DIR=folder, SEALING_KEY=key)
    django.setup()


def prepare(emulator: emulation.Emulator) -> User:
    """Fill the empty database: tables, an endpoint with what is found there; returns the operator."""
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command
    from django.utils import timezone

    from checkpoints.services import discovery, endpoints
    from checkpoints.services.audit import SYSTEM

    call_command("migrate", verbosity=0)
    endpoint = endpoints.add(
        actor=SYSTEM,
        name="bench",
        scheme="http",
        host=emulator.host,
        region="cn-hangzhou",
        signature="v4",
        access_key_id=emulation.KEYS[0],
        secret=emulation.KEYS[1],
        typed_projects=[PLACE[0]],
        protection="none",
        now=timezone.now(),
    )
    discovery.discover(endpoint, now=timezone.now())
    user = User.objects.create(username="operator")
    user.groups.add(Group.objects.get(name="operator"))
    return user


def plan(group: ConsumerGroup, user: User, target: str) -> Plan:
    """Make a plan for all shards of a group."""
    from checkpoints.domain import targets
    from checkpoints.services import resets
    from checkpoints.services.audit import Actor

    now = datetime.now(UTC)
    wanted = targets.parse(target, zone=None, now=now)
    return resets.plan(group, target=wanted, shards=None, maker=user, now=now, actor=Actor.of(user))


def apply(made: Plan, user: User) -> Reset:
    """Apply a plan."""
    from checkpoints.services import resets
    from checkpoints.services.audit import Actor

    now = datetime.now(UTC)
    return resets.apply(made, user=user, actor=Actor.of(user), reason="benchmark", now=now)
