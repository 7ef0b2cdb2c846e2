"""The history is packed, rolled up and dropped: once, completely, and never before it is kept elsewhere."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checkpoints.domain import history as domain
from checkpoints.domain import sparks
from checkpoints.domain.lag import ShardFacts
from checkpoints.domain.positions import encode
from checkpoints.models import (
    ConsumerGroup,
    GroupHistory,
    HistoryChunk,
    Lease,
    Plan,
    Reading,
    Reset,
    ShardReset,
)
from checkpoints.models.facts import dump
from checkpoints.services import history, summaries
from tests.views.lagging import group as make

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
START = 10**18
RAW, FIVE, HOURLY = 0, 1, 2


def facts(at: datetime, shards: int = 2, *, back: int = 30, owner: str = "worker-1") -> list[ShardFacts]:
    """One log group a second is written; the checkpoint lies so many behind."""
    end = START + int((at - NOON).total_seconds()) + 10**6
    until = at - timedelta(seconds=back)
    return [
        ShardFacts(number, False, encode(end - back), owner, at, START, end, at - DAY, at, until)
        for number in range(shards)
    ]


def read(group: ConsumerGroup, moments: Sequence[datetime], **changes: Any) -> None:
    """Store readings, and the summary that the last of them leaves."""
    Reading.objects.bulk_create(
        [Reading(group=group, taken_at=at, shards=dump(facts(at, **changes))) for at in moments]
    )
    ConsumerGroup.objects.filter(pk=group.pk).update(read_at=moments[-1], lag_seconds=30, backlog=60)


def each(start: datetime, end: datetime, step: timedelta = MINUTE) -> list[datetime]:
    return [start + step * number for number in range((end - start) // step)]


def run_until(end: datetime, start: datetime = NOON, every: timedelta = MINUTE) -> None:
    for now in each(start, end, every):
        history.roll_up(now)


def chunks(level: int, **wanted: Any) -> list[HistoryChunk]:
    return list(HistoryChunk.objects.filter(level=level, **wanted).order_by("starts_at"))


def totals(level: int) -> Iterator[domain.Total]:
    for chunk in chunks(level):
        yield from domain.unpack_totals(bytes(chunk.totals))


@pytest.fixture
def group() -> Any:
    return make("cg")


def test_a_quarter_of_an_hour_is_packed_when_it_is_over_for_five_minutes(group):
    read(group, each(NOON, NOON + HOUR))
    history.roll_up(NOON + 19 * MINUTE)
    assert chunks(RAW) == []
    history.roll_up(NOON + 20 * MINUTE)
    [chunk] = chunks(RAW)
    assert (chunk.starts_at, chunk.samples) == (NOON, 15)
    assert GroupHistory.objects.get().raw_until == NOON + 15 * MINUTE


def test_what_is_packed_is_what_was_read(group):
    read(group, each(NOON, NOON + 15 * MINUTE))
    history.roll_up(NOON + 20 * MINUTE)
    [chunk] = chunks(RAW)
    points = domain.unpack_totals(bytes(chunk.totals))
    assert {(point.lag, point.backlog) for point in points} == {(30, 60)}
    assert {point.drain_rate for point in points[1:]} == {2.0}
    samples = domain.unpack_samples(bytes(chunk.shards))
    assert samples[4].shards[1].position == START + 10**6 + 240 - 30
    assert samples[4].shards[1].owner == "worker-1"


def test_rates_go_on_from_one_chunk_to_the_next(group):
    read(group, each(NOON, NOON + HOUR))
    run_until(NOON + 50 * MINUTE)
    assert [point.at for point in totals(RAW) if point.written is None] == [int(NOON.timestamp())]


def test_a_second_run_and_a_second_worker_change_nothing(group):
    read(group, each(NOON, NOON + HOUR))
    run_until(NOON + 40 * MINUTE)
    before = list(HistoryChunk.objects.values())
    assert history.roll_up(NOON + 40 * MINUTE)
    Lease.objects.update(until=NOON + HOUR)
    assert not history.roll_up(NOON + 59 * MINUTE)
    assert list(HistoryChunk.objects.values()) == before


def test_a_worker_that_died_is_replaced_when_its_lease_ends(group):
    read(group, each(NOON, NOON + HOUR))
    Lease.objects.create(name=history.NAME, until=NOON + 25 * MINUTE)
    assert not history.roll_up(NOON + 24 * MINUTE)
    assert history.roll_up(NOON + 25 * MINUTE)


def test_a_worker_that_packs_what_another_has_packed_meanwhile_does_no_harm(group):
    read(group, each(NOON, NOON + HOUR))
    history.roll_up(NOON + 20 * MINUTE)
    kept = HistoryChunk.objects.values_list("totals", flat=True).get()
    history._pack_batch([group.pk], NOON, NOON + 15 * MINUTE)
    assert HistoryChunk.objects.values_list("totals", flat=True).get() == kept
    assert GroupHistory.objects.get().raw_until == NOON + 15 * MINUTE


def test_one_run_does_a_bounded_part(group, monkeypatch):
    groups = [group, make("cg-1"), make("cg-2")]
    for one in groups:
        read(one, each(NOON, NOON + 15 * MINUTE))
    monkeypatch.setattr(history, "MOST_PACKED", 2)
    history.roll_up(NOON + HOUR)
    assert len(chunks(RAW)) == 2
    history.roll_up(NOON + HOUR)
    assert len(chunks(RAW)) == 3


def test_after_a_pause_packing_goes_on_where_the_readings_do(group):
    read(group, each(NOON, NOON + 15 * MINUTE))
    run_until(NOON + HOUR, every=10 * MINUTE)
    read(group, each(NOON + 5 * HOUR, NOON + 6 * HOUR))
    run_until(NOON + 7 * HOUR, NOON + 6 * HOUR, 5 * MINUTE)
    starts = [(chunk.starts_at - NOON) / HOUR for chunk in chunks(RAW)]
    assert starts == [0, 5, 5.25, 5.5, 5.75]


def test_a_day_is_rolled_up_when_it_is_packed(group):
    midnight = NOON + 12 * HOUR
    read(group, each(NOON, midnight + HOUR, 5 * MINUTE))
    run_until(midnight + 5 * MINUTE, NOON + HOUR, 5 * MINUTE)
    assert chunks(FIVE) == []
    history.roll_up(midnight + 5 * MINUTE)
    [day] = chunks(FIVE)
    assert (day.starts_at, day.samples) == (NOON - 12 * HOUR, 144)
    assert GroupHistory.objects.get().five_until == midnight


def test_a_week_is_rolled_up_and_the_sums_stay_the_same(group, settings):
    settings.COLLECT_INTERVAL = 3600
    start = datetime.fromtimestamp(domain.HOURLY.start(int(NOON.timestamp())), UTC)
    read(group, each(start, start + 8 * DAY, HOUR))
    run_until(start + 9 * DAY, start + 9 * DAY - 7 * HOUR, MINUTE)
    [week] = chunks(HOURLY)
    assert (week.starts_at, week.samples) == (start, 7 * 24)
    seconds = sum(point.written_in for point in totals(HOURLY))
    assert sum(point.written or 0 for point in totals(HOURLY)) == 2 * seconds
    assert seconds == 7 * 86_400 - 3600


def test_marks_are_kept_through_all_levels(group):
    read(group, each(NOON, NOON + 10 * MINUTE))
    read(group, [NOON + 10 * MINUTE], back=900, owner="worker-2")
    read(group, each(NOON + 11 * MINUTE, NOON + 13 * HOUR, 5 * MINUTE))
    run_until(NOON + 13 * HOUR, NOON + HOUR, 5 * MINUTE)
    at = int((NOON + 10 * MINUTE).timestamp())
    for level in (RAW, FIVE):
        first = chunks(level)[0]
        assert [at, "foreign", [0, 1], "worker-2"] in first.marks


def test_a_reset_of_ours_is_no_foreign_move_and_no_consumption(group, people):
    read(group, each(NOON, NOON + 10 * MINUTE))
    read(group, each(NOON + 10 * MINUTE, NOON + 15 * MINUTE), back=900)
    reset = own_reset(group, people["operator"])
    for shard in (0, 1):
        ShardReset.objects.create(
            reset=reset,
            shard=shard,
            before={},
            after={"position": "5"},
            sent_at=NOON + 9 * MINUTE + timedelta(seconds=30),
        )
    history.roll_up(NOON + 20 * MINUTE)
    [chunk] = chunks(RAW)
    assert chunk.marks == []
    assert [point.drained for point in totals(RAW)][8:12] == [120, None, None, 120]


def own_reset(group: Any, maker: Any) -> Reset:
    plan = Plan.objects.create(group=group, maker=maker, made_at=NOON, expires_at=NOON, body={})
    return Reset.objects.create(plan=plan, group=group, actor_name="mei", reason="r", started_at=NOON)


def test_a_damaged_chunk_is_left_out_and_told(group, caplog):
    midnight = NOON + 12 * HOUR
    read(group, each(NOON, midnight + HOUR, 5 * MINUTE))
    run_until(midnight + 5 * MINUTE, NOON + HOUR, 5 * MINUTE)
    HistoryChunk.objects.filter(starts_at=NOON).update(totals=b"\x09")
    history.roll_up(midnight + 5 * MINUTE)
    assert [day.samples for day in chunks(FIVE)] == [141]
    assert "left out" in caplog.text


def test_old_chunks_are_dropped_but_only_when_they_are_rolled_up(group, settings):
    settings.HISTORY_RAW_HOURS = 24
    read(group, each(NOON, NOON + DAY, 15 * MINUTE))
    run_until(NOON + DAY + HOUR, NOON + DAY, 1 * MINUTE)
    GroupHistory.objects.update(five_until=NOON - DAY, raw_until=NOON - DAY)
    history._drop(NOON + 20 * DAY)
    assert chunks(RAW)
    GroupHistory.objects.update(five_until=NOON + 12 * HOUR)
    history._drop(NOON + 20 * DAY)
    assert {chunk.starts_at >= NOON + 12 * HOUR for chunk in chunks(RAW)} == {True}


def test_each_level_is_kept_for_its_time(group):
    read(group, [NOON])
    history.roll_up(NOON)
    GroupHistory.objects.update(five_until=NOON + 400 * DAY, hourly_until=NOON + 400 * DAY)
    for level in (RAW, FIVE, HOURLY):
        for age in (1, 3, 13, 16, 89, 98):
            HistoryChunk.objects.create(
                group=group, level=level, starts_at=NOON - age * DAY, samples=0, totals=b"", shards=b""
            )
    history._drop(NOON)
    ages = {
        level: [(NOON - chunk.starts_at).days for chunk in chunks(level)] for level in (RAW, FIVE, HOURLY)
    }
    assert ages == {RAW: [1], FIVE: [13, 3, 1], HOURLY: [89, 16, 13, 3, 1]}


def test_the_small_line_follows_the_summary(group):
    read(group, [NOON])
    history.roll_up(NOON)
    ConsumerGroup.objects.update(read_at=NOON + 6 * MINUTE, lag_seconds=None, backlog=None)
    history.roll_up(NOON + 6 * MINUTE)
    history.roll_up(NOON + 7 * MINUTE)
    recent = sparks.read(bytes(GroupHistory.objects.get().recent))
    assert [(point.lag, point.backlog) for point in recent] == [(30, 60), (None, None)]


def test_a_group_that_was_never_read_has_no_history(group):
    history.roll_up(NOON)
    assert not GroupHistory.objects.exists()


def test_readings_stay_until_they_are_packed_but_for_a_day_at_most(group):
    read(group, each(NOON, NOON + HOUR))
    history.roll_up(NOON + 20 * MINUTE)
    summaries.prune([group], now=NOON + 5 * HOUR)
    assert Reading.objects.count() == 45
    summaries.prune([group], now=NOON + 26 * HOUR)
    assert Reading.objects.count() == 0


def test_many_groups_cost_as_many_queries_as_few(group, django_assert_max_num_queries):
    for number in range(40):
        read(make(f"cg-{number}"), each(NOON, NOON + 15 * MINUTE, 5 * MINUTE), shards=1)
    history.roll_up(NOON + MINUTE)
    with django_assert_max_num_queries(25):
        history.roll_up(NOON + 20 * MINUTE)
    assert len(chunks(RAW)) == 40


def test_the_readings_of_a_vanished_group_go_after_a_day_and_the_group_with_its_history(group):
    read(group, each(NOON, NOON + HOUR))
    history.roll_up(NOON + HOUR)
    ConsumerGroup.objects.filter(pk=group.pk).update(vanished_at=NOON + HOUR)
    history.roll_up(NOON + 20 * HOUR)
    assert group.readings.exists()
    history.roll_up(NOON + 26 * HOUR)
    assert not group.readings.exists()
    assert ConsumerGroup.objects.filter(pk=group.pk).exists()
    history.roll_up(NOON + 92 * DAY)
    assert not ConsumerGroup.objects.filter(pk=group.pk).exists()


def test_a_vanished_group_that_was_reset_is_kept_for_ever(group, people):
    read(group, each(NOON, NOON + HOUR))
    own_reset(group, people["operator"])
    ConsumerGroup.objects.filter(pk=group.pk).update(vanished_at=NOON)
    history.roll_up(NOON + 200 * DAY)
    assert ConsumerGroup.objects.filter(pk=group.pk).exists()
