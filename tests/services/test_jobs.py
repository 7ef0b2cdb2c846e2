"""Pieces of work that one at a time does."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checkpoints.models import Lease
from checkpoints.services import jobs

pytestmark = pytest.mark.django_db
LEASE = timedelta(minutes=1)


def test_a_lease_ends_with_its_work_also_when_that_fails(now: Any) -> None:
    def fail(_: Any) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        jobs.once("work", LEASE, fail, now=now)
    assert jobs.once("work", LEASE, id, now=now)


@pytest.mark.parametrize(("after", "free"), [(59, False), (60, True), (-60, False), (-61, True)])
def test_the_lease_of_a_dead_process_ends_by_itself_and_so_does_one_of_a_clock_that_was_ahead(
    now: Any, after: int, free: bool
) -> None:
    then = now + timedelta(seconds=after)
    Lease.objects.create(name="work", until=now + LEASE)
    with jobs.alone("work", LEASE, now=then) as mine:
        assert mine is free


def test_a_process_whose_lease_ran_out_does_not_begin_again_before_it_is_done(now: Any) -> None:
    began = []

    def work(at: Any) -> None:
        began.append(at)
        assert not jobs.once("work", LEASE, work, now=now + 2 * LEASE)

    assert jobs.once("work", LEASE, work, now=now)
    assert began == [now]


def test_whose_lease_ran_out_ends_not_that_of_the_next(now: Any) -> None:
    later = now + 2 * LEASE
    with jobs.alone("work", LEASE, now=now), jobs.alone("work", LEASE, now=later) as mine:
        assert mine
        with jobs.alone("work", LEASE, now=later) as too_many:
            assert not too_many
    with jobs.alone("other", LEASE, now=now):
        pass
    assert Lease.objects.get(name="work").until == later
