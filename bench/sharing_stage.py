"""The stage of `bench collect --shared`: stores, settings, endpoints, people, channels and rules."""

from __future__ import annotations

import base64
import contextlib
import os
import tempfile
from dataclasses import dataclass

from bench import emulation, postgres, redis, sharing_people, sharing_receiver

ROLES = {"watcher": "viewer", "reader": "viewer", "operator": "operator"}
Rule = tuple[str, str, tuple[str, ...]]  # condition, limit, channels


@dataclass(frozen=True)
class Side:
    """One endpoint: how many Logstores and groups in each, and how many seconds between two readings."""

    logstores: int
    groups: int
    interval: int


@dataclass(frozen=True)
class Size:
    """How much of everything there is, and for how many seconds."""

    seconds: float
    sides: dict[str, Side]
    rules: tuple[Rule, ...]
    rate: float  # log groups a second and shard
    mood: float  # how long a consumer lives, and then is dead
    people: dict[str, int]
    pause: float  # between two things that people do
    kills: tuple[float, ...]  # when, as shares of the time
    drain: float  # how long to wait until all is told
    asked: float = 0.0  # every so many seconds the tasks of a minute are asked for as well

    @property
    def names(self) -> list[str]:
        """The names of the people; each begins with what its owner does."""
        return [f"{kind}-{number}" for kind, count in self.people.items() for number in range(count)]


def full(minutes: float) -> Size:
    """Return the size of the benchmark."""
    return Size(
        seconds=minutes * 60,
        sides={"often": Side(20, 1, 10), "usual": Side(12, 2, 60)},
        rules=(
            ("lag", "15s", ("good", "flaky")),
            ("unread", "15s", ("slow", "robot")),
            ("backlog", "15", ("good", "slow", "silent")),
            ("no_reading", "5m", ("good",)),
        ),
        rate=0.5,
        mood=75,
        people={"watcher": 4, "reader": 2, "operator": 2},
        pause=0.6,
        kills=(0.3, 0.6),
        drain=150,
    )


SHORT = Size(
    seconds=9,
    sides={"often": Side(8, 1, 10), "usual": Side(2, 1, 60)},
    rules=(("backlog", "16", ("good", "flaky", "robot")), ("unread", "2s", ("good", "robot"))),
    rate=4,
    mood=4,
    people={"watcher": 3, "reader": 1, "operator": 2},
    pause=0.15,
    kills=(0.5,),
    drain=1,
    asked=0.5,
)


def settings(stack: contextlib.ExitStack) -> None:
    """Set the scaled-out size; stores that the environment names are used as they are."""
    if not os.environ.get("DATABASE_URL"):
        os.environ["DATABASE_URL"] = stack.enter_context(postgres.running())
    if not os.environ.get("QUEUE_URL"):
        server = stack.enter_context(redis.running())
        os.environ |= {"QUEUE_URL": f"{server}/0", "CACHE_URL": f"{server}/1"}
    os.environ |= {
        "DJANGO_SETTINGS_MODULE": "dashboard.settings",
        "DATA_DIR": stack.enter_context(tempfile.TemporaryDirectory(prefix="bench-")),
        "SEALING_KEY": base64.b64encode(os.urandom(32)).decode(),
        "SLS_ALLOWED_HOSTS": "127.0.0.1",
        "SLS_ALLOW_HTTP": "1",
        "ALERT_ALLOWED_HOSTS": "127.0.0.1",
        "COLLECT_INTERVAL": "60",
    }


def prepare(size: Size, worlds: dict[str, emulation.Emulator], heard: sharing_receiver.Heard) -> None:
    """Make the database: endpoints, people, channels and rules."""
    emulation.set_up(list(worlds.items()))
    from django.core.management import call_command
    from django.utils import timezone

    from checkpoints.models import Endpoint
    from checkpoints.services import accounts, alert_rules, channels
    from checkpoints.services.audit import SYSTEM

    call_command("collectstatic", verbosity=0, interactive=False)
    now = timezone.now()
    for name, side in size.sides.items():
        Endpoint.objects.filter(name=name).update(interval_seconds=side.interval)
    for name in size.names:
        role = ROLES[name.partition("-")[0]]
        accounts.create(name, sharing_people.PASSWORD, [role], actor=SYSTEM)
    made = {
        channel.name: channels.add(
            channels.Fields(name=channel.name, kind=channel.kind, url=f"{heard.url}/{channel.name}"),
            actor=SYSTEM,
            now=now,
        )
        for channel in sharing_receiver.CHANNELS
    }
    for condition, limit, told in size.rules:
        fields = alert_rules.Fields(
            condition, "*", condition, limit, samples=1, channels=[made[name] for name in told]
        )
        alert_rules.add(fields, actor=SYSTEM, now=now)
