"""What a test can break, slow down and count, all through the control plane."""

import http.client
import threading
import time
from collections.abc import Iterator
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from emulator.faults import Fault, Faults
from emulator.testing import Emulator, running
from tests.emulator.wire import GROUP, SHARD, call

READ = f"{SHARD}?type=cursor&from=end"
WRITE = f"{GROUP}?type=checkpoint&consumer=&forceSuccess=true"
CHECKPOINT = b'{"shard": 0, "checkpoint": "MTIz"}'


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with running(keys=None, projects=2) as emulator:
        yield emulator


def read(emu: Emulator, project: str = "proj-0") -> Any:
    return call(emu, "GET", READ, host=f"{project}.127.0.0.1")


def write(emu: Emulator) -> Any:
    return call(emu, "POST", WRITE, CHECKPOINT, host="proj-0.127.0.0.1")


def test_a_fault_strikes_so_many_times_and_then_no_more(emu: Emulator) -> None:
    emu.fault("GetCursor", status=500, code="InternalServerError", times=2)
    assert [read(emu).status for _ in range(3)] == [500, 500, 200]


def test_a_fault_answers_in_the_services_form(emu: Emulator) -> None:
    emu.fault("GetCursor", status=403, code="ReadQuotaExceed", message="Read QPS Exceed")
    reply = read(emu)
    assert reply.json == {"errorCode": "ReadQuotaExceed", "errorMessage": "Read QPS Exceed"}
    assert len(reply.headers["x-log-requestid"]) == 24


def test_a_fault_strikes_only_its_operation_and_project(emu: Emulator) -> None:
    emu.fault("GetCursor", status=500, project="proj-1")
    assert [read(emu, "proj-0").status, read(emu, "proj-1").status] == [200, 500]
    assert call(emu, "GET", "/logstores", host="proj-1.127.0.0.1").status == 200


def test_a_fault_without_operation_strikes_everything_until_cleared(emu: Emulator) -> None:
    emu.fault(status=503, code="ServerBusy")
    assert [read(emu).status, write(emu).status] == [503, 503]
    emu.clear_faults()
    assert [read(emu).status, write(emu).status] == [200, 200]


def test_every_nth_call_can_fail() -> None:
    fault = Fault(403, "GetCursor", every=3)
    assert [fault.strikes("GetCursor", "p") for _ in range(6)] == [False, False, True] * 2


def test_a_page_of_html_can_stand_for_an_answer(emu: Emulator) -> None:
    emu.fault(
        "GetCursor",
        status=404,
        body="<html>404</html>",
        headers={"Content-Type": "text/html", "Retry-After": "2"},
    )
    reply = read(emu)
    assert (reply.status, reply.body) == (404, b"<html>404</html>")
    assert (reply.headers["content-type"], reply.headers["retry-after"]) == ("text/html", "2")


def test_a_wrong_type_can_stand_for_a_success(emu: Emulator) -> None:
    emu.fault("GetCursor", status=200, body="null", times=1)
    assert (read(emu).status, read(emu).json.keys()) == (200, {"cursor"})


def test_a_message_can_name_action_and_resource(emu: Emulator) -> None:
    emu.fault(
        "GetCheckPoint", status=401, code="Unauthorized", message="action: {action}, resource: {resource}"
    )
    message = call(emu, "GET", GROUP, host="proj-0.127.0.0.1").json["errorMessage"]
    assert message == (
        "action: log:GetConsumerGroupCheckPoint, "
        "resource: acs:log:cn-hangzhou:1234567890123456:project/proj-0/logstore/store/consumergroup/cg-0"
    )


@pytest.mark.parametrize(("after_effect", "written"), [(False, 0), (True, 1)])
@pytest.mark.parametrize("status", [500, -1])
def test_a_write_can_fail_before_or_after_its_effect(
    emu: Emulator, status: int, after_effect: bool, written: int
) -> None:
    emu.fault("UpdateCheckPoint", status=status, times=1, after_effect=after_effect)
    try:
        assert write(emu).status == status
    except (http.client.RemoteDisconnected, ConnectionResetError):
        assert status == -1
    assert len(emu.writes()) == written


def test_a_dropped_connection_is_counted(emu: Emulator) -> None:
    emu.fault("GetCursor", status=-1, times=1)
    with pytest.raises((http.client.RemoteDisconnected, ConnectionResetError)):
        read(emu)
    read(emu)
    assert emu.stats()["requests"] == {"GetCursor": {"-1": 1, "200": 1}}


def test_stats_count_by_operation_and_status_and_start_anew(emu: Emulator) -> None:
    read(emu)
    read(emu)
    call(emu, "GET", "/logstores/none", host="proj-0.127.0.0.1")
    assert emu.stats()["requests"] == {"GetCursor": {"200": 2}, "GetLogStore": {"404": 1}}
    assert emu.count("GetCursor") == 2
    emu.reset_stats()
    assert (emu.stats()["requests"], emu.stats()["total"]) == ({}, 0)


def test_control_calls_are_neither_counted_nor_broken(emu: Emulator) -> None:
    emu.fault(status=500)
    assert emu.stats()["total"] == 0


def test_the_most_particular_delay_counts() -> None:
    faults = Faults()
    faults.latency = {(None, None): 1, ("GetCursor", None): 2, (None, "p"): 3, ("GetCursor", "p"): 4}
    asked = [("GetCursor", "p"), ("GetCursor", "q"), ("PullLogs", "p"), ("PullLogs", "q")]
    assert [faults.delay_seconds(*key) for key in asked] == [4, 2, 3, 1]


def test_delayed_calls_wait_side_by_side_and_the_peak_is_counted(emu: Emulator) -> None:
    emu.latency(200, "GetCursor")
    threads = [threading.Thread(target=read, args=(emu,)) for _ in range(5)]
    start = time.monotonic()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.2 <= time.monotonic() - start < 0.9
    assert emu.stats()["peak_in_flight"] == 5


def test_a_delay_is_taken_away_by_zero(emu: Emulator) -> None:
    emu.latency(5000)
    emu.latency(0)
    assert read(emu).status == 200
    assert not emu.server.faults.latency


def test_put_writes_to_one_shard_or_takes_turns(emu: Emulator) -> None:
    emu.put("proj-0", "store", 2, 5)
    emu.put("proj-0", "store", None, 8)
    ends = [emu.shard("proj-0", "store", number) for number in range(4)]
    assert [int(one["end"]) - int(one["begin"]) for one in ends] == [22, 22, 27, 22]


def test_a_shard_can_be_closed_and_its_rate_set(emu: Emulator) -> None:
    assert emu.shard("proj-0", "store", 0, status="readonly")["status"] == "readonly"
    emu.shard("proj-0", "store", 1, rate=10)
    emu.clock(offset_seconds=60)
    sizes = [int(one["end"]) - int(one["begin"]) for one in (emu.shard("proj-0", "store", n) for n in (0, 1))]
    assert sizes[0] == 20
    assert 620 <= sizes[1] <= 640


def test_a_group_is_made_with_checkpoints_and_a_past(emu: Emulator) -> None:
    emu.add_group(
        "proj-0",
        "store",
        "old",
        timeout=30,
        order=True,
        checkpoints={"0": "begin", "1": "end", "2": 42},
        updated=1000,
    )
    group = emu.group("proj-0", "store", "old")
    begin, end = (emu.shard("proj-0", "store", number)[edge] for number, edge in ((0, "begin"), (1, "end")))
    texts = {number: row["checkpoint"] for number, row in group["checkpoints"].items()}
    from emulator.cursors import encode

    assert texts == {"0": encode(int(begin)), "1": encode(int(end)), "2": encode(42), "3": ""}
    assert (group["timeout"], group["order"], group["checkpoints"]["0"]["updateTime"]) == (
        30,
        True,
        1_000_000_000,
    )


def test_the_clock_can_be_moved_and_skewed() -> None:
    with running(projects=2) as emu:
        emu.clock(offset_seconds=3600)
        moved = parsedate_to_datetime(read(emu).headers["date"]).timestamp()
        assert 3598 <= moved - time.time() <= 3602


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("POST", "put", {"project": "none", "logstore": "x"}),
        ("POST", "put", {}),
        ("POST", "shard", {"project": "proj-0", "logstore": "store", "shard": 0, "status": "half"}),
        ("POST", "faults", {"nonsense": 1}),
        ("POST", "latency", {}),
        ("GET", "nothing", {}),
    ],
)
def test_a_wrong_control_call_is_refused_with_words(
    emu: Emulator, method: str, path: str, body: dict[str, Any]
) -> None:
    with pytest.raises(AssertionError, match="errorMessage"):
        emu.control(method, path, **body)
