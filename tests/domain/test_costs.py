"""What a plan would cost: spans, samples, ranges, price, what is lost."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest

from checkpoints.domain import costs
from checkpoints.domain.costs import Estimate, Sample, Span


def line(shard=0, direction="rewind", before="50", after="20", log_groups=30, **changes):
    """One shard of a stored plan."""
    return {
        "shard": shard,
        "before": {"position": before},
        "after": {"position": after, "time": None},
        "direction": direction,
        "log_groups": log_groups,
        "clamped": None,
        "asked": "earliest",
        "begin": "10",
        "end": "100",
    } | changes


def test_a_rewind_spans_what_follows_the_target_and_a_skip_what_lies_before_it():
    lines = [line(0), line(1, "skip", "50", "90", 40), line(2, "none", "50", "50", 0)]
    assert costs.spans(lines, "rewind") == [Span(0, 20, 30)]
    assert costs.spans(lines, "skip") == [Span(1, 50, 40)]


@pytest.mark.parametrize(
    ("parts", "most", "places"),
    [
        ([], 4, []),
        ([Span(0, 10, 3)], 24, [(0, 10), (0, 11), (0, 12)]),
        ([Span(0, 0, 100)], 4, [(0, 12), (0, 37), (0, 62), (0, 87)]),
        ([Span(0, 0, 10), Span(3, 500, 30)], 4, [(0, 5), (3, 505), (3, 515), (3, 525)]),
        ([Span(0, 1524155379373908496, 2)], 1, [(0, 1524155379373908497)]),
    ],
)
def test_samples_are_spread_evenly_over_all_shards(parts, most, places):
    assert costs.spread(parts, most) == places


def test_no_log_group_is_sampled_twice():
    places = costs.spread([Span(0, 0, 25), Span(1, 0, 1)], 24)
    assert len(set(places)) == 24


@pytest.mark.parametrize(
    ("values", "number", "expected"),
    [
        ([], 0, Estimate(0, 0, 0)),
        ([], 7, None),
        ([5, 7], 2, Estimate(12, 12, 12)),
        ([5], 100, Estimate(500, None, None)),
        ([10, 10, 10], 100, Estimate(1000, 1000, 1000)),
        ([10, 30], 10, Estimate(200, 0, 400)),
        ([1, 100, 1, 1], 10, Estimate(257.5, 0, 1000)),
    ],
)
def test_a_sum_is_estimated_with_its_range(values, number, expected):
    assert costs.estimate(values, number) == expected


def test_from_five_samples_on_the_range_is_two_standard_errors():
    found = costs.estimate([8, 9, 10, 11, 12], 100)
    assert found.mean == 1000
    assert found.low == pytest.approx(1000 - 141.42, abs=0.01)
    assert found.high == pytest.approx(1000 + 141.42, abs=0.01)


def test_only_what_was_measured_whole_is_exact():
    assert costs.estimate([5, 7], 2).is_exact
    assert not costs.estimate([5], 2).is_exact
    assert not costs.estimate([5, 7], 9).is_exact


def test_a_volume_has_lines_and_bytes_both_ways():
    found = costs.volume(100, [Sample(1000, 200, 3), Sample(3000, 400, 5)])
    assert (found.log_groups, found.samples) == (100, 2)
    assert (found.lines.mean, found.raw_bytes.mean, found.packed_bytes.mean) == (400, 200_000, 30_000)


def test_read_traffic_costs_by_its_packed_gigabytes():
    packed = Estimate(10 * 2**30, 2**30, None)
    found = costs.price(packed, (Decimal("0.18"), "CNY"))
    assert (found.amounts, found.currency) == (("1.80", "0.18", None), "CNY")
    assert costs.price(packed, None) is None
    assert costs.price(None, (Decimal("0.18"), "CNY")) is None


@pytest.mark.parametrize(
    ("gigabytes", "words"), [(0, "0.00"), (0.001, "< 0.01"), (0.1, "0.02"), (12_345, "2,222.10")]
)
def test_money_is_written_as_people_do(gigabytes, words):
    found = costs.price(Estimate(gigabytes * 2**30, None, None), (Decimal("0.18"), "CNY"))
    assert found.amounts[0] == words


def test_unread_log_groups_before_what_is_retained_are_lost():
    lines = [line(0, before="4"), line(1), line(2, before=None), line(3, before="9")]
    found = costs.lost(lines)
    assert (found.log_groups, found.shards) == (7, (0, 3))


def test_the_part_asked_for_that_is_not_retained_is_lost():
    kept = {"after": {"position": "10", "time": "2026-11-20T03:10:00Z"}}
    lines = [
        line(0, clamped="begin", asked="2026-11-20T01:00:00Z") | kept,
        line(1, clamped="begin", asked="2026-11-20T03:00:00Z") | kept,
        line(2, clamped="begin", asked="-100groups") | kept,
        line(3, clamped="begin", asked="2026-11-20T01:00:00Z"),
        line(4, clamped="end", asked="2027-11-20T01:00:00Z") | kept,
    ]
    found = costs.lost(lines)
    assert (found.asked_span, found.asked_shards) == (timedelta(hours=2, minutes=10), (0, 1, 2, 3))
    assert costs.lost([line()]) == costs.Lost(0, (), None, ())
