"""What the processes of one round do: one applies a plan and dies on the way, the next one settles it."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from bench import crash_judge, crash_points, emulation, stage
from bench.crash_judge import Write
from bench.crash_points import Point
from bench.forks import Say

if TYPE_CHECKING:
    from django.contrib.auth.models import User

    from checkpoints.models import Plan

AT_ONCE = timedelta(0)  # the start of the only process: nobody else is sending
LATER = timedelta(minutes=10)  # after the end of every watch
STILL_COMING = 0.15  # seconds within which a kill from another thread comes
OLDER = """SELECT count(*) FROM pg_stat_activity
    WHERE datname = current_database() AND backend_type = 'client backend' AND backend_start < %s"""
Spoil = Callable[[], None]


def nothing() -> None:
    """Leave the product as it is."""


@dataclass(frozen=True)
class Round:
    """One round of a point, with a group of its own; each method that takes `say` is run in a fork.

    `spoil` and `spoil_settling` change the product, in the process that dies and in the one that settles: the
    tests of the judge break it with them.
    """

    emulator: emulation.Emulator
    point: Point
    group: str
    user: int
    pause: float
    spoil: Spoil = nothing
    spoil_settling: Spoil = nothing

    def apply_and_die(self, say: Say) -> None:
        """Make a plan, say which, and apply it; for a watch, also look at its end."""
        from checkpoints.models import ConsumerGroup, Logstore
        from checkpoints.services import resets

        logstore = Logstore.objects.get(name=stage.PLACE[1])
        ConsumerGroup.objects.create(logstore=logstore, name=self.group, timeout_seconds=60)
        user = self._user()
        made = self._plan(user, "earliest")
        say({"plan": str(made.pk)})
        self.spoil()
        if self.point.step == "apply":
            crash_points.arm(self.point, self.pause)
        elif self.point.step == "settle":
            crash_points.arm(crash_points.CRASHED, 0)
        stage.apply(made, user)
        if self.point.step == "look":
            crash_points.arm(self.point, self.pause)
            resets.look_at_open(_now() + LATER)
        time.sleep(STILL_COMING)

    def settle_and_die(self, _say: Say) -> None:
        """Settle what the first process left, and die on the way."""
        from checkpoints.services import resets

        crash_points.arm(self.point, self.pause)
        resets.settle(_now(), quiet_for=AT_ONCE)
        time.sleep(STILL_COMING)

    def start_again(self, plan: str, writes: list[Write], say: Say) -> None:
        """Settle as a start does, watch to the end, and say the outcomes and what is wrong with them."""
        from checkpoints.models import Plan, ShardReset
        from checkpoints.services import resets

        _wait_for_the_dead()
        point, made = self.point, Plan.objects.get(pk=plan)
        self.spoil_settling()
        if point.away:
            with self._unreadable():
                resets.settle(_now(), quiet_for=AT_ONCE)
        else:
            resets.settle(_now(), quiet_for=AT_ONCE)
        later = self.writes()[len(writes) :]
        flaws = self._next_flaws(made, "earliest") if point.rest else []
        known = len(self.writes())
        resets.settle(_now(), quiet_for=AT_ONCE)
        late = self._deliver_late(made, writes) if point.late else 0
        resets.look_at_open(_now() + timedelta(seconds=10))
        resets.look_at_open(_now() + LATER)
        later += self.writes()[known:]
        once, blind = not (point.late or point.away), point.away and point.rest
        flaws += crash_judge.flaws(made, writes, later, late=late, once=once, blind=blind)
        outcomes = list(ShardReset.objects.filter(reset__plan=made).values_list("outcome", flat=True))
        say({"outcomes": outcomes or ["no reset"], "flaws": flaws + self._next_flaws(made, "latest")})

    def writes(self) -> list[Write]:
        """Return the witnessed writes to the group but those that arranged it, which have no request id."""
        found = self.emulator.control("GET", "writes")
        return [write for write in found if write["group"] == self.group and write["request_id"]]

    @contextmanager
    def _unreadable(self) -> Iterator[None]:
        self.emulator.control(
            "POST", "faults", operation="GetCheckPoint", status=400, code="ParameterInvalid"
        )
        yield
        self.emulator.control("POST", "faults", clear=True)

    def _deliver_late(self, made: Plan, writes: list[Write]) -> int:
        """Let one marked write that was still on its way arrive now; returns how many did."""
        from checkpoints.models import ShardReset
        from checkpoints.services.connections import connect

        arrived = [write["shard"] for write in writes]
        lines = ShardReset.objects.filter(reset__plan=made, sent_at__isnull=False)
        line = lines.exclude(shard__in=arrived)[0]
        connect(made.group.endpoint).update_checkpoint(
            *stage.PLACE,
            self.group,
            shard=line.shard,
            checkpoint=line.after["cursor"],
            consumer="",
            force=True,
        )
        return 1

    def _next_flaws(self, made: Plan, target: str) -> list[str]:
        """Go on with the group: a plan that was not used applies, a used one never again, a new one does."""
        from checkpoints.models import Reset
        from checkpoints.services import resets

        user, flaws = self._user(), []
        if Reset.objects.filter(plan=made).exists():
            try:
                stage.apply(made, user)
                flaws.append("the used plan was applied again")
            except resets.PlanUsed:
                made = self._plan(user, target)
        try:
            again = stage.apply(made, user)
        except resets.Refused as refusal:
            return [*flaws, f"the group cannot be reset any more: {refusal.code}"]
        return [*flaws, *crash_judge.next_flaws(made, again)]

    def _user(self) -> User:
        from django.contrib.auth.models import User

        return User.objects.get(pk=self.user)

    def _plan(self, user: User, target: str) -> Plan:
        from checkpoints.models import ConsumerGroup

        return stage.plan(ConsumerGroup.objects.get(name=self.group), user, target)


def verify(say: Say) -> None:
    """Say what is wrong with the chain of the audit."""
    from checkpoints.services import audit

    say([flaw.words for flaw in audit.verify()])


def _now() -> datetime:
    return datetime.now(UTC)


def _wait_for_the_dead() -> None:
    """Wait until PostgreSQL has noticed that the killed process is gone: a COMMIT under way still ends."""
    from django.db import connection

    older, began = connection.vendor == "postgresql", _now()
    while older:
        with connection.cursor() as cursor:
            cursor.execute(OLDER, [began])
            older = cursor.fetchone()[0] > 0
