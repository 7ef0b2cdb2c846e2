"""Faults of ours: with one group, one Logstore, or the database for a while; nobody else is delayed."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError
from django.utils import timezone

from checkpoints.models import ConsumerGroup, Endpoint, Logstore
from checkpoints.services import collector, discovery, faults, leases, summaries, visits

pytestmark = pytest.mark.django_db


@pytest.fixture
def many(emu: Any, endpoint: Endpoint) -> Endpoint:
    """Two groups in `store`, one in each of two other Logstores."""
    emu.add_group("proj", "store", "cg-1")
    for name in ("other", "more"):
        emu.world.add_logstore("proj", name, shards=1)
        emu.add_group("proj", name, f"of-{name}")
    discovery.discover(endpoint, now=timezone.now(), max_age=timedelta(0))
    return endpoint


def spoil(monkeypatch: pytest.MonkeyPatch, where: Any, name: str, wrong: Any) -> None:
    """Let a function fail when it is asked to do something of which `wrong` is true."""
    real = getattr(where, name)

    def spoiled(what: Any, *args: Any, **how: Any) -> Any:
        if wrong(what):
            raise ZeroDivisionError("a fault of ours")
        return real(what, *args, **how)

    monkeypatch.setattr(where, name, spoiled)


def problems() -> dict[str, str | None]:
    found = ConsumerGroup.objects.values_list("name", "problem")
    return {name: problem and problem["code"] for name, problem in found}


def unread() -> set[str]:
    return set(ConsumerGroup.objects.filter(read_at=None).values_list("name", flat=True))


def test_apart_finds_those_for_which_it_fails() -> None:
    def work(numbers: Any) -> list[float]:
        return [1 / number for number in numbers]

    done, failed = faults.apart(work, [1, 0, 2, 4, 0])
    assert done == [1, 0.5, 0.25]
    assert [(item, type(fault)) for item, fault in failed] == [(0, ZeroDivisionError)] * 2


def test_apart_does_not_ask_a_locked_database_again_and_again() -> None:
    asked = []

    def work(numbers: Any) -> list[int]:
        asked.append(numbers)
        raise OperationalError("database is locked")

    with pytest.raises(OperationalError):
        faults.apart(work, [1, 2, 3])
    assert len(asked) == 1


def test_a_group_that_cannot_be_judged_says_so_and_delays_nobody(
    many: Endpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    with monkeypatch.context() as spoiled:
        spoil(spoiled, summaries, "_judged", lambda group: group.name == "cg-0")
        collector.run()
    assert unread() == {"cg-0"}
    assert problems() == {"cg-0": "ZeroDivisionError", "cg-1": None, "of-other": None, "of-more": None}
    words = ConsumerGroup.objects.get(name="cg-0").problem["message"]
    assert words["text"] == "What was read could not be judged or stored: %(kind)s."
    assert "a fault of ours" in caplog.text
    assert not Logstore.objects.filter(next_read_at__lte=timezone.now()).exists()
    Logstore.objects.update(next_read_at=None)
    collector.run()
    assert (unread(), set(problems().values())) == (set(), {None})


def test_a_verdict_that_is_made_again_has_the_same_before(
    many: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    real = summaries._before

    def noted(group: ConsumerGroup, now: Any) -> Any:
        seen.append((group.name, group.verdict))
        return real(group, now)

    monkeypatch.setattr(summaries, "_before", noted)
    spoil(monkeypatch, summaries, "_judged", lambda group: group.name == "cg-1")
    collector.run()
    assert len(seen) > len(set(seen))
    assert {verdict for _, verdict in seen} == {"unknown"}


def test_a_logstore_that_cannot_be_stored_says_so_and_delays_nobody(
    many: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as spoiled:
        spoil(spoiled, visits, "_note", lambda visit: visit.logstore.name == "store")
        collector.run()
    assert unread() == {"cg-0", "cg-1"}
    assert Logstore.objects.get(name="store").problem["code"] == "ZeroDivisionError"
    assert problems()["cg-0"] == problems()["cg-1"] == "ZeroDivisionError"
    again = Logstore.objects.get(name="store").next_read_at
    assert timezone.now() < again < timezone.now() + timedelta(seconds=91)
    assert not ConsumerGroup.objects.exclude(claimed_until=None).exists()
    Logstore.objects.update(next_read_at=None)
    collector.run()
    assert (unread(), set(problems().values())) == (set(), {None})


def test_a_logstore_that_cannot_be_prepared_says_so_and_delays_nobody(
    many: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    is_more = lambda stores: any(store.name == "more" for store in stores)  # noqa: E731
    spoil(monkeypatch, summaries, "latest_readings", is_more)
    collector.run()
    assert unread() == {"of-more"}
    assert problems()["of-more"] == "ZeroDivisionError"
    assert Logstore.objects.get(name="more").next_read_at > timezone.now()


def test_collecting_by_hand_returns_them(many: Endpoint, monkeypatch: pytest.MonkeyPatch) -> None:
    spoil(monkeypatch, summaries, "_judged", lambda group: group.name == "cg-0")
    found = collector.collect(now=timezone.now())
    assert [problem.code for problem in found] == ["ZeroDivisionError"]


def test_a_page_gets_it_as_its_problem(
    emu: Any, group: ConsumerGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    spoil(monkeypatch, summaries, "_judged", lambda group: group.name == "cg-0")
    problem = collector.refresh(group, now=timezone.now())
    assert problem is not None
    assert problems() == {"cg-0": problem.code}


class TestLockedDatabase:
    def test_a_run_goes_on_when_nothing_can_be_handed_out_for_a_moment(
        self, many: Endpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        monkeypatch.setattr(collector, "LOOK_SECONDS", 0.0)
        real, calls = leases.readable, []

        def locked(now: Any) -> Any:
            calls.append(now)
            if len(calls) == 2:  # while the first are being read
                raise OperationalError("database is locked")
            return real(now)

        monkeypatch.setattr(leases, "readable", locked)
        collector.run()
        assert "database is locked" in caplog.text
        assert unread() == set()

    def test_the_next_tick_goes_on(
        self, many: Endpoint, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
    ) -> None:
        def locked(*_: Any) -> Any:
            raise OperationalError("database is locked")

        with monkeypatch.context() as spoiled:
            spoiled.setattr(leases, "due", locked)
            collector.run()
        assert "database is locked" in caplog.text
        collector.run()
        assert unread() == set()

    def test_what_is_wrong_with_one_endpoint_stops_no_other(
        self, emu: Any, many: Endpoint, add_endpoint: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add_endpoint(emu, name="a-broken-one")
        spoil(monkeypatch, leases, "may_discover", lambda endpoint: endpoint.name == "a-broken-one")
        collector.run()
        assert unread() == set()
