"""What `reset` offers beyond the contract: costs, stop or go on, wait until quiet, break the glass."""

# ruff: noqa: F811 - fixtures of another file are taken by their names
from __future__ import annotations

import itertools
from datetime import timedelta

import pytest

from checkpoints.management.commands import reset as command
from checkpoints.models import Endpoint, Reset
from tests.commands.test_reset import apply, placed, plan, run  # noqa: F401 - fixtures
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def quick(monkeypatch):
    """A clock that goes on ten seconds whenever it is asked, and sleep that takes none."""
    begun, ticks = the.now(), itertools.count()
    monkeypatch.setattr(command.timezone, "now", lambda: begun + timedelta(seconds=10 * next(ticks)))
    monkeypatch.setattr(command.time, "sleep", lambda _seconds: None)


def test_a_plan_tells_its_costs_when_asked(emu, run):
    emu.reset_stats()
    assert "costs" not in plan(run)[1]
    assert emu.count("PullLogs") == 0
    _, value, _ = plan(run, "earliest", "0", "--estimate")
    assert value["costs"]["consumed_again"]["log_groups"] == 15, value["costs"]


def test_on_unknown_is_kept_with_the_reset(run):
    apply(run, plan(run)[1]["id"])
    assert Reset.objects.latest("started_at").stop_at_unknown
    apply(run, plan(run, "earliest", "1")[1]["id"], "--on-unknown", "go-on")
    assert not Reset.objects.latest("started_at").stop_at_unknown


def test_a_protected_group_needs_approval_or_broken_glass(emu, run, settings):
    made = plan(run)[1]["id"]
    Endpoint.objects.update(protection="two-person")
    assert apply(run, made)[0] == 8
    assert apply(run, made, "--break-glass")[0] == 1
    settings.BREAK_GLASS = True
    assert apply(run, made, "--break-glass")[0] == 0
    assert Reset.objects.get().broke_glass


def test_it_waits_until_nobody_consumes(emu, run, quick):
    the.place(emu, {0: 15}, seconds_ago=5, consumer="worker-1")
    code, value, _ = apply(run, plan(run)[1]["id"], "--wait-until-quiet", "900")
    assert (code, value["outcome"], len(the.sent(emu))) == (0, "confirmed", 1)


def test_it_gives_up_at_the_deadline(emu, run, quick):
    the.place(emu, {0: 15}, seconds_ago=-600, consumer="worker-1")
    code, _, words = apply(run, plan(run)[1]["id"], "--wait-until-quiet", "120")
    assert (code, the.sent(emu)) == (5, [])
    assert "deadline passed" in words
