"""Confirmations at the same time: threads that leave together, and rounds of them that judge themselves."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import connection

from checkpoints.models import Reset, ShardReset
from checkpoints.services import resets
from tests.services import resetting as the


def together(*calls: Callable[[], Any]) -> list[Any]:
    """Run all calls in threads that leave at one moment; returns what each returned or raised, in order."""
    results: list[Any] = [None] * len(calls)
    start = threading.Barrier(len(calls))

    def run(turn: int) -> None:
        start.wait()
        try:
            results[turn] = calls[turn]()
        except Exception as error:  # noqa: BLE001 - whoever called judges it
            results[turn] = error
        finally:
            connection.close()

    threads = [threading.Thread(target=run, args=(turn,)) for turn in range(len(calls))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(120)
    return results


def confirm_many_times(emu: Any, group: Any, user: Any, *, rounds: int, width: int) -> None:
    """Confirm one new plan of two shards `width` times at once, round after round; asserts one reset each."""
    for turn in range(rounds):
        the.place(emu, {0: 15, 1: 10})
        plan = the.make(group, user, "earliest", [0, 1])
        before = len(the.sent(emu))
        results = together(*[lambda plan=plan: the.apply(plan, user)] * width)
        reset = Reset.objects.get(plan=plan)
        wrong = [
            one for one in results if isinstance(one, Exception) and not isinstance(one, resets.PlanUsed)
        ]
        assert wrong == [], (turn, wrong)
        assert {one.reset if isinstance(one, resets.PlanUsed) else one for one in results} == {reset}, turn
        assert sorted(the.sent(emu)[before:]) == [
            (line.shard, line.after["cursor"]) for line in reset.shards.all()
        ]
    lines = ShardReset.objects.filter(reset__group=group)
    assert list(lines.values_list("outcome", flat=True)) == ["confirmed"] * 2 * rounds
