"""Who reads what: the collector and those who look at pages never read a group twice, or at the same time."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Reading
from checkpoints.services import collector, discovery, leases, visits
from tests.conftest import store_endpoint
from tests.services.at_once import together

SECONDS = timedelta(seconds=1)
FRESH = timedelta(0)


def moment() -> Any:
    return timezone.now()


def asked(emu: Any) -> int:
    count: int = emu.count("GetCheckPoint")
    return count


def claimed(group: ConsumerGroup) -> Any:
    return ConsumerGroup.objects.get(pk=group.pk).claimed_until


@pytest.fixture
def two(emu: Any, group: ConsumerGroup) -> tuple[ConsumerGroup, ConsumerGroup]:
    """Two groups of one Logstore that were read half an hour ago; the Logstore is due."""
    emu.add_group("proj", "store", "cg-1")
    collector.read_logstore(Logstore.objects.get(), now=moment() - 1800 * SECONDS)
    emu.reset_stats()
    return group, ConsumerGroup.objects.get(name="cg-1")


@pytest.mark.django_db
class TestSomebodyWhoLooks:
    def test_does_not_read_what_another_read_between_the_look_and_the_claim(
        self, emu: Any, two: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        now, claim = moment(), leases.claim

        def overtaken(group: ConsumerGroup, **how: Any) -> Any:
            collector.read_group(group, max_age=FRESH, now=now)
            return claim(group, **how)

        monkeypatch.setattr(leases, "claim", overtaken)
        assert collector.read_group(two[0], max_age=10 * SECONDS, now=now).taken_at == now
        assert asked(emu) == 1

    def test_does_not_read_for_the_first_time_what_somebody_else_does(
        self, emu: Any, group: ConsumerGroup
    ) -> None:
        now = moment()
        assert leases.claim(group, max_age=leases.YOUNG, now=now)
        emu.reset_stats()
        assert collector.refresh(group, now=now) is None
        assert emu.stats()["total"] == 0
        with pytest.raises(collector.BeingRead):
            collector.read_group(group, max_age=leases.YOUNG, now=now)

    def test_does_not_read_what_the_collector_is_reading(self, emu: Any, two: Any) -> None:
        now = moment()
        (take,) = leases.due(two[0].endpoint, 10, now)
        old = two[0].readings.get()
        assert collector.read_group(two[0], max_age=leases.YOUNG, now=now) == old
        assert asked(emu) == 0
        (visit,) = visits.prepare([take], now=now)
        visit.fetch()
        visits.store([visit], now=now)
        assert (claimed(two[0]), claimed(two[1])) == (None, None)
        assert asked(emu) == 2

    def test_by_hand_reads_in_any_case_and_leaves_the_claim_of_another(self, emu: Any, two: Any) -> None:
        now = moment()
        until = leases.claim(two[0], max_age=leases.YOUNG, now=now)
        collector.read_group(two[0], max_age=FRESH, now=now)
        assert (asked(emu), claimed(two[0])) == (1, until)

    def test_gives_back_no_claim_that_is_another_s_by_now(self, emu: Any, two: Any) -> None:
        now = moment()
        first = leases.claim(two[0], max_age=leases.YOUNG, now=now)
        second = leases.claim(two[0], max_age=leases.YOUNG, now=now + 2 * leases.LEASE)
        assert first
        assert second
        leases.give_back(two[0], first)
        assert claimed(two[0]) == second

    def test_has_a_reading_of_when_its_answers_were_there(self, emu: Any, two: Any) -> None:
        now = moment()
        emu.latency(300, "GetCheckPoint")
        taken = collector.read_group(two[0], max_age=leases.YOUNG, now=now).taken_at
        assert 0.3 * SECONDS <= taken - now < 10 * SECONDS


@pytest.mark.django_db
class TestTheCollector:
    def test_leaves_out_what_somebody_is_reading(self, emu: Any, two: Any) -> None:
        until = leases.claim(two[0], max_age=leases.YOUNG, now=moment())
        collector.run()
        read = dict(Reading.objects.filter(taken_at__gt=moment() - 60 * SECONDS).values_list("group", "pk"))
        assert (list(read), asked(emu)) == ([two[1].pk], 1)
        assert claimed(two[0]) == until
        assert Logstore.objects.get().next_read_at > moment()

    def test_leaves_out_what_was_just_read_for_a_page(self, emu: Any, two: Any) -> None:
        collector.refresh(two[0], now=moment())
        collector.run()
        assert asked(emu) == 2
        assert two[0].readings.count() == two[1].readings.count() == 2

    def test_reads_again_what_was_read_for_a_page_a_while_ago(self, emu: Any, two: Any) -> None:
        collector.refresh(two[0], now=moment() - 11 * SECONDS)
        collector.run()
        assert asked(emu) == 3

    def test_reads_again_what_it_read_itself_whenever_that_is_due(self, emu: Any, two: Any) -> None:
        for _ in range(2):
            Logstore.objects.update(next_read_at=None)
            collector.run()
        assert asked(emu) == 4

    def test_reads_what_a_process_that_died_had_taken_once_that_is_over(self, emu: Any, two: Any) -> None:
        now = moment() - 2 * leases.LEASE
        leases.due(two[0].endpoint, 10, now)  # and dies
        collector.run()
        assert asked(emu) == 2
        assert (claimed(two[0]), claimed(two[1])) == (None, None)

    def test_gives_back_what_it_could_not_read(self, emu: Any, two: Any) -> None:
        emu.fault("ListShards", status=500, code="InternalServerError")
        collector.run()
        assert (claimed(two[0]), claimed(two[1])) == (None, None)

    def test_leaves_nothing_out_when_it_is_asked_by_hand(self, emu: Any, two: Any) -> None:
        collector.refresh(two[0], now=moment())
        collector.collect(now=moment())
        assert asked(emu) == 3


@pytest.mark.django_db
def test_a_lease_begins_when_it_is_had(two: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The database was locked while it was asked for; counted from before, the lease would be over."""
    now, passing = moment(), iter([0.0, 70.0, 100.0, 190.0])
    monkeypatch.setattr(leases, "monotonic", lambda: next(passing))
    (take,) = leases.due(two[0].endpoint, 10, now)
    assert take.until == Logstore.objects.get().next_read_at == claimed(two[0]) == now + 130 * SECONDS
    ConsumerGroup.objects.update(claimed_until=None)
    assert leases.claim(two[0], max_age=leases.YOUNG, now=now) == claimed(two[0]) == now + 150 * SECONDS


def test_many_who_look_at_one_group_at_once_have_it_read_once(real_db: None, emu: Any) -> None:
    endpoint: Endpoint = store_endpoint(emu)
    discovery.discover(endpoint, now=moment())
    emu.latency(50, "GetCheckPoint")
    for turn in range(5):
        now = moment() + 20 * turn * SECONDS
        group = ConsumerGroup.objects.get()
        emu.reset_stats()
        found = together(*[lambda now=now, group=group: collector.refresh(group, now=now)] * 8)
        assert found == [None] * 8
        assert asked(emu) == 1


def test_the_collector_and_those_who_look_read_a_group_once(real_db: None, emu: Any) -> None:
    endpoint: Endpoint = store_endpoint(emu)
    discovery.discover(endpoint, now=moment())
    Endpoint.objects.update(next_discovery_at=moment() + discovery.EVERY)
    emu.latency(50, "GetCheckPoint")
    for _ in range(5):
        ConsumerGroup.objects.update(read_at=moment() - 3600 * SECONDS)
        Reading.objects.all().delete()
        Logstore.objects.update(next_read_at=None)
        group = ConsumerGroup.objects.get()
        emu.reset_stats()
        looks = [lambda group=group: collector.refresh(group, now=moment())] * 4
        assert together(collector.run, *looks) == [None] * 5
        assert asked(emu) == 1
