"""The turn of a call: asked before each try, waited for within the time of the call, told of refusals."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints import sls

KEYS = ("testAccessKeyId", "testAccessKeySecret")


class Gate:
    """A throttle that lets every call wait the same."""

    def __init__(self, seconds: float) -> None:
        self.seconds, self.asked, self.told = seconds, 0, 0

    def wait(self) -> float:
        self.asked += 1
        return self.seconds

    def refused(self) -> None:
        self.told += 1


def client(emu: Any, gate: Gate, slept: list[float]) -> sls.Client:
    return sls.Client(
        host=emu.host,
        scheme="http",
        region="cn-hangzhou",
        credentials=sls.Credentials(KEYS[0], sls.Secret(KEYS[1])),
        network=sls.Network(allowed_hosts=("127.0.0.1",), allow_http=True),
        throttle=gate,
        sleep=slept.append,
    )


def test_a_call_waits_for_its_turn(emu: Any) -> None:
    gate, slept = Gate(0.7), list[float]()
    with client(emu, gate, slept) as made:
        made.list_logstores("proj")
    assert (slept, gate.asked, gate.told) == ([0.7], 1, 0)


def test_each_try_takes_a_turn_and_each_throttled_answer_is_told(emu: Any) -> None:
    gate, slept = Gate(0), list[float]()
    emu.fault("ListShards", status=403, code="ReadQuotaExceed", times=2)
    with client(emu, gate, slept) as made:
        made.list_shards("proj", "store")
    assert (gate.asked, gate.told, len(slept)) == (3, 2, 2)


def test_other_failures_do_not_slow_down(emu: Any) -> None:
    gate, slept = Gate(0), list[float]()
    emu.fault("ListShards", status=500, times=1)
    with client(emu, gate, slept) as made:
        made.list_shards("proj", "store")
    assert (gate.asked, gate.told) == (2, 0)


def test_a_turn_that_comes_too_late_fails_at_once_and_nothing_is_sent(emu: Any) -> None:
    with client(emu, Gate(21), []) as made, pytest.raises(sls.Timeout, match="wait for their turn") as late:
        made.list_shards("proj", "store")
    assert late.value.operation == "ListShards"
    assert emu.stats()["total"] == 0
