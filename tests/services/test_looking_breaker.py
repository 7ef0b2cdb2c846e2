"""What looks in the background asks no endpoint whose breaker is open."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checkpoints.models import ConsumerGroup, Endpoint, Reset, ShardReset, Wait
from checkpoints.services import resets, waiting
from tests.services import resetting as the
from tests.services.test_waiting import ask

pytestmark = pytest.mark.django_db
PAUSE = timedelta(seconds=20)


@pytest.fixture
def operator(people: dict[str, Any]) -> Any:
    return people["operator"]


@pytest.fixture
def reset(emu: Any, group: ConsumerGroup, operator: Any) -> Reset:
    the.place(emu, {0: 5})
    return the.apply(the.make(group, operator, "earliest", [0]), operator)


def open_breaker(emu: Any, now: Any) -> None:
    Endpoint.objects.update(failures=5, opened_at=now, retry_at=now + PAUSE)
    emu.reset_stats()


def test_a_watch_goes_on_once_it_may_be_read(emu: Any, reset: Reset) -> None:
    now = the.later(15)
    open_breaker(emu, now)
    assert resets.look_at_open(now) == 0
    assert emu.stats()["total"] == 0
    assert resets.look_at_open(now + PAUSE) == 1
    assert emu.count("GetCheckPoint") == 1


def test_the_end_of_a_watch_is_not_put_off(emu: Any, reset: Reset) -> None:
    assert reset.watch_until is not None
    now = reset.watch_until
    open_breaker(emu, now)
    assert resets.look_at_open(now) == 1
    reset.refresh_from_db()
    assert not resets.is_open(reset)


def test_a_wait_is_looked_at_once_it_may_be_read_and_ends_at_its_deadline(
    emu: Any, group: ConsumerGroup, operator: Any
) -> None:
    the.place(emu, {0: 5})
    wait = ask(the.make(group, operator, "earliest", [0]), operator)
    now = the.later(15)
    open_breaker(emu, now)
    assert waiting.look_at_open(now) == 0
    assert emu.stats()["total"] == 0
    assert waiting.look_at_open(now + PAUSE) == 1
    open_breaker(emu, wait.deadline)
    assert waiting.look_at_open(wait.deadline) == 1
    assert Wait.objects.get().state == Wait.State.EXPIRED


def test_what_a_dead_process_left_is_settled_without_asking_and_read_later(emu: Any, reset: Reset) -> None:
    Reset.objects.update(outcome=Reset.Outcome.SENDING)
    ShardReset.objects.update(outcome=ShardReset.Outcome.SENDING, settled_at=None, read_back=None)
    now = the.later(120)
    open_breaker(emu, now)
    assert resets.settle(now=now) == 1
    assert emu.stats()["total"] == 0
    reset.refresh_from_db()
    assert reset.outcome == Reset.Outcome.UNKNOWN
    assert resets.settle(now=now + timedelta(seconds=5)) == 0
    assert resets.settle(now=now + PAUSE) == 1
    assert the.outcomes(reset) == {0: "confirmed"}
