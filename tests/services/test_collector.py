"""Reading: states, call budget, caching, leases and partial failure, against the emulator."""

from __future__ import annotations

import time
from concurrent.futures import wait
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checkpoints import sls
from checkpoints.domain.lag import State, assess
from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Reading
from checkpoints.services import collector, connections, discovery, parallel, reading
from emulator.testing import running
from tests.conftest import KEYS, store_endpoint

pytestmark = pytest.mark.django_db
FRESH = timedelta(0)


def moment() -> datetime:
    return datetime.now(UTC)


def put_behind(emu: Any, behind: int = 5, group: str = "cg-0") -> None:
    for shard in range(4):
        end = int(emu.shard("proj", "store", shard)["end"])
        emu.set_checkpoint("proj", "store", group, shard, end - behind)


def calls(emu: Any) -> dict[str, int]:
    return {name: sum(by.values()) for name, by in emu.stats()["requests"].items()}


def test_the_first_reading_has_exact_backlog_and_lag(emu: Any, group: ConsumerGroup) -> None:
    put_behind(emu, 5)
    reading = collector.read_group(group, max_age=FRESH, now=moment())
    lags = [assess(fact, now=moment(), retention=None) for fact in reading.facts()]
    assert [found.backlog for found in lags] == [5, 5, 5, 5]
    assert all(found.state is State.BEHIND and found.lag is not None for found in lags)
    group.refresh_from_db()
    assert group.backlog == 20
    assert group.lag_seconds == max(found.lag for found in lags if found.lag).total_seconds()


def test_a_second_reading_with_nothing_changed_costs_s_plus_3_calls(emu: Any, group: ConsumerGroup) -> None:
    put_behind(emu)
    collector.read_group(group, max_age=FRESH, now=moment())
    emu.reset_stats()
    collector.read_group(group, max_age=FRESH, now=moment() + timedelta(seconds=20))
    assert calls(emu) == {"ListShards": 1, "ListConsumerGroup": 1, "GetCheckPoint": 1, "GetCursor": 4}


def test_a_shard_that_moved_costs_only_its_own_new_times(emu: Any, group: ConsumerGroup) -> None:
    put_behind(emu)
    collector.read_group(group, max_age=FRESH, now=moment())
    emu.put("proj", "store", 2, 3)
    emu.reset_stats()
    reading = collector.read_group(group, max_age=FRESH, now=moment() + timedelta(seconds=20))
    assert calls(emu)["GetCursorTime"] == 1
    assert assess(reading.facts()[2], now=moment(), retention=None).backlog == 8


def test_a_logstore_is_read_with_2_plus_s_plus_g_calls_for_all_groups(emu: Any, endpoint: Endpoint) -> None:
    for name in ("cg-1", "cg-2"):
        emu.add_group("proj", "store", name)
    discovery.discover(endpoint, now=moment())
    store = Logstore.objects.get()
    collector.read_logstore(store, now=moment())
    emu.reset_stats()
    collector.read_logstore(store, now=moment() + timedelta(seconds=30))
    assert calls(emu) == {"ListShards": 1, "ListConsumerGroup": 1, "GetCheckPoint": 3, "GetCursor": 4}


def test_a_young_reading_is_returned_without_any_call(emu: Any, group: ConsumerGroup) -> None:
    now = moment()
    first = collector.read_group(group, max_age=FRESH, now=now)
    emu.reset_stats()
    again = collector.read_group(group, max_age=timedelta(seconds=10), now=now + timedelta(seconds=9))
    assert again.pk == first.pk
    assert calls(emu) == {}


def test_a_group_that_somebody_else_reads_is_not_read_twice(emu: Any, group: ConsumerGroup) -> None:
    now = moment()
    first = collector.read_group(group, max_age=FRESH, now=now)
    ConsumerGroup.objects.filter(pk=group.pk).update(claimed_until=now + timedelta(seconds=60))
    emu.reset_stats()
    found = collector.read_group(group, max_age=timedelta(seconds=5), now=now + timedelta(seconds=20))
    assert found.pk == first.pk
    assert calls(emu) == {}


def test_one_shard_that_fails_leaves_the_others_shown(emu: Any, group: ConsumerGroup) -> None:
    put_behind(emu)
    end = emu.shard("proj", "store", 0)["end"]
    assert end
    emu.fault("GetCursor", status=400, code="ShardNotExist", message="shard dose not exist", times=1)
    reading = collector.read_group(group, max_age=FRESH, now=moment())
    found = [assess(fact, now=moment(), retention=None) for fact in reading.facts()]
    errors = [fact.error for fact in reading.facts() if fact.error]
    assert len(errors) == 1
    assert "ShardNotExist" in errors[0]
    assert "request" in errors[0]
    assert sum(one.state is State.BEHIND for one in found) >= 3


def test_a_failed_listing_keeps_the_last_reading_and_tells_why(emu: Any, group: ConsumerGroup) -> None:
    collector.read_group(group, max_age=FRESH, now=moment())
    emu.fault("ListShards", status=500, code="InternalServerError", times=9)
    problem = collector.refresh(group, now=moment() + timedelta(seconds=60))
    assert problem is not None
    assert problem.code == "InternalServerError"
    group.refresh_from_db()
    assert group.problem["request_id"] == problem.request_id
    assert Reading.objects.filter(group=group).count() == 1


def test_a_checkpoint_that_overtakes_the_end_we_read_is_not_called_invalid(
    emu: Any, group: ConsumerGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    from checkpoints.services import reading

    put_behind(emu, 0)
    arrived = reading._Reader._ask_ends_again

    def commit_meanwhile(self: Any) -> None:
        emu.put("proj", "store", 1, 7)
        end = int(emu.shard("proj", "store", 1)["end"])
        self.checkpoints["cg-0"] = [
            sls.Checkpoint(1, reading.positions.encode(end), moment(), "c") if one.shard == 1 else one
            for one in self.checkpoints["cg-0"]
        ]
        arrived(self)

    monkeypatch.setattr(reading._Reader, "_ask_ends_again", commit_meanwhile)
    found = collector.read_group(group, max_age=FRESH, now=moment()).facts()
    assert assess(found[1], now=moment(), retention=None).state is State.CAUGHT_UP


def test_the_checkpoint_of_a_shard_that_is_gone_is_shown_as_finished(emu: Any, group: ConsumerGroup) -> None:
    from checkpoints.services.seen import facts_of_gone

    for checkpoint, state in (("MTAw", State.FINISHED), ("", State.EMPTY)):
        fact = facts_of_gone(sls.Checkpoint(9, checkpoint, None, "c-1"))
        assert assess(fact, now=moment(), retention=None).state is state
        assert fact.error == "ListShards: this shard no longer exists"


def test_a_group_that_vanished_is_kept_and_marked(emu: Any, endpoint: Endpoint, group: ConsumerGroup) -> None:
    emu.world.projects["proj"].logstores["store"].groups.pop("cg-0")
    collector.read_logstore(group.logstore, now=moment())
    group.refresh_from_db()
    assert group.vanished_at is not None


def test_projects_typed_by_hand_need_no_right_to_list(emu: Any, endpoint: Endpoint) -> None:
    emu.fault("ListProject", status=403, code="Unauthorized", message="denied by sts or ram", times=9)
    assert discovery.discover(endpoint, now=moment()) == []
    assert ConsumerGroup.objects.filter(name="cg-0").exists()


def test_without_typed_projects_a_refused_listing_is_told(emu: Any, add_endpoint: Any) -> None:
    endpoint = add_endpoint(emu, typed_projects=[])
    emu.fault("ListProject", status=403, code="Unauthorized", message="denied by sts or ram", times=9)
    problems = collector.collect_endpoint(endpoint, now=moment())
    assert [problem.operation for problem in problems] == ["ListProject"]
    endpoint.refresh_from_db()
    assert endpoint.problem["code"] == "Unauthorized"


def test_old_readings_are_pruned_but_never_the_latest(emu: Any, group: ConsumerGroup) -> None:
    now = moment()
    collector.read_logstore(group.logstore, now=now - timedelta(hours=5))
    collector.read_logstore(group.logstore, now=now - timedelta(hours=3))
    collector.read_logstore(group.logstore, now=now)
    assert [reading.taken_at for reading in Reading.objects.all()] == [now]


def test_a_collection_never_sends_a_heartbeat(emu: Any, endpoint: Endpoint) -> None:
    collector.collect_endpoint(endpoint, now=moment())
    assert "HeartBeat" not in calls(emu)
    assert "UpdateCheckPoint" not in calls(emu)


def test_an_endpoint_that_hangs_in_the_middle_does_not_delay_another(
    emu: Any, add_endpoint: Any, settings: Any
) -> None:
    settings.SLS_CONCURRENCY = 2
    with running(projects=1, shards=4, groups=1, keys=KEYS) as slow:
        hung, healthy = add_endpoint(slow, name="hung"), add_endpoint(emu, name="healthy")
        for endpoint in (hung, healthy):
            discovery.discover(endpoint, now=moment())
        slow.latency(3000, "GetCursor")
        pool = parallel.pool(connections.connect(hung))
        ask = connections.connect(hung).get_cursor
        waiting = [pool.submit(ask, "proj", "store", 0, "end") for _ in range(8)]
        begun = time.monotonic()
        assert collector.collect_endpoint(healthy, now=moment()) == []
        assert time.monotonic() - begun < 2.8
        wait([future for future in waiting if not future.cancel()])


def test_a_group_deleted_meanwhile_is_told_as_gone(emu: Any, group: ConsumerGroup) -> None:
    emu.world.projects["proj"].logstores["store"].groups.pop("cg-0")
    with pytest.raises(sls.NotFound, match="the group cg-0 no longer exists"):
        collector.read_group(group, max_age=FRESH, now=moment())


def test_without_the_retention_the_lag_is_still_read(emu: Any, group: ConsumerGroup) -> None:
    put_behind(emu)
    emu.fault("GetLogStore", status=403, code="Unauthorized", message="denied", times=9)
    collector.read_group(group, max_age=FRESH, now=moment())
    group.refresh_from_db()
    assert (group.backlog, group.logstore.retention_days) == (20, None)


def test_a_service_that_is_down_is_not_asked_for_more_than_the_retention(
    emu: Any, group: ConsumerGroup
) -> None:
    emu.fault("GetLogStore", status=401, code="InvalidAccessKeyId", times=1)
    emu.reset_stats()
    assert collector.refresh(group, now=moment()) is not None
    assert calls(emu) == {"GetLogStore": 1}


def test_one_group_that_may_not_be_read_has_its_own_problem(emu: Any, endpoint: Endpoint) -> None:
    emu.add_group("proj", "store", "cg-1")
    discovery.discover(endpoint, now=moment())
    emu.fault("GetCheckPoint", status=403, code="Unauthorized", message="denied", times=1)
    collector.read_logstore(Logstore.objects.get(), now=moment())
    problems = [one.problem["code"] if one.problem else None for one in ConsumerGroup.objects.all()]
    assert sorted(problems, key=str) == [None, "Unauthorized"]


def test_a_logstore_that_fails_is_a_problem_of_its_endpoint(emu: Any, endpoint: Endpoint) -> None:
    discovery.discover(endpoint, now=moment())
    emu.fault("ListShards", status=403, code="Unauthorized", message="denied", times=9)
    assert [problem.operation for problem in collector.collect_endpoint(endpoint, now=moment())] == [
        "ListShards"
    ]
    endpoint.refresh_from_db()
    assert endpoint.problem["code"] == "Unauthorized"
    assert Logstore.objects.get().problem["code"] == "Unauthorized"


def test_an_endpoint_of_which_no_project_can_be_read_is_no_success(emu):
    refused = store_endpoint(emu, secret="notTheSecretOfTheKey")
    assert collector.collect_endpoint(refused, now=datetime.now(UTC))
    refused.refresh_from_db()
    assert refused.problem["code"] == "SignatureNotMatch"
    assert refused.last_success_at is None


def test_what_does_not_answer_in_time_leaves_the_rest_read(
    emu: Any, group: ConsumerGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    put_behind(emu)
    collector.read_group(group, max_age=FRESH, now=moment())
    emu.put("proj", "store", 2, 3)
    emu.latency(1500, "GetCursorTime")
    monkeypatch.setattr(reading, "SECONDS", 0.4)
    begun = time.monotonic()
    facts = collector.read_group(group, max_age=FRESH, now=moment() + timedelta(seconds=20)).facts()
    assert time.monotonic() - begun < 1.2
    assert [fact.error for fact in facts if fact.error] == []
    found = [assess(fact, now=moment(), retention=None) for fact in facts]
    assert [one.backlog for one in found] == [5, 5, 8, 5]
    assert [one.lag is None for one in found] == [False, False, True, False]


def test_a_list_that_does_not_come_in_time_is_told(
    emu: Any, group: ConsumerGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    emu.latency(1500, "ListConsumerGroup")
    monkeypatch.setattr(reading, "SECONDS", 0.3)
    problem = collector.refresh(group, now=moment())
    assert problem is not None
    assert (problem.code, problem.operation) == ("Timeout", "ListConsumerGroup")


def test_all_endpoints_are_collected_at_the_same_time(emu: Any, add_endpoint: Any) -> None:
    with running(projects=1, shards=4, groups=1, keys=KEYS) as slow:
        slow.latency(300)
        late, quick = add_endpoint(slow, name="a"), add_endpoint(emu, name="b")
        assert collector.collect(now=moment()) == []
        late.refresh_from_db()
        quick.refresh_from_db()
    assert ConsumerGroup.objects.filter(read_at=None).count() == 0
