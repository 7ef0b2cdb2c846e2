"""One reading of a Logstore: what is asked when something expired, failed, vanished or is no SLS at all."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checkpoints import sls
from checkpoints.domain.lag import ShardFacts, State, assess
from checkpoints.services import parallel, reading
from checkpoints.services.reading import Known, LogstoreSeen, read
from tests.services.resetting import begin, end, place

HTML = "<html><body>502 Bad Gateway</body></html>"


@pytest.fixture
def client(emu: Any) -> Iterator[sls.Client]:
    made = sls.Client(
        host=emu.host,
        scheme="http",
        region="cn-hangzhou",
        signature="v4",
        credentials=sls.Credentials("testAccessKeyId", sls.Secret("testAccessKeySecret")),
        network=sls.Network(allowed_hosts=("127.0.0.1",), allow_http=True),
        threads=8,
    )
    yield made
    parallel.pool(made).shutdown(cancel_futures=True)  # what was abandoned must not outlive the emulator
    made.close()


def seen(client: sls.Client, **changes: Any) -> LogstoreSeen:
    how: dict[str, Any] = {"only": None, "known": Known(), "refresh_begins": False, "retention": None}
    return read(client, "proj", "store", **(how | changes))


def facts(found: LogstoreSeen) -> dict[int, ShardFacts]:
    [group] = found.groups
    assert group.facts is not None
    return {fact.shard: fact for fact in group.facts}


def state(fact: ShardFacts) -> State:
    return assess(fact, now=datetime.now(UTC), retention=None).state


def test_a_page_instead_of_a_list_is_an_error_and_no_empty_list(emu: Any, client: sls.Client) -> None:
    emu.fault("ListShards", status=200, body=HTML, times=9)
    with pytest.raises(sls.SLSError):
        seen(client)


def test_a_page_instead_of_one_cursor_leaves_the_other_shards_read(emu: Any, client: sls.Client) -> None:
    place(emu, {0: 5, 1: 5, 2: 5, 3: 5})
    known = Known(begins={shard: begin(emu, shard) for shard in range(4)})
    emu.fault("GetCursor", status=200, body=HTML, times=1)
    found = facts(seen(client, known=known))
    assert sorted(state(fact).value for fact in found.values()) == ["behind"] * 3 + ["unknown"]
    [error] = [fact.error for fact in found.values() if fact.error]
    assert error.startswith("GetCursor")


def test_a_group_that_may_not_be_read_hides_no_other(emu: Any, client: sls.Client) -> None:
    emu.add_group("proj", "store", "cg-1")
    emu.fault("GetCheckPoint", status=403, code="Unauthorized", message="denied", times=1)
    groups = seen(client).groups
    assert sorted((one.facts is None, one.error is None) for one in groups) == [(False, True), (True, False)]


def test_a_refused_list_of_groups_is_raised(emu: Any, client: sls.Client) -> None:
    emu.fault("ListConsumerGroup", status=403, code="Unauthorized", message="denied", times=9)
    with pytest.raises(sls.ApiError) as refused:
        seen(client)
    assert refused.value.operation == "ListConsumerGroup"


def test_a_group_asked_for_that_does_not_exist_is_not_among_those_read(client: sls.Client) -> None:
    found = seen(client, only="no-such-group")
    assert found.groups == []
    assert [group.name for group in found.existing] == ["cg-0"]


def test_cursors_that_cannot_be_read_are_told_at_each_shard(emu: Any, client: sls.Client) -> None:
    place(emu, {0: 5, 1: 5, 2: 5, 3: 5})
    known = Known(begins={shard: begin(emu, shard) for shard in (0, 1, 2)})
    emu.fault("GetCursor", status=403, code="Unauthorized", message="denied", times=9)
    found = facts(seen(client, known=known))
    assert all("Unauthorized" in str(fact.error) for fact in found.values())


def test_a_time_that_fails_is_told_and_the_backlog_is_still_known(emu: Any, client: sls.Client) -> None:
    place(emu, {0: 5})
    emu.fault("GetCursorTime", status=403, code="Unauthorized", message="denied", times=99)
    fact = facts(seen(client))[0]
    found = assess(fact, now=datetime.now(UTC), retention=None)
    assert "GetCursorTime: Unauthorized: denied (request " in str(fact.error)
    assert (found.backlog, found.lag) == (end(emu, 0) - begin(emu, 0) - 5, None)


def test_the_begin_is_read_again_where_a_time_was_refused(emu: Any, client: sls.Client) -> None:
    place(emu, {0: 2})
    known = Known(begins={shard: begin(emu, shard) for shard in range(4)})
    emu.shard("proj", "store", 0, ttl_seconds=1800)
    emu.reset_stats()
    fact = facts(seen(client, known=known))[0]
    assert fact.begin == begin(emu, 0) > known.begins[0]
    assert state(fact) is State.EXPIRED
    assert emu.count("GetCursor") == 4 + 1


def test_the_begin_is_read_again_where_a_known_time_is_older_than_the_retention(
    emu: Any, client: sls.Client
) -> None:
    place(emu, {0: 2})
    known = Known()
    known.learn(facts(seen(client, known=known)).values())
    emu.shard("proj", "store", 0, ttl_seconds=1800)
    emu.reset_stats()
    fact = facts(seen(client, known=known, retention=timedelta(seconds=1800)))[0]
    assert state(fact) is State.EXPIRED
    assert emu.count("GetCursor") == 4 + 1


def test_a_checkpoint_known_to_be_expired_costs_no_further_begin(emu: Any, client: sls.Client) -> None:
    place(emu, {0: 2})
    emu.shard("proj", "store", 0, ttl_seconds=1800)
    known = Known(begins={shard: begin(emu, shard) for shard in range(4)})
    emu.reset_stats()
    assert state(facts(seen(client, known=known))[0]) is State.EXPIRED
    assert emu.count("GetCursor") == 4


def test_a_begin_that_cannot_be_read_again_leaves_the_reason(emu: Any, client: sls.Client) -> None:
    place(emu, {0: 2})
    known = Known(begins={shard: begin(emu, shard) for shard in range(4)})
    emu.shard("proj", "store", 0, ttl_seconds=1800)
    reread = reading._Reader._ask_begins_of_expired

    def refuse_first(self: Any) -> None:
        emu.fault("GetCursor", status=403, code="Unauthorized", message="denied", times=9)
        reread(self)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(reading._Reader, "_ask_begins_of_expired", refuse_first)
        fact = facts(seen(client, known=known))[0]
    assert "GetCursor: Unauthorized: denied (request " in str(fact.error)


def test_a_checkpoint_of_a_shard_that_is_gone_is_kept_and_told(emu: Any, client: sls.Client) -> None:
    place(emu, {0: 5, 3: 5})
    del emu.world.projects["proj"].logstores["store"].all_shards[3]
    found = facts(seen(client))
    assert sorted(found) == [0, 1, 2, 3]
    assert found[3].error == "ListShards: this shard no longer exists"


def test_a_checkpoint_that_is_no_position_is_shown_as_it_is(emu: Any, client: sls.Client) -> None:
    place(emu, {0: "garbage"})
    fact = facts(seen(client))[0]
    assert fact.checkpoint == "garbage"
    assert state(fact) is State.INVALID


def test_a_fault_of_ours_is_raised_and_not_shown_as_one_of_the_service(
    client: sls.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(client, "get_cursor", fail)
    with pytest.raises(ZeroDivisionError):
        seen(client)


def test_what_is_not_known_of_a_stored_shard_is_not_learnt() -> None:
    known = Known()
    fact = ShardFacts(
        shard=0, readonly=False, checkpoint="", consumer="", updated_at=None, begin=None, end=None
    )
    known.learn([fact])
    assert known == Known()


def test_since_when_data_is_kept_is_asked_only_for_somebody_who_looks_and_once(
    emu: Any, client: sls.Client
) -> None:
    known = Known(begins={shard: begin(emu, shard) for shard in range(4)})
    place(emu, {shard: end(emu, shard) for shard in range(4)})  # nothing unread: no other time is needed
    emu.reset_stats()
    assert {fact.begin_at for fact in facts(seen(client, known=known)).values()} == {None}
    assert emu.stats()["requests"].get("GetCursorTime") is None
    looked = facts(seen(client, known=known, only="cg-0", ages=True))
    assert all(fact.begin_at for fact in looked.values())
    assert sum(emu.stats()["requests"]["GetCursorTime"].values()) == 4
    known.learn(looked.values())
    assert all(fact.begin_at for fact in facts(seen(client, known=known, ages=True)).values())
    assert sum(emu.stats()["requests"]["GetCursorTime"].values()) == 4
