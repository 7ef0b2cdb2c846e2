"""The vendor's own SDK, unmodified, against the emulator with signatures checked."""

from collections.abc import Iterator
from typing import Any

import pytest

from emulator import cursors
from emulator.testing import Emulator, running
from tests.sdk_worker import SDKWorker

pytestmark = [pytest.mark.sdk, pytest.mark.filterwarnings("ignore::DeprecationWarning")]
PLACE = ("proj", "store")
VERSIONS = ["v1", "v4"]


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with running(shards=4, prefill=20) as emulator:
        yield emulator


def worker(emu: Emulator, name: str, version: str = "v1", **how: Any) -> SDKWorker:
    return SDKWorker(emu.sdk_endpoint, *PLACE, "cg-0", name, auth_version=version, **how)


def client(emu: Emulator, version: str) -> Any:
    from aliyun.log import LogClient

    return LogClient(emu.sdk_endpoint, "id", "secret", auth_version=version, region="cn-hangzhou")


def everything(emu: Emulator) -> list[tuple[int, int]]:
    shards = emu.world.logstore(*PLACE).all_shards
    now = emu.world.now()
    return [(number, at) for number, one in shards.items() for at in range(one.begin(now), one.end(now))]


def saved(emu: Emulator) -> dict[int, int | None]:
    rows = emu.group(*PLACE, "cg-0")["checkpoints"].values()
    return {row["shard"]: cursors.decode(row["checkpoint"]) for row in rows}


def ends(emu: Emulator) -> dict[int, int]:
    return {number: one.end(emu.world.now()) for number, one in emu.world.logstore(*PLACE).all_shards.items()}


@pytest.mark.parametrize("version", VERSIONS)
def test_one_worker_consumes_every_log_group_once_and_saves_the_ends(emu: Emulator, version: str) -> None:
    with worker(emu, "one", version) as one:
        one.wait_for(lambda: len(one.consumed) >= 80 and saved(emu) == ends(emu))
    assert sorted(one.consumed) == everything(emu)
    assert {row["consumer"] for row in emu.group(*PLACE, "cg-0")["checkpoints"].values()} == {"one"}


@pytest.mark.parametrize("version", VERSIONS)
def test_a_second_worker_gets_half_of_the_shards_handed_over(emu: Emulator, version: str) -> None:
    with worker(emu, "one", version) as one:
        one.wait_for(lambda: len(one.held) == 4 and saved(emu) == ends(emu))
        with worker(emu, "two", version) as two:
            two.wait_for(lambda: len(two.held) == 2 and len(one.held) == 2)
            assert one.held | two.held == {0, 1, 2, 3}
            for shard in range(4):
                emu.put(*PLACE, shard, 3)
            two.wait_for(lambda: len(one.consumed) + len(two.consumed) >= 92)
            assert {shard for shard, _ in two.consumed} == two.held
    assert sorted(one.consumed + two.consumed) == everything(emu)


@pytest.mark.parametrize("version", VERSIONS)
def test_a_restarted_worker_resumes_where_it_stopped(emu: Emulator, version: str) -> None:
    one = worker(emu, "one", version).start()
    one.wait_for(lambda: saved(emu) == ends(emu))
    one.stop()
    before = len(one.consumed)
    emu.put(*PLACE, 2, 5)
    with worker(emu, "one", version) as again:
        again.wait_for(lambda: saved(emu) == ends(emu))
    assert before == 80
    assert again.consumed == [(2, position) for position in range(ends(emu)[2] - 5, ends(emu)[2])]


def test_a_rewound_worker_consumes_exactly_the_rewound_log_groups_again(emu: Emulator) -> None:
    with worker(emu, "one") as one:
        one.wait_for(lambda: saved(emu) == ends(emu))
    emu.set_checkpoint(*PLACE, "cg-0", 1, ends(emu)[1] - 7)
    with worker(emu, "one") as again:
        again.wait_for(lambda: saved(emu) == ends(emu))
    assert again.consumed == [(1, position) for position in range(ends(emu)[1] - 7, ends(emu)[1])]


def test_a_killed_workers_shards_go_to_the_other_after_the_timeout(emu: Emulator) -> None:
    one = worker(emu, "one").start()
    with worker(emu, "two") as two:
        two.wait_for(lambda: len(one.held) == len(two.held) == 2)
        one.kill()
        two.wait_for(lambda: two.held == {0, 1, 2, 3})


def test_a_rewind_of_a_finished_readonly_shard_is_taken_up_without_a_restart(emu: Emulator) -> None:
    with worker(emu, "one") as one:
        one.wait_for(lambda: saved(emu) == ends(emu))
        emu.shard(*PLACE, 3, status="readonly")
        one.wait_for(lambda: one.held == {0, 1, 2})
        emu.set_checkpoint(*PLACE, "cg-0", 3, ends(emu)[3] - 4)
        one.wait_for(lambda: len(one.consumed) == 84 and saved(emu) == ends(emu))
    assert one.consumed[80:] == [(3, position) for position in range(ends(emu)[3] - 4, ends(emu)[3])]


@pytest.mark.parametrize("version", VERSIONS)
def test_logs_travel_in_lz4_both_ways(emu: Emulator, version: str) -> None:
    from aliyun.log import LogItem, PutLogsRequest

    sdk = client(emu, version)
    shard = emu.world.logstore(*PLACE).shard(0, 0)
    start = sdk.get_cursor(*PLACE, 0, "end").get_cursor()
    line = LogItem(contents=[("订单", "茶 🍵"), ("n", "1" * 1000)])
    sdk.put_logs(PutLogsRequest(*PLACE, "topic", "10.0.0.1", [line], hashKey=shard.keys[0]))
    pulled = sdk.pull_logs(*PLACE, 0, start, 10)
    assert pulled.get_header("x-log-compresstype") == "lz4"
    assert int(pulled.get_header("content-length")) < int(pulled.get_header("x-log-bodyrawsize"))
    assert pulled.get_loggroup_json_list()[0]["logs"][0]["订单"] == "茶 🍵"
    assert emu.stats()["bodies"] == {"in:lz4": 1, "out:lz4": 1}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_sdk_reads_every_list(emu: Emulator, version: str) -> None:
    sdk = client(emu, version)
    assert sdk.get_project("proj").get_region() == "cn-hangzhou"
    assert [project["projectName"] for project in sdk.list_project().get_projects()] == ["proj"]
    assert sdk.list_logstore("proj").get_logstores() == ["store"]
    assert sdk.get_logstore(*PLACE).get_shard_count() == 4
    assert [shard["shardID"] for shard in sdk.list_shards(*PLACE).get_shards_info()] == [0, 1, 2, 3]
    assert sdk.list_consumer_group(*PLACE).get_consumer_groups()[0].get_consumer_group_name() == "cg-0"
    assert set(emu.stats()["requests"]["ListShards"]) == {"200"}


@pytest.mark.parametrize("version", VERSIONS)
def test_the_sdk_splits_and_merges(emu: Emulator, version: str) -> None:
    sdk = client(emu, version)
    split = sdk.split_shard(*PLACE, 0, "2" + "0" * 31).get_shards_info()
    assert [(shard["shardID"], shard["status"]) for shard in split] == [
        (0, "readonly"),
        (4, "readwrite"),
        (5, "readwrite"),
    ]
    merged = sdk.merge_shard(*PLACE, 4).get_shards_info()
    assert [(shard["shardID"], shard["status"]) for shard in merged] == [
        (6, "readwrite"),
        (4, "readonly"),
        (5, "readonly"),
    ]


def test_a_wrong_secret_is_refused_in_the_sdks_words(emu: Emulator) -> None:
    from aliyun.log import LogClient
    from aliyun.log.logexception import LogException

    sdk = LogClient(emu.sdk_endpoint, "id", "other")
    with pytest.raises(LogException) as refusal:
        sdk.list_shards(*PLACE)
    assert refusal.value.get_error_code() == "SignatureNotMatch"
    assert refusal.value.resp_status == 401
