"""Heartbeats, balance, transfer, order, and who may write a checkpoint."""

import random

import pytest

from emulator import cursors
from emulator.errors import ServiceError
from emulator.groups import Group
from emulator.logstores import Logstore


def arranged(count: int = 4, *, order: bool = False, filled: int = 5) -> tuple[Logstore, Group]:
    store = Logstore("store", created=0, ttl_days=30, dice=random.Random(0))
    store.add_shards(count, 0)
    for shard in store.all_shards.values():
        shard.fill([float(second) for second in range(filled)])
    return store, Group("cg-0", timeout=10, order=order)


def finish(store: Logstore, group: Group, number: int, now: float) -> None:
    shard = store.all_shards[number]
    group.commit(shard, cursors.encode(shard.end(now)), consumer="", force=True, now=now)


def states(store: Logstore, group: Group, now: float) -> list[str]:
    return [group.state(shard, store.all_shards, now) for shard in store.all_shards.values()]


def test_the_first_heartbeat_registers_and_gets_every_shard() -> None:
    store, group = arranged()
    assert group.heartbeat("a", set(), store.all_shards, 100) == [0, 1, 2, 3]
    assert states(store, group, 100) == ["already_alloc"] * 4


def test_a_second_consumer_waits_until_the_first_lets_go() -> None:
    store, group = arranged()
    shards = store.all_shards
    group.heartbeat("a", set(), shards, 100)
    assert group.heartbeat("b", set(), shards, 101) == []
    assert states(store, group, 101) == ["already_alloc", "already_alloc", "transfer", "transfer"]
    assert group.heartbeat("a", {0, 1, 2, 3}, shards, 102) == [0, 1]
    assert group.heartbeat("b", set(), shards, 103) == []
    assert group.heartbeat("a", {0, 1}, shards, 104) == [0, 1]
    assert group.heartbeat("b", set(), shards, 105) == [2, 3]


def test_a_transfer_is_off_when_the_next_consumer_dies() -> None:
    store, group = arranged()
    shards = store.all_shards
    group.heartbeat("a", set(), shards, 100)
    group.heartbeat("b", set(), shards, 100)
    assert group.heartbeat("a", {0, 1, 2, 3}, shards, 109) == [0, 1]
    assert group.heartbeat("a", {0, 1, 2, 3}, shards, 111) == [0, 1, 2, 3]


@pytest.mark.parametrize("consumers", [2, 3, 4, 5, 7])
def test_balance_keeps_consumers_within_one_shard_of_each_other(consumers: int) -> None:
    store, group = arranged(8)
    held: dict[str, set[int]] = {f"c-{turn}": set() for turn in range(consumers)}
    for _ in range(4):
        held = {name: set(group.heartbeat(name, own, store.all_shards, 100)) for name, own in held.items()}
    sizes = [len(shards) for shards in held.values()]
    assert max(sizes) - min(sizes) <= 1
    assert sorted(shard for shards in held.values() for shard in shards) == list(range(8))


@pytest.mark.parametrize(("silence", "survives"), [(10, True), (10.1, False)])
def test_a_consumer_is_removed_after_the_timeout(silence: float, survives: bool) -> None:
    store, group = arranged()
    group.heartbeat("a", set(), store.all_shards, 100)
    group.expire(100 + silence)
    assert ("a" in group.consumers, bool(group.holders)) == (survives, survives)


def test_the_holder_may_write_without_force_and_nobody_else() -> None:
    store, group = arranged()
    group.heartbeat("a", set(), store.all_shards, 100)
    group.heartbeat("b", set(), store.all_shards, 100)
    shard = store.all_shards[0]
    group.commit(shard, "MQ==", consumer="a", force=False, now=101)
    for name, status, code in (
        ("b", 400, "ConsumerNotMatch"),
        ("x", 404, "ConsumerNotExist"),
        ("", 404, "ConsumerNotExist"),
    ):
        with pytest.raises(ServiceError) as refusal:
            group.commit(shard, "Mg==", consumer=name, force=False, now=101)
        assert (refusal.value.status, refusal.value.code) == (status, code)
    assert group.checkpoints[0].text == "MQ=="


def test_a_dead_holder_may_not_write_without_force() -> None:
    store, group = arranged()
    group.heartbeat("a", set(), store.all_shards, 100)
    with pytest.raises(ServiceError, match="ConsumerNotExist"):
        group.commit(store.all_shards[0], "MQ==", consumer="a", force=False, now=111)


def test_force_writes_whoever_holds_the_shard_and_keeps_the_label() -> None:
    store, group = arranged()
    group.heartbeat("a", set(), store.all_shards, 100)
    group.commit(store.all_shards[0], "Mg==", consumer="", force=True, now=101.5)
    assert group.rows(store.all_shards)[0] == {
        "shard": 0,
        "checkpoint": "Mg==",
        "updateTime": 101_500_000,
        "consumer": "a",
    }
    assert group.holders[0] == "a"


@pytest.mark.parametrize("text", ["", "%%%", "茶", "a"])
def test_a_checkpoint_that_is_no_base64_is_refused(text: str) -> None:
    store, group = arranged()
    with pytest.raises(ServiceError, match="InvalidShardCheckPoint"):
        group.commit(store.all_shards[0], text, consumer="", force=True, now=1)
    assert group.checkpoints.get(0) is None or group.checkpoints[0].updated == 0


def test_every_shard_is_listed_and_an_owned_one_bears_its_consumer() -> None:
    store, group = arranged(2)
    assert group.rows(store.all_shards)[1] == {"shard": 1, "checkpoint": "", "updateTime": 0, "consumer": ""}
    group.heartbeat("a", set(), store.all_shards, 100)
    assert group.rows(store.all_shards)[1] == {"shard": 1, "checkpoint": "", "updateTime": 0, "consumer": "a"}


def test_a_finished_readonly_shard_is_over_and_taken_away() -> None:
    store, group = arranged()
    group.heartbeat("a", set(), store.all_shards, 100)
    store.all_shards[1].close(101)
    finish(store, group, 1, 102)
    assert states(store, group, 102)[1] == "over"
    assert group.heartbeat("a", {0, 1, 2, 3}, store.all_shards, 103) == [0, 2, 3]


def test_a_forced_rewind_of_an_over_shard_makes_it_consumable_again() -> None:
    store, group = arranged()
    shard = store.all_shards[1]
    shard.close(101)
    finish(store, group, 1, 102)
    group.commit(shard, cursors.encode(shard.base), consumer="", force=True, now=103)
    assert states(store, group, 103)[1] == "not_alloc"
    assert group.heartbeat("a", set(), store.all_shards, 104) == [0, 1, 2, 3]


def test_children_wait_for_their_parent_when_order_matters() -> None:
    store, group = arranged(order=True)
    store.split(1, "", 100)
    assert group.heartbeat("a", set(), store.all_shards, 101) == [0, 1, 2, 3]
    assert states(store, group, 101)[4:] == ["wait", "wait"]
    finish(store, group, 1, 102)
    assert group.heartbeat("a", {0, 1, 2, 3}, store.all_shards, 103) == [0, 2, 3, 4, 5]


def test_children_start_at_once_when_order_does_not_matter() -> None:
    store, group = arranged()
    store.split(1, "", 100)
    assert group.heartbeat("a", set(), store.all_shards, 101) == [0, 1, 2, 3, 4, 5]


def test_grandchildren_wait_for_all_ancestors() -> None:
    store, group = arranged(order=True)
    store.split(1, "", 100)
    store.split(4, "", 100)
    finish(store, group, 1, 101)
    store.all_shards[5].write(101)
    assert states(store, group, 101)[4:6] == ["not_alloc", "not_alloc"]
    assert states(store, group, 101)[6:] == [
        "not_alloc",
        "not_alloc",
    ]  # shard 4 was empty, so it holds nothing up


def test_a_child_of_an_unfinished_child_waits() -> None:
    store, group = arranged(order=True)
    store.split(1, "", 100)
    store.all_shards[4].write(100)
    store.split(4, "", 101)
    finish(store, group, 1, 102)
    assert states(store, group, 102)[4:] == ["not_alloc", "not_alloc", "wait", "wait"]


def test_order_switched_off_releases_waiting_shards() -> None:
    store, group = arranged(order=True)
    store.split(1, "", 100)
    group.change(store.all_shards, timeout=None, order=False)
    assert states(store, group, 101)[4:] == ["not_alloc", "not_alloc"]


def test_order_switched_on_binds_only_shards_created_later() -> None:
    store, group = arranged()
    store.split(1, "", 100)
    group.change(store.all_shards, timeout=None, order=True)
    store.split(2, "", 101)
    assert states(store, group, 102)[4:] == ["not_alloc", "not_alloc", "wait", "wait"]


def test_a_checkpoint_of_a_deleted_shard_stays_listed() -> None:
    store, group = arranged(2)
    finish(store, group, 0, 10)
    store.all_shards[0].close(10)
    later = 10 + 31 * 86_400
    assert [row["shard"] for row in group.rows(store.shards(later))] == [0, 1]
    assert sorted(store.shards(later)) == [1]
