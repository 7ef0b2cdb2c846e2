"""Groups whose last reading is too old: unknown until the next one, which remembers what was said before."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from checkpoints.domain.schedule import TOO_OLD
from checkpoints.domain.verdicts import Verdict
from checkpoints.models import ConsumerGroup, Endpoint, Logstore
from checkpoints.services import collector, staleness
from tests.views.lagging import NOW, group, store

pytestmark = pytest.mark.django_db
MINUTE = timedelta(minutes=1)


def read(minutes: float, name: str = "cg", **known: Any) -> ConsumerGroup:
    """Store a group that was behind so many minutes ago."""
    figures: dict[str, Any] = {"verdict": "behind", "severity": 5, "words": ["behind", "ok"], "backlog": 7}
    return group(name, read_at=NOW - minutes * MINUTE, **(figures | known))


def verdict(found: ConsumerGroup) -> str:
    return ConsumerGroup.objects.get(pk=found.pk).verdict


@pytest.mark.parametrize(
    ("minutes", "interval", "every", "expected"),
    [
        (4.9, None, None, "behind"),
        (5.1, None, None, "unknown"),
        (5.1, 300, 300, "behind"),
        (26, 300, 300, "unknown"),
        (9.9, None, 300, "behind"),  # a quiet Logstore may miss one of its readings
        (10.1, None, 300, "unknown"),
        (-0.5, None, None, "behind"),  # the clocks of two hosts differ a little
        (-90, None, None, "unknown"),  # taken by a clock that was ahead
    ],
)
def test_a_group_is_unknown_once_its_reading_is_too_old(minutes, interval, every, expected):
    found = read(minutes)
    Endpoint.objects.update(interval_seconds=interval)
    Logstore.objects.update(read_every=every)
    assert staleness.mark(NOW) == (expected == "unknown")
    assert verdict(found) == expected


def test_what_is_marked_is_sorted_as_unknown_says_why_and_keeps_its_last_figures():
    found = read(60)
    staleness.mark(NOW)
    found.refresh_from_db()
    assert (found.severity, found.reasons, found.backlog) == (6, [TOO_OLD.dump()], 7)
    assert staleness.mark(NOW) == 0


def test_each_endpoint_has_its_own_limit():
    slow = group("slow", at=store("slow"), verdict="ok", read_at=NOW - 20 * MINUTE)
    quick = group("quick", at=store("quick"), verdict="ok", read_at=NOW - 20 * MINUTE)
    Endpoint.objects.filter(name="slow").update(interval_seconds=600)
    staleness.mark(NOW)
    assert (verdict(slow), verdict(quick)) == ("ok", "unknown")


def test_a_group_that_was_never_read_is_not_marked():
    found = group("new", verdict="unknown", reasons=[])
    staleness.mark(NOW)
    found.refresh_from_db()
    assert found.reasons == []


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["behind", "ok"], Verdict.BEHIND),
        (["at_risk", "stopped"], Verdict.AT_RISK),
        (["catching_up", "unknown"], Verdict.CATCHING_UP),
        (["not_started", "ok"], Verdict.OK),
        (["not_started"], Verdict.NOT_STARTED),
        ([], Verdict.UNKNOWN),
    ],
)
def test_what_was_said_before_it_was_marked_is_remembered(words, expected):
    found = read(60, verdict=expected.value, words=words)
    ConsumerGroup.objects.update(**staleness.UNKNOWN)
    found.refresh_from_db()
    assert staleness.said(found) is expected


def test_what_was_said_is_the_stored_verdict_while_nobody_marked_it():
    assert (
        staleness.said(read(1, verdict="catching_up", words=["behind", "catching_up"])) is Verdict.CATCHING_UP
    )


def test_the_next_reading_says_again_what_is_so(emu: Any, group: ConsumerGroup) -> None:
    begun = NOW
    collector.read_group(group, max_age=timedelta(0), now=begun)
    was = verdict(group)
    assert staleness.mark(begun + timedelta(hours=1)) == 1
    assert verdict(group) == "unknown"
    collector.read_group(group, max_age=timedelta(0), now=begun + timedelta(hours=1))
    group.refresh_from_db()
    assert (group.verdict, group.reasons != [TOO_OLD.dump()]) == (was, True)
