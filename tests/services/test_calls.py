"""Calls are added up by any number of threads and processes, and none is lost."""

from __future__ import annotations

from checkpoints.models import CallTotal
from checkpoints.services import calls
from tests.services.at_once import together


def test_eight_threads_that_add_up_lose_no_call(real_db: None) -> None:
    def work() -> None:
        for _ in range(5):
            calls.count("SplitShard", "OK", 0.02)
            calls.flush()

    assert together(*[work] * 8) == [None] * 8
    found = CallTotal.objects.get(operation="SplitShard")
    assert (found.calls, sum(found.within)) == (40, 40)
