"""Conditions of rules: when each holds, when it does not, and when nobody knows."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.domain import conditions
from checkpoints.domain.conditions import Condition, Figures
from checkpoints.domain.messages import Refusal

NOW = datetime(2026, 11, 20, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
NOTHING = Figures(
    read_at=None, words=frozenset(), is_partial=False, is_complete=False, lag=None, lag_is_lower_bound=False,
    unread_age=None, backlog=None, data_loss_in=None, lost=None, known_since=None,
)  # fmt: skip


def holds(condition, limit, **known):
    return conditions.find(Condition(condition), limit, replace(NOTHING, **known), now=NOW).holds


@pytest.mark.parametrize("condition", [one for one in Condition if one != "overwritten"])
def test_what_is_not_known_is_neither(condition):
    assert conditions.find(condition, 60, NOTHING, now=NOW).holds is None


@pytest.mark.parametrize(
    ("condition", "limit", "known", "expected"),
    [
        ("lag", 60, {"lag": 2 * MINUTE}, True),
        ("lag", 60, {"lag": MINUTE}, False),
        ("lag", 60, {"lag": 2 * MINUTE, "lag_is_lower_bound": True}, True),
        ("lag", 180, {"lag": 2 * MINUTE, "lag_is_lower_bound": True}, None),
        ("unread", 60, {"unread_age": 2 * MINUTE, "backlog": 9}, True),
        ("unread", 180, {"unread_age": 2 * MINUTE}, False),
        ("unread", 60, {"backlog": 0}, False),
        ("unread", 60, {"backlog": 9}, None),
        ("backlog", 10, {"backlog": 11}, True),
        ("backlog", 10, {"backlog": 10}, False),
        ("data_loss", 60, {"data_loss_in": MINUTE / 2}, True),
        ("data_loss", 60, {"data_loss_in": -MINUTE}, True),
        ("data_loss", 60, {"data_loss_in": MINUTE}, False),
        ("data_loss", 60, {"backlog": 0}, False),
        ("data_loss", 60, {"lost": 3, "backlog": 0}, True),
        ("data_loss", 60, {"lost": 0, "data_loss_in": 9 * MINUTE}, False),
        ("unread", 60, {"unread_age": 2 * MINUTE, "is_partial": True}, True),
        ("unread", 180, {"unread_age": 2 * MINUTE, "is_partial": True}, None),
        ("backlog", 10, {"backlog": 11, "is_partial": True}, True),
        ("backlog", 10, {"backlog": 10, "is_partial": True}, None),
        ("backlog", 10.0**15, {"backlog": 11}, False),
        ("data_loss", 60, {"data_loss_in": MINUTE / 2, "is_partial": True}, True),
        ("data_loss", 60, {"data_loss_in": MINUTE, "is_partial": True}, None),
        ("data_loss", 60, {"is_partial": True}, None),
        ("stalled", None, {"words": {"stalled"}}, True),
        ("stalled", None, {"words": {"stopped", "losing_data"}}, True),
        ("stalled", None, {"words": {"rarely_saves"}, "is_complete": True}, False),
        ("stalled", None, {"words": {"behind"}, "is_complete": False}, None),
        ("foreign_move", None, {"words": {"foreign_move", "stopped"}}, True),
        ("foreign_move", None, {"words": {"ok"}, "is_complete": True}, False),
        ("no_reading", 60, {"read_at": NOW - 2 * MINUTE}, True),
        ("no_reading", 60, {"read_at": NOW - MINUTE}, False),
        ("no_reading", 60, {"known_since": NOW - 2 * MINUTE}, True),
        ("no_reading", 60, {"read_at": NOW - 2 * MINUTE, "read_every": MINUTE}, False),
        ("no_reading", 60, {"read_at": NOW - 3 * MINUTE, "read_every": MINUTE}, True),
        ("no_reading", 60, {"read_at": NOW + 60 * MINUTE, "known_since": NOW - 2 * MINUTE}, True),
        ("overwritten", 60, {"overwritten_at": NOW - MINUTE}, True),
        ("overwritten", 60, {"overwritten_at": NOW - 2 * MINUTE}, False),
        ("overwritten", 60, {}, False),
    ],
)
def test_a_condition_holds(condition, limit, known, expected):
    assert holds(condition, limit, **known) is expected


def test_a_finding_says_the_figure_and_the_limit():
    found = conditions.find(Condition.LAG, 600, replace(NOTHING, lag=timedelta(hours=3)), now=NOW)
    assert str(found.words) == "The lag is 3h, the limit 10m."
    found = conditions.find(Condition.BACKLOG, 10, replace(NOTHING, backlog=12), now=NOW)
    assert str(found.words) == "The backlog is 12 log groups, the limit 10."


def test_a_group_that_stops_being_stalled_is_not_called_fine():
    figures = replace(NOTHING, words=frozenset({"at_risk"}), is_complete=True)
    found = conditions.find(Condition.STALLED, None, figures, now=NOW)
    assert str(found.words) == "Its checkpoints move again, or nothing is unread."


@pytest.mark.parametrize(
    ("condition", "text", "limit", "shown"),
    [
        ("lag", "10m", 600, "10m"),
        ("lag", "2h30m", 9000, "2h30m"),
        ("lag", "90m", 5400, "1h30m"),
        ("lag", " 90 sec ", 90, "1m30s"),
        ("lag", "0m", 0, "0s"),
        ("unread", "1d 2h", 93600, "1d2h"),
        ("data_loss", "6h", 21600, "6h"),
        ("no_reading", "2d", 172800, "2d"),
        ("backlog", "10000", 10000, "10000"),
        ("stalled", "10m", None, ""),
        ("foreign_move", "", None, ""),
    ],
)
def test_a_limit_is_read_and_shown_as_one_types_it(condition, text, limit, shown):
    found = conditions.read_limit(Condition(condition), text)
    assert (found, conditions.show_limit(Condition(condition), found)) == (limit, shown)
    assert conditions.read_limit(Condition(condition), shown) == limit


@pytest.mark.parametrize(
    ("condition", "text"),
    [("lag", ""), ("lag", "soon"), ("backlog", ""), ("backlog", "10m"), ("backlog", "٣")],
)
def test_what_is_no_limit_is_refused(condition, text):
    with pytest.raises(Refusal):
        conditions.read_limit(Condition(condition), text)
