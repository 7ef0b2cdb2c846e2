"""The background run: leases, discovery, the breaker, and twenty endpoints of which three are in trouble."""

from __future__ import annotations

import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
from django.utils import timezone

from checkpoints import sls
from checkpoints.domain.breaker import PAUSE
from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Reading
from checkpoints.services import collector, connections, discovery, leases, parallel, reading
from emulator.testing import running
from tests.conftest import KEYS

pytestmark = pytest.mark.django_db
THROTTLED: dict[str, Any] = {"status": 403, "code": "ReadQuotaExceed", "message": "read quota exceed"}
PAST = timedelta(days=1)


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Everything that takes seconds takes tenths of them."""
    monkeypatch.setattr(connections, "LIMITS", sls.Limits(connect=0.4, read=0.4, total=0.8))
    monkeypatch.setattr(reading, "SECONDS", 2.0)
    yield
    for _, client in list(connections._clients.values()):
        parallel.pool(client).shutdown(cancel_futures=True)


def make_due(**where: Any) -> None:
    Logstore.objects.filter(**where).update(next_read_at=None)


def calls(emu: Any, operation: str) -> int:
    count: int = emu.count(operation)
    return count


def test_a_run_discovers_reads_and_ends(emu: Any, endpoint: Endpoint) -> None:
    collector.run()
    group = ConsumerGroup.objects.get()
    assert group.read_at is not None
    assert Reading.objects.count() == 1
    endpoint.refresh_from_db()
    assert endpoint.last_success_at is not None
    assert endpoint.next_read_at is not None


def test_nothing_is_read_before_it_is_due(emu: Any, endpoint: Endpoint) -> None:
    collector.run()
    emu.reset_stats()
    collector.run()
    assert emu.stats()["total"] == 0
    make_due()
    collector.run()
    assert calls(emu, "ListShards") == 1


def test_what_somebody_else_leased_is_left_to_them(emu: Any, endpoint: Endpoint) -> None:
    collector.run()
    make_due()
    taken = leases.due(endpoint, 10, timezone.now())
    assert len(taken) == 1
    emu.reset_stats()
    collector.run()
    assert emu.stats()["total"] == 0
    assert leases.due(endpoint, 10, timezone.now()) == []
    assert len(leases.due(endpoint, 10, timezone.now() + leases.LEASE)) == 1


@pytest.mark.parametrize("changes", [{"enabled": False}, {"removed_at": timezone.now()}])
def test_an_endpoint_that_is_off_is_left_alone(emu: Any, endpoint: Endpoint, changes: dict[str, Any]) -> None:
    Endpoint.objects.update(**changes)
    collector.run()
    assert emu.stats()["total"] == 0


def test_an_interval_of_its_own(emu: Any, endpoint: Endpoint) -> None:
    Endpoint.objects.update(interval_seconds=900)
    collector.run()
    store = Logstore.objects.get()
    assert store.read_every == 900
    assert store.next_read_at - timezone.now() > timedelta(seconds=440)


def test_a_group_on_a_page_is_read_twice_as_often(emu: Any, group: ConsumerGroup) -> None:
    collector.refresh(group, now=timezone.now())
    make_due()
    collector.run()
    assert Logstore.objects.get().read_every == 30


def test_a_caught_up_logstore_where_nothing_moves_is_read_rarely(emu: Any, group: ConsumerGroup) -> None:
    emu.add_group("proj", "store", "cg-0", checkpoints={str(shard): "end" for shard in range(4)})
    collector.run()
    assert Logstore.objects.get().read_every == 60
    Logstore.objects.update(moved_at=timezone.now() - timedelta(minutes=61))
    make_due()
    collector.run()
    assert Logstore.objects.get().read_every == 300
    emu.put("proj", "store", 0)
    make_due()
    collector.run()
    assert Logstore.objects.get().read_every == 60


def test_new_groups_are_found_at_their_own_interval(emu: Any, endpoint: Endpoint) -> None:
    collector.run()
    emu.world.add_logstore("proj", "other", shards=1)
    emu.add_group("proj", "other", "late")
    collector.run()
    assert not ConsumerGroup.objects.filter(name="late").exists()
    Endpoint.objects.update(next_discovery_at=timezone.now())
    collector.run()
    assert ConsumerGroup.objects.get(name="late").read_at is not None


def test_the_state_of_a_reading_that_fails_is_told_and_it_is_tried_again(emu: Any, group: Any) -> None:
    collector.run()
    emu.fault("ListShards", status=403, code="Unauthorized", message="denied by sts or ram", times=1)
    make_due()
    collector.run()
    group.refresh_from_db()
    store = Logstore.objects.get()
    assert group.problem["code"] == store.problem["code"] == "Unauthorized"
    assert store.next_read_at is not None
    make_due()
    collector.run()
    group.refresh_from_db()
    assert (group.problem, Logstore.objects.get().problem) == (None, None)


def test_a_fault_of_ours_costs_its_logstore_and_not_the_run(
    emu: Any, add_endpoint: Any, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    emu.world.add_logstore("proj", "other", shards=1)
    emu.add_group("proj", "other", "well")
    add_endpoint(emu)
    facts_of = reading.facts_of

    def broken(seen: Any, *args: Any) -> Any:
        if seen.shard.id == 3:  # the other Logstore has no such shard
            raise ZeroDivisionError
        return facts_of(seen, *args)

    monkeypatch.setattr(reading, "facts_of", broken)
    collector.run()
    read = dict(ConsumerGroup.objects.values_list("name", "read_at"))
    assert read["cg-0"] is None
    assert read["well"] is not None
    assert "ZeroDivisionError" in caplog.text


def test_twenty_endpoints_of_which_three_are_in_trouble(
    emu: Any, add_endpoint: Any, settings: Any, signed_in: Any
) -> None:
    """One hangs, one throttles, the keys of one are revoked: the others lose no cycle."""
    settings.SLS_CONCURRENCY = 4
    shape: dict[str, Any] = {"projects": 1, "logstores": 6, "shards": 1, "groups": 1, "keys": KEYS}
    with running(**shape) as hanging, running(**shape) as throttling, running(**shape) as revoking:
        troubled = [
            add_endpoint(hanging, name="hangs"),
            add_endpoint(throttling, name="throttles"),
            add_endpoint(revoking, name="revoked"),
        ]
        healthy = [add_endpoint(emu, name=f"well-{number}") for number in range(17)]
        collector.run()
        assert not Endpoint.objects.filter(last_success_at=None).exists()

        hanging.latency(2500)
        throttling.fault(None, **THROTTLED)
        revoking.fault(None, status=401, code="InvalidAccessKeyId", message="the key is disabled")
        for _ in range(2):
            make_due()
            begun = timezone.now()
            collector.run()
            of_healthy = Logstore.objects.filter(project__endpoint__in=healthy)
            assert of_healthy.filter(read_at__gte=begun).count() == 17
        for endpoint in troubled:
            endpoint.refresh_from_db()
        # Two runs of six Logstores each: the first opened it, the second left it alone.
        assert [endpoint.failures for endpoint in troubled] == [6, 6, 6]
        assert all(endpoint.retry_at for endpoint in troubled)
        last_read = max(of_healthy.values_list("read_at", flat=True))
        assert last_read - begun < timedelta(seconds=5)
        words_on_page(signed_in("viewer"))

        hanging.clear_faults()
        throttling.clear_faults()
        revoking.clear_faults()
        time.sleep(1.8)  # what still hangs in the emulator comes to its end
        Endpoint.objects.filter(retry_at__isnull=False).update(retry_at=timezone.now())
        collector.run()
        make_due()
        collector.run()
        for endpoint in troubled:
            endpoint.refresh_from_db()
            assert (endpoint.failures, endpoint.retry_at, endpoint.problem) == (0, None, None)
        assert not Logstore.objects.exclude(problem=None).filter(problem__isnull=False).exists()


def words_on_page(browser: Any) -> None:
    """The page says what is wrong with each, and when it is tried again."""
    page = browser.get("/endpoints/").content.decode()
    for words in (
        "No answer came in time",
        "The service is throttling",
        "The AccessKey ID is not known",
        "Nothing is read since",
        "next try at",
        "Left alone",
    ):
        assert words in page
    assert page.count("next try at") == 3


def test_while_it_is_open_no_page_waits_and_nothing_is_asked(emu: Any, group: ConsumerGroup) -> None:
    collector.run()
    emu.fault("ListShards", status=500, code="InternalServerError")
    for _ in range(5):
        make_due()
        collector.run()
    emu.reset_stats()
    problem = collector.refresh(ConsumerGroup.objects.get(), now=timezone.now(), max_age=timedelta(0))
    assert problem is not None
    assert problem.code == "InternalServerError"
    group.refresh_from_db()
    assert group.problem == problem.as_json()
    make_due()
    collector.run()
    assert emu.stats()["total"] == 0


def test_the_probe_is_one_logstore_and_closes_it(emu: Any, endpoint: Endpoint) -> None:
    for number in range(3):
        emu.world.add_logstore("proj", f"more-{number}", shards=1)
        emu.add_group("proj", f"more-{number}", "g")
    collector.run()
    now = timezone.now()
    Endpoint.objects.update(failures=5, opened_at=now - PAST, retry_at=now + PAUSE)
    make_due()
    emu.reset_stats()
    collector.run()
    assert emu.stats()["total"] == 0
    Endpoint.objects.update(retry_at=now)
    emu.fault("ListShards", status=500, code="InternalServerError")
    collector.run()
    assert calls(emu, "ListConsumerGroup") == 1
    emu.clear_faults()
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.retry_at > now) == (6, True)
    Endpoint.objects.update(retry_at=now)
    collector.run()
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.retry_at) == (0, None)


def fail_for(endpoint: Endpoint, shards: range, monkeypatch: pytest.MonkeyPatch) -> None:
    client = connections.connect(endpoint)
    ask = client.get_cursor

    def get_cursor(project: str, logstore: str, shard: int, at: Any) -> Any:
        if shard in shards:
            raise sls.ServerFault("x", status=500, code="InternalServerError")
        return ask(project, logstore, shard, at)

    monkeypatch.setattr(client, "get_cursor", get_cursor)


def test_readings_of_which_every_shard_failed_open_the_breaker(
    emu: Any, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    fail_for(endpoint, range(4), monkeypatch)
    for _ in range(5):
        collector.run()
        make_due()
    endpoint.refresh_from_db()
    assert endpoint.failures == 5
    assert endpoint.retry_at is not None
    assert endpoint.problem["code"] == "InternalServerError"


def test_a_reading_of_which_some_shards_answered_is_a_success(
    emu: Any, endpoint: Endpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    Endpoint.objects.update(failures=4)
    fail_for(endpoint, range(3), monkeypatch)
    collector.run()
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.problem) == (0, None)
    assert ConsumerGroup.objects.get().is_partial


def test_a_right_that_is_missing_for_all_shards_is_none(emu: Any, endpoint: Endpoint) -> None:
    collector.run()
    make_due()
    emu.fault("GetCursor", status=403, code="Unauthorized", message="denied by sts or ram")
    collector.run()
    endpoint.refresh_from_db()
    assert (endpoint.failures, endpoint.problem) == (0, None)


def test_an_endpoint_without_any_logstore_is_probed_by_discovery(emu: Any, add_endpoint: Any) -> None:
    endpoint = add_endpoint(emu)
    now = timezone.now()
    Endpoint.objects.update(failures=5, opened_at=now, retry_at=now, next_discovery_at=now + discovery.EVERY)
    collector.run()
    endpoint.refresh_from_db()
    assert endpoint.retry_at is None
    assert ConsumerGroup.objects.exists()


def test_a_failed_discovery_is_tried_again_soon(emu: Any, add_endpoint: Any) -> None:
    endpoint = add_endpoint(emu, secret="notTheSecretOfTheKey")
    collector.run()
    endpoint.refresh_from_db()
    assert endpoint.problem["code"] == "SignatureNotMatch"
    assert endpoint.next_discovery_at - timezone.now() < timedelta(seconds=61)


def test_since_when_data_is_kept_is_read_while_somebody_looks(emu: Any, endpoint: Endpoint) -> None:
    def known() -> set[bool]:
        return {
            fact.begin_at is not None
            for fact in Reading.objects.latest("taken_at").facts()
            if fact.end != fact.begin
        }

    for watched_at in (None, timezone.now() - timedelta(minutes=3), timezone.now()):
        Logstore.objects.update(watched_at=watched_at)
        make_due()
        collector.run()
        assert known() == {watched_at is not None and timezone.now() - watched_at < timedelta(minutes=2)}
