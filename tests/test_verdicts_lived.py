"""Every verdict is reached by a life in the emulator, and no healthy one makes the word flap."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints.domain.verdicts import Verdict
from checkpoints.models import Plan, Reset, ShardReset
from emulator.actors import Consumer
from emulator.cursors import encode
from emulator.scenarios.stage import DAY, HOUR, Past, Stage
from tests.lives import MINUTE, Life, life

pytestmark = pytest.mark.django_db
BAD = {Verdict.STALLED, Verdict.STOPPED, Verdict.FOREIGN_MOVE, Verdict.LOSING_DATA, Verdict.AT_RISK}
NAMES = ("c-1", "c-2")


@pytest.mark.parametrize(
    ("scenario", "minutes", "word", "told"),
    [
        ("healthy", 10, Verdict.OK, "Consumed in time"),
        ("lagging", 15, Verdict.BEHIND, "does not shrink"),
        ("catching-up", 15, Verdict.CATCHING_UP, "The backlog shrinks"),
        ("stalled", 10, Verdict.STOPPED, "while log groups arrive"),
        ("stopped", 10, Verdict.STOPPED, "while log groups arrive"),
        ("at-risk", 10, Verdict.AT_RISK, "expires in"),
        ("expired", 2, Verdict.LOSING_DATA, "Data is lost"),
        ("not-started", 2, Verdict.NOT_STARTED, "Never saved"),
        ("idle", 2, Verdict.IDLE, "Nothing new"),
        ("progress-only", 10, Verdict.PROGRESS_ONLY, "Flink"),
        ("split", 10, Verdict.OK, "Read-only and finished"),
        ("meddling", 25, Verdict.FOREIGN_MOVE, "went back without a reset of ours"),
        ("overwriting", 10, Verdict.OK, "Consumed in time"),
        ("denied", 2, Verdict.UNKNOWN, ""),
    ],
)
def test_a_scenario_has_its_word(scenario: str, minutes: int, word: Verdict, told: str) -> None:
    with life(scenario) as lived:
        lived.go_on(minutes)
        assert lived.group.verdict == word, lived.told
        assert told in lived.told


def orders(stage: Stage, *, rate: float = 0.3, history: float = 3 * HOUR, shards: int = 2) -> object:
    stage.project("shop")
    return stage.store("shop", "orders", shards=shards, rate=rate, history=history)


def group(stage: Stage, *, rate: float = 0.3, behind: float = 4, timeout: int = 60, **how: float) -> None:
    """Make two consumers with a way of their own."""
    store = orders(stage, rate=rate)
    stage.group(store, "order-index", Past(behind=behind, consumers=NAMES), timeout=timeout)
    stage.consume("shop", store, "order-index", *NAMES, **how)


def test_one_poisoned_shard_among_others_that_go_on_is_stalled() -> None:
    with life(build=lambda stage: group(stage, commit_seconds=10)) as lived:
        lived.go_on(5)
        holder = next(
            one for one in lived.emulator.world.actors if isinstance(one, Consumer) and 0 in one.positions
        )
        holder.pace = 0
        lived.go_on(15)
        assert lived.turns() == [Verdict.OK, Verdict.STALLED]
        assert "No progress for" in lived.told


def test_a_consumer_that_saves_the_same_place_again_and_again_is_stalled() -> None:
    with life("stopped") as lived:
        store = lived.emulator.world.logstore("shop", "orders")
        place = ("shop", "orders", "order-index")
        texts = {number: row.text for number, row in store.groups["order-index"].checkpoints.items()}

        def save_again() -> None:
            for number, text in texts.items():
                lived.emulator.world.commit(place, number, text, consumer="consumer-a", force=True)

        lived.go_on(10, and_then=save_again)
        assert lived.words[-1] is Verdict.STALLED
        assert "Saved again and again at the same place" in lived.told


@pytest.mark.parametrize("minutes", [4.5, 6, 10, 12, 17, 25])
def test_a_consumer_that_only_rarely_saves_is_never_called_stalled(minutes: float) -> None:
    with life(build=lambda stage: group(stage, commit_seconds=minutes * MINUTE)) as lived:
        lived.go_on(5 * minutes)
        assert not BAD & set(lived.words), lived.turns()
        assert lived.words[-1] is Verdict.RARELY_SAVES
        lived.go_on(3 * minutes)
        assert set(lived.words[-int(3 * minutes) :]) == {Verdict.RARELY_SAVES}


def test_a_consumer_that_rarely_saves_and_stops_is_called_stopped() -> None:
    with life("rarely-saves") as lived:
        lived.go_on(5 * 12)
        assert lived.words[-1] is Verdict.RARELY_SAVES
        lived.emulator.world.actors.clear()
        lived.go_on(25)
        assert lived.words[-1] is Verdict.STOPPED


def test_a_job_that_saves_without_a_name_every_ten_minutes_is_never_called_stalled() -> None:
    def flink(stage: Stage) -> None:
        store = orders(stage)
        stage.group(store, "order-index", Past(behind=300))
        stage.consume("shop", store, "order-index", commit_seconds=10 * MINUTE)

    with life(build=flink) as lived:
        lived.go_on(60)
        assert not BAD & set(lived.words), lived.turns()
        assert "Saved without a consumer's name" in lived.told


def test_a_group_that_reads_everything_and_then_nothing_comes_is_ok_and_then_idle() -> None:
    with life("healthy") as lived:
        lived.go_on(10)
        for shard in lived.emulator.world.logstore("shop", "orders").all_shards.values():
            shard.set_rate(0, lived.emulator.world.now())
        lived.go_on(75, every=5 * MINUTE)
        assert lived.turns() == [Verdict.OK, Verdict.IDLE]


def test_a_shard_that_nobody_of_a_group_at_work_ever_reads_is_stalled() -> None:
    with life("healthy") as lived:
        lived.go_on(5)
        world = lived.emulator.world
        _, *children = world.logstore("shop", "orders").split(1, "", world.now())
        for child in children:
            child.set_rate(0.15, world.now())
        for one in world.actors:  # an old client that does not learn of new shards
            one._assigned = lambda *_, held=set(one.positions): held  # type: ignore[attr-defined]
        lived.go_on(20)
        assert lived.turns() == [Verdict.OK, Verdict.STALLED]
        assert "nobody ever saved there" in lived.told


def test_the_children_of_a_split_wait_in_an_in_order_group_and_are_not_stalled() -> None:
    with life("split", group="order-ledger") as lived:
        lived.go_on(25)
        assert Verdict.STALLED not in lived.words


def test_a_split_in_the_middle_changes_nothing_for_a_group_that_keeps_up() -> None:
    with life("healthy") as lived:
        lived.go_on(10)
        world = lived.emulator.world
        _, *children = world.logstore("shop", "orders").split(1, "", world.now())
        for child in children:
            child.set_rate(0.15, world.now())
        lived.go_on(20)
        assert lived.turns() == [Verdict.OK]
        assert "Read-only and finished" in lived.told


def test_a_rewind_by_somebody_else_is_told_for_a_while_and_then_forgotten() -> None:
    with life("healthy") as lived:
        lived.go_on(10)
        world = lived.emulator.world
        shard = world.logstore("shop", "orders").all_shards[0]
        world.actors.clear()  # they stop, somebody rewinds, they start again
        aim = shard.position_from(str(int(world.now() - 3600)), world.now())
        world.commit(("shop", "orders", "order-index"), 0, encode(aim), consumer="", force=True)
        for name in ("consumer-a", "consumer-b"):
            world.actors.append(Consumer(world, ("shop", "orders", "order-index"), name, pace=30))
        lived.go_on(30)
        assert lived.turns() == [Verdict.OK, Verdict.FOREIGN_MOVE, Verdict.OK]


def test_a_rewind_while_nothing_was_read_for_an_hour_is_told_afterwards() -> None:
    with life("stopped") as lived:
        lived.go_on(5)
        lived.emulator.live(HOUR)
        world = lived.emulator.world
        shard = world.logstore("shop", "orders").all_shards[0]
        aim = shard.position_from(str(int(world.now() - 5 * HOUR)), world.now())
        world.commit(("shop", "orders", "order-index"), 0, encode(aim), consumer="", force=True)
        lived.read()
        assert "went back without a reset of ours" in lived.told


def test_a_reset_of_ours_while_nothing_was_read_for_an_hour_is_no_foreign_move(
    people: dict[str, Any],
) -> None:
    with life("stopped") as lived:
        lived.go_on(5)
        lived.emulator.live(HOUR / 2)
        world = lived.emulator.world
        shard = world.logstore("shop", "orders").all_shards[0]
        aim = shard.position_from(str(int(world.now() - 5 * HOUR)), world.now())
        world.commit(("shop", "orders", "order-index"), 0, encode(aim), consumer="", force=True)
        plan = Plan.objects.create(
            group=lived.group, maker=people["operator"], made_at=lived.now, expires_at=lived.now, body={}
        )
        reset = Reset.objects.create(plan=plan, group=lived.group, reason="r", started_at=lived.now)
        after = {"position": str(aim)}
        ShardReset.objects.create(reset=reset, shard=0, before={}, after=after, sent_at=lived.now)
        lived.emulator.live(HOUR / 2)
        lived.read()
        assert "went back" not in lived.told


def test_a_group_that_was_sent_ahead_by_somebody_else_is_told() -> None:
    with life("lagging") as lived:
        lived.go_on(10)
        world = lived.emulator.world
        held = [one for one in world.actors if isinstance(one, Consumer) and 0 in one.positions]
        now = world.now()
        for one in held:  # as if it were stopped, sent ahead and started again within a minute
            one.positions[0] = world.logstore("shop", "orders").all_shards[0].end(now) - 50
        lived.go_on(2)
        assert lived.words[-1] is Verdict.FOREIGN_MOVE
        assert "jumped over" in lived.told


HEALTHY = {
    "as shipped": {},
    "saves every minute": {"commit_seconds": 60},
    "a log group every ten minutes": {"rate": 1 / 600},
    "a log group every four minutes": {"rate": 1 / 240, "commit_seconds": 30},
    "busy": {"rate": 20, "commit_seconds": 30},
    "the longest timeout": {"timeout": 300, "commit_seconds": 60},
}


@pytest.mark.parametrize("how", HEALTHY)
def test_a_healthy_group_keeps_its_word_for_two_hours(how: str) -> None:
    with life(build=lambda stage: group(stage, **HEALTHY[how])) as lived:
        lived.go_on(120)
        assert_steady(lived)


def assert_steady(lived: Life) -> None:
    """Ok from the first to the last reading."""
    assert lived.turns() == [Verdict.OK], lived.turns()


def test_a_healthy_group_keeps_its_word_through_restarts_rebalances_and_calls_that_fail() -> None:
    with life(build=lambda stage: group(stage, commit_seconds=10, rate=0.5)) as lived:
        emulator, turn = lived.emulator, 0

        def trouble() -> None:
            nonlocal turn
            turn += 1
            world = emulator.world
            if turn % 30 == 10:  # one is restarted: its shards are taken over after the timeout
                world.actors.pop()
            if turn % 30 == 13:
                world.actors.append(
                    Consumer(world, ("shop", "orders", "order-index"), f"c-{turn}", pace=1000)
                )
            if turn % 20 == 0:
                emulator.fault("GetCursor", status=400, code="ShardNotExist", message="upgrading", times=1)
            if turn % 25 == 0:
                emulator.fault("GetCheckPoint", status=404, code="NotExist", message="upgrading", times=1)

        lived.go_on(120, and_then=trouble)
        assert_steady(lived)


def test_a_lag_that_hovers_about_the_limit_does_not_make_the_word_flap() -> None:
    with life(build=lambda stage: group(stage, behind=300, pace=1, commit_seconds=10)) as lived:
        lived.go_on(60)
        assert len(lived.turns()) <= 2, lived.turns()


def test_a_small_consumer_of_an_expiring_logstore_stays_at_risk() -> None:
    def build(stage: Stage) -> None:
        stage.project("shop")
        store = stage.store("shop", "orders", shards=2, rate=0.01, history=3 * DAY, ttl_days=1)
        stage.group(store, "order-index", Past(behind=18.05 * HOUR, consumers=NAMES))
        stage.consume("shop", store, "order-index", *NAMES, pace=1.0)

    with life(build=build) as lived:
        lived.go_on(60)
        assert set(lived.turns()[-1:]) == {Verdict.AT_RISK}
        assert len(lived.turns()) <= 2, lived.turns()
