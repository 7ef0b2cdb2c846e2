"""Positions, receive times, retention, splits and merges."""

import random

import pytest

from emulator import cursors
from emulator.errors import ServiceError
from emulator.logstores import Logstore
from emulator.shards import Shard

BASE = 1_524_155_379_373_908_496
KEYS = ("0" * 32, "f" * 32)


def shard(
    times: list[float] | None = None, *, ttl: float = 86_400, rate: float = 0, now: float = 1000
) -> Shard:
    made = Shard(0, base=BASE, created=0, keys=KEYS, ttl_seconds=ttl)
    made.fill([100.0, 200.5, 300.0] if times is None else times)
    made.set_rate(rate, now)
    return made


def logstore(count: int = 4) -> Logstore:
    made = Logstore("store", created=0, ttl_days=1, dice=random.Random(0))
    made.add_shards(count, 0)
    return made


@pytest.mark.parametrize(
    ("text", "position"),
    [
        ("MTUyNDE1NTM3OTM3MzkwODQ5Ng==", BASE),
        ("MTUyNDE1NTM3OTM3MzkwODQ5Ng", BASE),
        (" MTUyNDE1NTM3OTM3MzkwODQ5Ng==\n", BASE),
        ("MTUyNDE1NTM3OTM3MzkwODQ5Ngo=", BASE),
        ("", None),
        ("!!", None),
        ("aGVsbG8=", None),
        ("茶", None),
    ],
)
def test_cursors_are_read_leniently(text: str, position: int | None) -> None:
    assert cursors.decode(text) == position


def test_a_cursor_is_base64_of_the_decimal_position() -> None:
    assert cursors.encode(BASE) == "MTUyNDE1NTM3OTM3MzkwODQ5Ng=="


@pytest.mark.parametrize(
    ("wanted", "offset"),
    [
        ("begin", 0),
        ("end", 3),
        ("0", 0),
        ("100", 0),
        ("101", 1),
        ("200", 1),
        ("201", 2),
        ("300", 2),
        ("301", 3),
        ("9999999999", 3),
    ],
)
def test_cursor_from_a_time_is_the_first_log_group_received_at_or_after_it(wanted: str, offset: int) -> None:
    assert shard().position_from(wanted, 1000) == BASE + offset


@pytest.mark.parametrize("wanted", ["", "tomorrow", "1.5", "١٢", "9" * 30, "--5", "-"])
def test_a_wrong_from_is_refused(wanted: str) -> None:
    with pytest.raises(ServiceError, match="ParameterInvalid"):
        shard().position_from(wanted, 1000)


@pytest.mark.parametrize(("offset", "time"), [(0, 100), (1, 200), (2, 300), (3, 1000)])
def test_time_of_a_position_is_its_receive_time_and_now_at_the_end(offset: int, time: int) -> None:
    assert shard().time_of(BASE + offset, 1000.9) == time


@pytest.mark.parametrize("offset", [-1, 4, 10**15])
def test_time_outside_begin_and_end_is_an_invalid_cursor(offset: int) -> None:
    with pytest.raises(ServiceError, match="InvalidCursor"):
        shard().time_of(BASE + offset, 1000)


def test_a_shard_without_data_answers_the_present_time() -> None:
    assert shard([]).time_of(BASE, 1000) == 1000


def test_retention_moves_begin_and_expires_older_positions() -> None:
    one = shard(ttl=800)
    assert [one.begin(now) - BASE for now in (900, 901, 1001)] == [0, 1, 2]
    with pytest.raises(ServiceError, match="InvalidCursor"):
        one.time_of(BASE, 1001)
    assert one.begin(2000) == one.end(2000) == BASE + 3


def test_begin_never_moves_back() -> None:
    one = shard(ttl=800)
    one.begin(901)
    one.ttl_seconds = 10**6
    assert one.begin(902) == BASE + 1


def test_a_ttl_of_3650_days_keeps_everything() -> None:
    assert shard(ttl=3650 * 86_400).begin(10**12) == BASE


def test_old_log_groups_are_forgotten_without_changing_positions() -> None:
    one = shard([float(second) for second in range(50_000)], ttl=1000)
    assert one.begin(50_000) == BASE + 49_000
    assert len(one.times) == 1000
    assert one.end(50_000) == BASE + 50_000
    assert one.time_of(BASE + 49_500, 50_000) == 49_500


def test_the_rate_writes_log_groups_as_time_passes() -> None:
    one = shard(rate=2, now=1000)
    assert one.end(1010) == BASE + 3 + 20
    assert one.time_of(BASE + 3, 1010) == 1000
    assert one.time_of(BASE + 22, 1010) == 1010


def test_a_closed_shard_takes_no_more_log_groups_and_goes_with_its_data() -> None:
    one = shard(rate=2, now=1000, ttl=500)
    one.close(1010)
    assert one.end(1400) == BASE + 23
    assert (one.is_gone(1509), one.is_gone(1511)) == (False, True)


def test_the_same_position_always_has_the_same_lines() -> None:
    assert shard().read(BASE + 1, 1) == shard().read(BASE + 1, 5)[:1]
    assert shard().read(BASE + 1, 1) != shard().read(BASE + 2, 1)


def test_shards_divide_the_key_space() -> None:
    keys = [one.keys for one in logstore(3).all_shards.values()]
    assert keys[0][0] == "0" * 32
    assert keys[-1][1] == "f" * 32
    assert [pair[1] for pair in keys[:-1]] == [pair[0] for pair in keys[1:]]


def test_a_split_closes_the_parent_and_divides_its_keys() -> None:
    store = logstore(1)
    parent, left, right = store.split(0, "8" + "0" * 31, 100)
    assert [parent.status, left.status, right.status] == ["readonly", "readwrite", "readwrite"]
    assert (left.number, right.number) == (1, 2)
    assert (left.keys[1], right.keys[0], right.keys[1]) == ("8" + "0" * 31, "8" + "0" * 31, "f" * 32)


def test_a_merge_joins_a_shard_with_its_right_neighbour() -> None:
    store = logstore(4)
    merged, left, right = store.merge(1, 100)
    assert (merged.number, left.number, right.number) == (4, 1, 2)
    assert merged.keys == (left.keys[0], right.keys[1])
    assert merged.parents == (1, 2)
    assert {left.status, right.status} == {"readonly"}


@pytest.mark.parametrize("key", ["", "0" * 32, "f" * 32, "xyz", "8" + "0" * 30, "A" * 32])
def test_a_split_key_outside_the_shard_is_refused(key: str) -> None:
    store = logstore(2)
    if key == "":
        assert len(store.split(0, key, 100)) == 3  # the middle is taken
        return
    with pytest.raises(ServiceError, match="ParameterInvalid"):
        store.split(0, key, 100)
    assert len(store.all_shards) == 2


def test_a_readonly_shard_cannot_be_split_and_the_last_cannot_be_merged() -> None:
    store = logstore(2)
    store.split(0, "", 100)
    for wrong in (lambda: store.split(0, "", 100), lambda: store.merge(1, 100)):
        with pytest.raises(ServiceError, match="ParameterInvalid"):
            wrong()


@pytest.mark.parametrize("number", ["99", "x", "-1", "١", "9" * 40, ""])
def test_a_shard_that_does_not_exist_is_named(number: str) -> None:
    with pytest.raises(ServiceError, match="ShardNotExist"):
        logstore().shard(number, 0)
