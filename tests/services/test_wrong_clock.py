"""A clock that was ahead for a while, as one that keeps local time until NTP corrects it, stops nothing."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from checkpoints.models import (
    Alert,
    ConsumerGroup,
    Endpoint,
    GroupHistory,
    HistoryChunk,
    Lease,
    Logstore,
    Reading,
    Reset,
    Snapshot,
    Wait,
)
from checkpoints.services import (
    alerts,
    audit,
    collector,
    discovery,
    health,
    history,
    resets,
    snapshots,
    waiting,
)
from tests.services import alerting
from tests.services import resetting as the
from tests.services.test_history import DAY, HOUR, MINUTE, NOON, each, read, totals
from tests.services.test_waiting import ask
from tests.views.lagging import group as make

pytestmark = pytest.mark.django_db
HOURS_AHEAD = timedelta(hours=8)
SetClock = Callable[[timedelta], datetime]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SetClock:
    """Put our clock ahead of the true time by a span, and return what it shows."""
    true_now = timezone.now

    def put(span: timedelta) -> datetime:
        monkeypatch.setattr(timezone, "now", lambda: true_now() + span)
        return timezone.now()

    return put


@pytest.fixture
def read_ahead(emu: Any, group: ConsumerGroup, clock: SetClock) -> ConsumerGroup:
    """The group was read while the clock was ahead; now it is right."""
    clock(HOURS_AHEAD)
    collector.run()
    clock(timedelta(0))
    emu.reset_stats()
    group.refresh_from_db()
    assert group.read_at > timezone.now() + timedelta(hours=7)
    return group


class TestReadings:
    def test_the_collector_reads_at_once(self, emu: Any, read_ahead: ConsumerGroup) -> None:
        collector.run()
        read_ahead.refresh_from_db()
        assert read_ahead.read_at <= timezone.now()
        assert emu.count("ListLogStores") == 1, "and discovers"
        assert emu.count("GetLogStore") == 1, "and asks for the retention"
        assert emu.count("GetCursor") == 8, "and for the begins"

    def test_what_the_wrong_clock_took_is_no_longer_the_latest_reading(
        self, read_ahead: ConsumerGroup
    ) -> None:
        collector.run()
        assert Reading.objects.get().taken_at <= timezone.now()

    def test_a_page_gets_no_reading_from_the_future(self, emu: Any, read_ahead: ConsumerGroup) -> None:
        now = timezone.now()
        found = collector.read_group(read_ahead, max_age=timedelta(hours=1), now=now)
        assert now <= found.taken_at < now + timedelta(minutes=1)
        assert emu.count("GetCheckPoint") == 1

    def test_a_claim_from_the_future_is_nobodys(self, emu: Any, group: ConsumerGroup) -> None:
        ConsumerGroup.objects.update(claimed_until=timezone.now() + HOURS_AHEAD)
        assert collector.refresh(group, now=timezone.now()) is None
        assert emu.count("GetCheckPoint") == 1
        ConsumerGroup.objects.update(claimed_until=timezone.now() + HOURS_AHEAD, read_at=None)
        collector.run()
        assert emu.count("GetCheckPoint") == 2

    def test_a_breaker_that_was_opened_ahead_lets_a_probe_through(
        self, emu: Any, group: ConsumerGroup, clock: SetClock
    ) -> None:
        now = clock(HOURS_AHEAD)
        Endpoint.objects.update(failures=5, opened_at=now, retry_at=now + timedelta(seconds=20))
        clock(timedelta(0))
        collector.run()
        endpoint = Endpoint.objects.get()
        assert (endpoint.failures, endpoint.retry_at) == (0, None)

    def test_discovery_by_hand_is_no_younger(self, emu: Any, endpoint: Endpoint) -> None:
        discovery.discover(endpoint, now=timezone.now() + HOURS_AHEAD)
        emu.reset_stats()
        discovery.discover(endpoint, now=timezone.now())
        assert emu.count("ListLogStores") == 1

    def test_the_habits_seen_ahead_are_forgotten(
        self, emu: Any, group: ConsumerGroup, clock: SetClock
    ) -> None:
        ahead = int((timezone.now() + HOURS_AHEAD).timestamp())
        ConsumerGroup.objects.update(
            read_at=timezone.now() - timedelta(minutes=1),
            rhythm={"0": [[ahead - 1000, ahead, 1]]},
            verdict="ok",
        )
        collector.run()
        group.refresh_from_db()
        assert group.rhythm.get("0") is None


class TestReadiness:
    def test_is_red_while_the_only_reading_lies_ahead(self, read_ahead: ConsumerGroup) -> None:
        now = timezone.now()
        Logstore.objects.update(next_read_at=now - timedelta(minutes=10))
        Endpoint.objects.update(next_read_at=now)
        assert not health.readiness(now=now)["collector"]
        collector.run()
        assert health.readiness(now=timezone.now())["collector"]

    def test_is_red_while_nobody_looks_because_that_is_noted_ahead(self) -> None:
        Endpoint.objects.create(name="e", host="h", next_read_at=timezone.now() + HOURS_AHEAD)
        assert not health.readiness(now=timezone.now())["collector"]


class TestAlerts:
    def test_rules_are_looked_at_and_samples_counted(self) -> None:
        found = alerting.group()
        alerting.rule(samples=2)
        for hour in (8, 8.1):
            alerting.read(found, 60 * hour, lag_seconds=3600, backlog=9)
            assert alerts.evaluate(alerting.at(60 * hour))
        assert alerting.states() == {"orders": "firing"}
        for minute in (1, 2):
            alerting.read(found, minute, lag_seconds=0.0, backlog=0)
            assert alerts.evaluate(alerting.at(minute))
        assert alerting.states() == {"orders": "resolved"}

    def test_a_lease_of_the_future_is_nobodys(self) -> None:
        Lease.objects.create(name=alerts.NAME, until=alerting.at(8 * 60))
        assert alerts.evaluate(alerting.at(1))


class TestHistory:
    def test_nothing_of_it_is_lost(self) -> None:
        found = make("cg")
        read(found, each(NOON, NOON + 3 * HOUR))
        self.pack(NOON, NOON + 2 * HOUR)
        history.roll_up(NOON + 30 * HOUR)  # over a day ahead, for a minute
        self.pack(NOON + 2 * HOUR, NOON + 4 * HOUR)
        minutes = [(total.at - int(NOON.timestamp())) // 60 for total in totals(0)]
        assert minutes == list(range(180))
        kept = GroupHistory.objects.get()
        assert kept.raw_until <= NOON + 4 * HOUR
        assert kept.five_until <= kept.hourly_until + DAY
        assert not HistoryChunk.objects.filter(level__gt=0).exists(), "the day is not over"

    def test_the_small_lines_go_on(self) -> None:
        found = make("cg")
        read(found, [NOON + HOURS_AHEAD])
        history.roll_up(NOON + HOURS_AHEAD)
        Reading.objects.all().delete()
        read(found, [NOON])
        history.roll_up(NOON)
        assert GroupHistory.objects.get().recent_at == NOON

    @staticmethod
    def pack(start: datetime, end: datetime) -> None:
        for now in each(start, end, 5 * MINUTE):
            assert history.roll_up(now)


@pytest.fixture
def operator(people: dict[str, Any]) -> Any:
    return people["operator"]


class TestResets:
    def test_a_watch_is_looked_at(self, emu: Any, group: ConsumerGroup, operator: Any) -> None:
        the.place(emu, {0: 5})
        reset = the.apply(the.make(group, operator, "earliest", [0]), operator)
        ahead = the.now() + HOURS_AHEAD
        Reset.objects.update(looked_at=ahead, watch_until=ahead + timedelta(minutes=1))
        now = the.now()
        resets.look_at_open(now)
        reset.refresh_from_db()
        assert now <= reset.looked_at < now + timedelta(minutes=1)

    def test_a_wait_is_looked_at(self, emu: Any, group: ConsumerGroup, operator: Any) -> None:
        the.place(emu, {0: 5})
        wait = ask(the.make(group, operator, "earliest", [0]), operator)
        Wait.objects.update(looked_at=the.now() + HOURS_AHEAD)
        waiting.look_at_open(the.now())
        wait.refresh_from_db()
        assert wait.looked_at < the.now() + timedelta(minutes=1)
        assert wait.evidence

    def test_a_wait_that_a_dead_process_was_applying_ends(
        self, emu: Any, group: ConsumerGroup, operator: Any
    ) -> None:
        the.place(emu, {0: 5})
        wait = ask(the.make(group, operator, "earliest", [0]), operator)
        Wait.objects.update(state="applying", looked_at=the.now() + HOURS_AHEAD)
        waiting.look_at_open(the.now())
        wait.refresh_from_db()
        assert wait.state == "refused"


class TestSnapshots:
    @pytest.mark.parametrize("hours", [1, 6])
    def test_one_is_taken_and_the_next_comes_in_its_time(self, group: ConsumerGroup, hours: int) -> None:
        now = the.now()
        snapshots.schedule(group, hours, actor=audit.SYSTEM, now=now)
        ConsumerGroup.objects.update(next_snapshot_at=now + timedelta(hours=hours) + HOURS_AHEAD)
        assert [snapshots.take_due(now), snapshots.take_due(now + timedelta(minutes=30))] == [1, 0]
        following = ConsumerGroup.objects.get().next_snapshot_at
        assert now < following <= now + timedelta(hours=hours)
        assert Snapshot.objects.count() == 1


def test_two_alerts_samples_of_one_minute_are_still_one() -> None:
    found = alerting.group()
    alerting.rule(samples=2)
    alerting.read(found, 1, lag_seconds=3600, backlog=9)
    for _ in range(3):
        alerts.evaluate(alerting.at(1))
    assert Alert.objects.get().streak == 1


def test_logstores_with_a_long_interval_are_not_read_early(emu: Any, endpoint: Endpoint) -> None:
    Endpoint.objects.update(interval_seconds=3600)
    collector.run()
    Logstore.objects.update(next_read_at=timezone.now() + timedelta(minutes=85))
    emu.reset_stats()
    collector.run()
    assert emu.count("ListShards") == 0
