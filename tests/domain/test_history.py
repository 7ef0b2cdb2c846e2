from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.domain import history
from checkpoints.domain.history import HOURLY, RAW, Seen
from checkpoints.domain.lag import ShardFacts, State, assess
from checkpoints.domain.positions import encode
from tests.domain.past import NOON, sample, seen, total

AT = datetime(2026, 11, 20, 12, tzinfo=UTC)
UNKNOWN = seen(None, None, state=State.UNKNOWN, newest_at=None, read_at=None, saved_at=None, owner="")


def test_samples_come_back_as_they_were():
    samples = [sample(0, s0=seen(), s7=UNKNOWN), sample(1, s0=seen(120, 170, owner="w-2")), sample(2)]
    assert history.unpack_samples(history.pack_samples(samples)) == samples


def test_one_shard_can_be_read_alone():
    samples = [sample(0, s0=seen(), s7=seen(5, 9)), sample(1, s0=seen())]
    alone = history.unpack_samples(history.pack_samples(samples), 7)
    assert alone == [sample(0, s7=seen(5, 9)), sample(1)]


def test_every_state_can_be_kept():
    samples = [sample(0, **{f"s{number}": seen(state=state) for number, state in enumerate(State)})]
    assert history.unpack_samples(history.pack_samples(samples)) == samples


@pytest.mark.parametrize("points", [[], [total()], [total(), total(1, lag=None, backlog=None, written=None)]])
def test_totals_come_back_as_they_were(points):
    assert history.unpack_totals(history.pack_totals(points)) == points


def test_a_reading_becomes_a_sample():
    facts = ShardFacts(
        3, False, encode(100), "worker-1", AT, 10, 150, None, AT, AT - timedelta(seconds=9.6), AT
    )
    found = history.sample(AT, [facts], [assess(facts, now=AT, retention=None)])
    expected = Seen(State.BEHIND, 150, 100, 50, 10, NOON, NOON - 10, NOON, NOON, "worker-1")
    assert found == (NOON, {3: expected})


@pytest.mark.parametrize(
    ("rates", "expected"),
    [({}, (1, 0.5)), ({"written": None, "written_in": 0}, (None, 0.5)), ({"drained": 0}, (1, 0))],
)
def test_rates_are_log_groups_a_second(rates, expected):
    point = total(**rates)
    assert (point.write_rate, point.drain_rate) == expected


def test_chunks_begin_at_round_times():
    assert RAW.start(NOON + 899) == NOON
    assert (NOON - HOURLY.start(NOON)) < 7 * 86_400


def test_a_gap_grows_with_the_interval_of_readings():
    assert (history.gap(60), history.gap(3600)) == (1800, 9000)
