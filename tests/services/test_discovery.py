"""Discovery: what one refusal leaves found, what vanishes and comes back, and how often it asks."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checkpoints import sls
from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Project
from checkpoints.services import collector, connections, discovery, group_changes

pytestmark = pytest.mark.django_db
DENIED: dict[str, Any] = {"status": 403, "code": "Unauthorized", "message": "denied by sts or ram"}
ALWAYS = timedelta(0)


def test_everything_is_found_from_the_endpoint_alone(emu: Any, add_endpoint: Any, now: Any) -> None:
    assert discovery.discover(add_endpoint(emu, typed_projects=[]), now=now) == []
    found = ConsumerGroup.objects.get()
    assert (found.logstore.project.name, found.logstore.name, found.name) == ("proj", "store", "cg-0")
    assert not found.logstore.project.typed


def test_a_project_that_refuses_is_told_and_the_other_found(emu: Any, add_endpoint: Any, now: Any) -> None:
    endpoint = add_endpoint(emu, typed_projects=["no-such-project", "proj"])
    problems = discovery.discover(endpoint, now=now)
    assert [(problem.operation, problem.code) for problem in problems] == [
        ("ListLogStores", "ProjectNotExist")
    ]
    assert Project.objects.get(name="no-such-project").problem["code"] == "ProjectNotExist"
    assert Project.objects.get(name="proj").problem is None
    assert ConsumerGroup.objects.filter(name="cg-0").exists()


def test_a_project_that_answers_again_loses_its_problem(emu: Any, endpoint: Endpoint, now: Any) -> None:
    emu.fault("ListLogStores", **DENIED, times=1)
    discovery.discover(endpoint, now=now)
    assert Project.objects.get().problem["code"] == "Unauthorized"
    discovery.discover(endpoint, now=now, max_age=ALWAYS)
    assert Project.objects.get().problem is None


def test_a_logstore_that_refuses_is_told(emu: Any, endpoint: Endpoint, now: Any) -> None:
    emu.fault("ListConsumerGroup", **DENIED, times=1)
    assert [problem.operation for problem in discovery.discover(endpoint, now=now)] == ["ListConsumerGroup"]
    assert Logstore.objects.get().problem["code"] == "Unauthorized"


def test_a_refused_listing_marks_nothing_as_vanished(
    emu: Any, endpoint: Endpoint, group: Any, now: Any
) -> None:
    emu.fault("ListLogStores", **DENIED, times=1)
    discovery.discover(endpoint, now=now, max_age=ALWAYS)
    assert not Logstore.objects.exclude(vanished_at=None).exists()
    assert not ConsumerGroup.objects.exclude(vanished_at=None).exists()


def test_what_vanished_is_marked_and_what_comes_back_is_the_same_row(
    emu: Any, endpoint: Endpoint, group: ConsumerGroup, now: Any
) -> None:
    groups = emu.world.projects["proj"].logstores["store"].groups
    taken = groups.pop("cg-0")
    discovery.discover(endpoint, now=now, max_age=ALWAYS)
    assert ConsumerGroup.objects.get().vanished_at == now
    groups["cg-0"] = taken
    discovery.discover(endpoint, now=now, max_age=ALWAYS)
    back = ConsumerGroup.objects.get()
    assert (back.pk, back.vanished_at) == (group.pk, None)


def test_it_is_not_asked_again_before_its_time(emu: Any, endpoint: Endpoint, now: Any) -> None:
    discovery.discover(endpoint, now=now)
    emu.reset_stats()
    discovery.discover(endpoint, now=now + timedelta(minutes=4))
    assert emu.stats()["total"] == 0
    discovery.discover(endpoint, now=now + timedelta(minutes=6))
    assert emu.stats()["total"] > 0


def test_changed_settings_of_a_group_are_taken_over(
    emu: Any, endpoint: Endpoint, group: ConsumerGroup, now: Any
) -> None:
    emu.add_group("proj", "store", "cg-0", timeout=99, order=True)
    discovery.discover(endpoint, now=now, max_age=ALWAYS)
    group.refresh_from_db()
    assert (group.timeout_seconds, group.in_order) == (99, True)


@pytest.mark.parametrize("call", ["list_logstores", "list_consumer_groups"])
def test_a_fault_of_ours_is_raised_and_not_stored_as_one_of_the_service(
    endpoint: Endpoint, now: Any, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def fail(*_: object) -> sls.Answer[None]:
        raise ZeroDivisionError

    monkeypatch.setattr(connections.connect(endpoint), call, fail)
    with pytest.raises(ZeroDivisionError):
        discovery.discover(endpoint, now=now)


class TestSlow:
    """Discovery that takes long beside readings that do not."""

    @pytest.fixture
    def found(self, endpoint: Endpoint, group: ConsumerGroup) -> discovery.Found:
        """What discovery was told a minute ago."""
        return discovery.look(connections.connect(endpoint), endpoint.typed_projects)

    @staticmethod
    def keep(found: discovery.Found, now: Any) -> None:
        discovery.keep(Endpoint.objects.get(), found, now=now, begun=now - timedelta(minutes=1))

    def test_what_a_reading_saw_meanwhile_stays(
        self, emu: Any, group: ConsumerGroup, found: discovery.Found, now: Any
    ) -> None:
        emu.add_group("proj", "store", "new")
        emu.add_group("proj", "store", "cg-0", timeout=99)
        collector.read_logstore(group.logstore, now=now - timedelta(seconds=10))
        seen = list(ConsumerGroup.objects.order_by("pk").values())
        stores = list(Logstore.objects.values())
        self.keep(found, now)
        assert list(ConsumerGroup.objects.order_by("pk").values()) == seen
        assert list(Logstore.objects.values()) == stores
        assert {row["name"]: row["vanished_at"] for row in seen} == {"cg-0": None, "new": None}

    def test_so_does_what_a_page_saw_of_one_group(
        self, emu: Any, group: ConsumerGroup, found: discovery.Found, now: Any
    ) -> None:
        del emu.world.projects["proj"].logstores["store"].groups["cg-0"]
        emu.add_group("proj", "store", "new")
        collector.read_logstore(group.logstore, now=now - timedelta(seconds=10))
        self.keep(found, now)
        living = ConsumerGroup.objects.filter(vanished_at=None)
        assert list(living.values_list("name", flat=True)) == ["new"]

    def test_its_error_ends_no_newer_success(
        self, group: ConsumerGroup, found: discovery.Found, now: Any
    ) -> None:
        collector.read_logstore(group.logstore, now=now - timedelta(seconds=10))
        found.of_logstores["proj", "store"] = sls.Timeout("no answer")
        self.keep(found, now)
        assert Logstore.objects.get().problem is None

    def test_rows_loaded_before_a_reading_lose_nothing_of_it(
        self, group: ConsumerGroup, endpoint: Endpoint, now: Any, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """Another process stores a reading between the select and the update of a discovery."""
        note = group_changes.note

        def read_meanwhile(row: ConsumerGroup, values: Any) -> None:
            ConsumerGroup.objects.update(read_at=now, backlog=7, verdict="stalled", timeout_seconds=1)
            note(row, values)

        monkeypatch.setattr(group_changes, "note", read_meanwhile)
        ConsumerGroup.objects.update(timeout_seconds=77)
        discovery.discover(endpoint, now=now, max_age=ALWAYS)
        group.refresh_from_db()
        assert (group.read_at, group.backlog, group.verdict) == (now, 7, "stalled")

    def test_what_was_not_read_since_is_taken_over(
        self, emu: Any, group: ConsumerGroup, found: discovery.Found, now: Any
    ) -> None:
        collector.read_logstore(group.logstore, now=now - timedelta(minutes=2))
        found.groups["proj", "store"] = []
        self.keep(found, now)
        group.refresh_from_db()
        assert group.vanished_at == now
