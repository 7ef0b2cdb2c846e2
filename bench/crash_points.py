"""The places where `bench crash` kills the process: names, and how a function of the product is armed."""

from __future__ import annotations

import os
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from itertools import count
from typing import Any, Literal

from bench.wrapping import wrap

Moment = Literal["before", "after", "during"]
Step = Literal["apply", "settle", "look"]
COMMIT = "=django.db.backends.base.base.BaseDatabaseWrapper.commit"
COMMITTING = 0.003
"""Seconds within which a commit is done, mostly: a kill during one comes within it."""


@dataclass(frozen=True)
class Point:
    """One place to die: before, after or during the nth call of a function, counted within another one.

    `function` is named as wrapping.wrap() takes it. `step` is what the process does: apply, settle what a
    process before it left, or look at the end of a watch. `during` kills from another thread, up to `pause`
    seconds after the call began. `writes` says how the service answers a write: at once, slowly, or not at
    all, with the write done (lost) or not (dropped). `late`: one write arrives only after the settling.
    `away`: the service cannot be read at the first start after the crash. `rest`: somebody resets the group
    to the same target as soon as it is settled.
    """

    name: str
    function: str
    moment: Moment
    nth: int = 1
    inside: str = ""
    step: Step = "apply"
    pause: float = COMMITTING
    writes: Literal["", "slow", "lost", "dropped"] = ""
    late: bool = False
    away: bool = False
    rest: bool = False


def _intent(name: str, function: str, moment: Moment) -> Point:
    return Point(f"intent: {name}", function, moment, inside="sending.commit_intent")


def _finish(name: str, function: str, moment: Moment, nth: int = 1) -> Point:
    return Point(f"outcome: {name}", function, moment, nth, inside="settling.finish")


def _settle(name: str, function: str, moment: Moment, nth: int = 1) -> Point:
    return Point(f"settle: {name}", function, moment, nth, inside="settling.finish", step="settle")


def _look(name: str, function: str, moment: Moment, nth: int = 1) -> Point:
    return Point(f"watch: {name}", function, moment, nth, inside="watching._store", step="look")


POINTS = (
    Point("anywhere while applying", "resets.apply", "during", pause=0.12),
    Point("checks: before the first", "applying._check", "before"),
    Point("checks: before reading again", "applying._read_again", "before"),
    Point("checks: after the last", "applying._read_again", "after"),
    _intent("plan used up", "sending._check_endpoint_still", "before"),
    _intent("before the reset", "sending._record", "before"),
    _intent("before the shards", "sending.ShardReset.objects.bulk_create", "before"),
    _intent("before the audit row", "audit.record", "before"),
    _intent("after the audit row", "audit.record", "after"),
    _intent("before COMMIT", COMMIT, "before"),
    _intent("during COMMIT", COMMIT, "during"),
    _intent("after COMMIT", COMMIT, "after"),
    Point("send: before the first mark", "sending._mark_sent", "before"),
    Point("send: after the first mark", "sending._mark_sent", "after"),
    Point("send: before the third mark", "sending._mark_sent", "before", 3),
    Point("send: after the third mark", "sending._mark_sent", "after", 3),
    Point("write: first not begun", "sending._write", "before"),
    Point("write: third not begun", "sending._write", "before", 3),
    Point("write: on the wire", "sending._write", "during", pause=0.03, writes="slow"),
    Point("write: arrives after settling", "sending._write", "before", late=True),
    Point("write: first answered", "sending._write", "after"),
    Point("write: last answered", "sending._write", "after", 5),
    Point("answer: before the first is kept", "sending._keep_answer", "before"),
    Point("answer: after the first is kept", "sending._keep_answer", "after"),
    Point("answer: before the last is kept", "sending._keep_answer", "before", 5),
    Point("answer: after the last is kept", "sending._keep_answer", "after", 5),
    Point("answer: lost, before it is kept", "sending._keep_answer", "before", writes="lost"),
    Point("answer: lost, after it is kept", "sending._keep_answer", "after", writes="lost"),
    Point("read-back: before", "settling.read", "before"),
    Point("read-back: after", "settling.read", "after"),
    _finish("closed", "settling._close", "after"),
    _finish("third shard decided", "settling._decide", "after", 3),
    _finish("before the audit rows", "audit.append", "before"),
    _finish("after the audit rows", "audit.append", "after"),
    _finish("before COMMIT", COMMIT, "before"),
    _finish("during COMMIT", COMMIT, "during"),
    _finish("after COMMIT", COMMIT, "after"),
    Point("settle: anywhere", "resets.settle", "during", step="settle", pause=0.04),
    Point("settle: service away at first", "sending._mark_sent", "after", 3, away=True),
    Point("settle: then the rest", "sending._mark_sent", "after", 3, rest=True),
    Point("settle: away, then the rest", "sending._mark_sent", "after", 3, away=True, rest=True),
    Point("settle: dropped, then the rest", "settling.read", "before", writes="dropped", rest=True),
    Point("settle: before reading", "settling.read", "before", step="settle"),
    Point("settle: after reading", "settling.read", "after", step="settle"),
    _settle("after the audit rows", "audit.append", "after"),
    _settle("before COMMIT", COMMIT, "before"),
    _settle("after COMMIT", COMMIT, "after"),
    Point("watch: anywhere", "resets.look_at_open", "during", step="look", pause=0.03),
    Point("watch: claimed", "watching._claim", "after", step="look"),
    Point("watch: read", "settling.read", "after", step="look"),
    _look("third shard judged", "watching._judge", "after", 3),
    _look("before COMMIT", COMMIT, "before"),
    _look("after COMMIT", COMMIT, "after"),
)
CRASHED = Point("the crash before a crash while settling", "sending._mark_sent", "after", 3)


def arm(point: Point, pause: float) -> None:
    """Make the functions of this process such that it dies at the point; `pause` is for `during`."""
    running = _count_running(point.inside) if point.inside else [True]
    calls = count(1)

    def around(real: Callable[..., Any], *words: Any, **named: Any) -> Any:
        here = bool(running) and next(calls) == point.nth
        if here and point.moment == "before":
            die()
        if here and point.moment == "during":
            threading.Thread(target=_die_after, args=[pause], daemon=True).start()
        result = real(*words, **named)
        if here and point.moment == "after":
            die()
        return result

    wrap(point.function, around)


def _count_running(function: str) -> list[bool]:
    """Return a list that is empty while the function does not run."""
    running: list[bool] = []

    def around(real: Callable[..., Any], *words: Any, **named: Any) -> Any:
        running.append(True)
        try:
            return real(*words, **named)
        finally:
            running.pop()

    wrap(function, around)
    return running


def die() -> None:
    """End this process as a power cut would: nothing is flushed, closed or rolled back."""
    os.kill(os.getpid(), signal.SIGKILL)


def _die_after(pause: float) -> None:
    time.sleep(pause)
    die()
