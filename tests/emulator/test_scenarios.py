"""Every scenario shows what its name promises, and lives on."""

from collections import Counter
from collections.abc import Iterator

import pytest

from emulator import scenarios
from emulator.build import Options, server
from emulator.cursors import decode
from emulator.faults import Faults
from emulator.groups import Group
from emulator.logstores import Logstore
from emulator.server import Server
from emulator.world import World

START = 1_767_225_600.0


class Story:
    """A scenario with a clock that stands still until it is moved."""

    def __init__(self, name: str, seed: int = 0) -> None:
        self.time = START
        self.server = Server(World(seed=seed, clock=lambda: self.time))
        scenarios.build(name, self.server)
        self.world = self.server.world

    def live(self, seconds: int) -> None:
        for _ in range(seconds):
            self.time += 1
            self.world.tick()

    def store(self, project: str = "shop", logstore: str = "orders") -> Logstore:
        return self.world.logstore(project, logstore)

    def group(self, name: str = "order-index") -> Group:
        return self.store().groups[name]

    def backlogs(self, name: str = "order-index") -> dict[int, int]:
        saved = {number: decode(row.text) for number, row in self.group(name).checkpoints.items()}
        shards = self.store().all_shards
        return {number: shards[number].end(self.time) - at for number, at in saved.items() if at is not None}


def test_the_names_are_those_of_the_contract() -> None:
    assert scenarios.NAMES == (
        "healthy",
        "lagging",
        "catching-up",
        "rarely-saves",
        "idle",
        "not-started",
        "at-risk",
        "meddling",
        "stalled",
        "stopped",
        "expired",
        "split",
        "overwriting",
        "progress-only",
        "throttled",
        "denied",
        "slow",
        "demo",
    )


def test_an_unknown_scenario_is_refused_with_the_known_ones() -> None:
    with pytest.raises(LookupError, match="healthy, lagging"):
        server(Options(scenario="nope"))


def test_healthy_consumers_stay_close_to_the_end() -> None:
    story = Story("healthy")
    story.live(120)
    assert max(story.backlogs().values()) <= 10
    assert len(story.world.writes) > 20


def test_lagging_consumers_commit_and_lose_ground() -> None:
    story = Story("lagging")
    before = sum(story.backlogs().values())
    story.live(600)
    assert sum(story.backlogs().values()) > before > 1000
    assert len(story.world.writes) > 100


def test_stalled_consumers_are_alive_and_commit_nothing() -> None:
    story = Story("stalled")
    story.live(120)
    assert sorted(story.group().consumers) == ["consumer-a", "consumer-b"]
    assert not story.world.writes
    assert min(story.backlogs().values()) > 1000


def test_stopped_consumers_are_gone_while_producers_go_on() -> None:
    story = Story("stopped")
    before = story.backlogs()
    story.live(120)
    assert not story.group().consumers
    assert all(story.backlogs()[number] > before[number] for number in before)


def test_expired_checkpoints_lie_before_what_is_retained() -> None:
    story = Story("expired")
    shards = story.store().all_shards
    lost = {
        number
        for number, row in story.group().checkpoints.items()
        if (decode(row.text) or 0) < shards[number].begin(START)
    }
    assert lost == {1, 2}
    assert all(decode(row.text) >= shards[number].base for number, row in story.group().checkpoints.items())


def test_a_split_leaves_a_finished_parent_and_one_that_is_still_read_in_order() -> None:
    story = Story("split")
    shards = story.store().all_shards
    assert [one.status for one in shards.values()] == ["readwrite", "readonly"] + ["readwrite"] * 4
    assert story.group().state(shards[1], shards, START) == "over"
    strict = story.group("order-ledger")
    assert [strict.state(shards[number], shards, START) for number in (1, 4, 5)] == [
        "already_alloc",
        "wait",
        "wait",
    ]


def test_the_children_of_the_split_are_released_once_the_parent_is_read() -> None:
    story = Story("split")
    story.live(6 * 3600)
    shards = story.store().all_shards
    assert [story.group("order-ledger").state(shards[number], shards, story.time) for number in (1, 4)] == [
        "over",
        "already_alloc",
    ]


def test_a_reset_under_overwriting_consumers_is_gone_within_seconds() -> None:
    story = Story("overwriting")
    story.live(10)
    begin = story.store().all_shards[0].begin(story.time)
    story.world.commit(("shop", "orders", "order-index"), 0, str_cursor(begin), consumer="", force=True)
    story.live(6)
    assert story.backlogs()[0] < 20
    assert [write["shard"] for write in story.world.writes if write["consumer"] == ""] == [0]


def test_progress_only_commits_without_name_and_without_heartbeat() -> None:
    story = Story("progress-only")
    story.live(60)
    assert not story.group().consumers
    assert {write["consumer"] for write in story.world.writes} == {""}
    assert max(story.backlogs().values()) <= 10


def struck(faults: Faults, operation: str, project: str, calls: int) -> Counter[int]:
    found = (faults.strike(operation, project) for _ in range(calls))
    return Counter(fault.status for fault in found if fault is not None)


@pytest.mark.parametrize(
    ("name", "project", "operation", "expected"),
    [
        ("throttled", "shop", "GetCursor", {403: 10}),
        ("denied", "shop", "ListShards", {401: 40}),
        ("denied", "shop", "GetCursor", {403: 40}),
        ("denied", "shop", "ListLogStores", {}),
        ("demo", "iot-telemetry", "GetCursor", {403: 2}),
        ("demo", "ops-audit", "ListShards", {401: 40}),
        ("demo", "pay-core", "ListShards", {}),
    ],
)
def test_throttled_and_denied_projects_fail_as_often_as_told(
    name: str, project: str, operation: str, expected: dict[int, int]
) -> None:
    assert struck(Story(name).server.faults, operation, project, 40) == expected


@pytest.mark.parametrize(("name", "project"), [("slow", "shop"), ("demo", "archive-slow")])
def test_the_slow_project_takes_three_seconds_and_the_account_does_not(name: str, project: str) -> None:
    faults = Story(name).server.faults
    assert (faults.delay_seconds("GetCursor", project), faults.delay_seconds("ListProject", None)) == (3, 0)


@pytest.fixture(scope="module")
def demo() -> Iterator[Story]:
    story = Story("demo")
    story.live(60)
    return story


def test_the_demo_has_the_promised_size(demo: Story) -> None:
    stores = [store for project in demo.world.projects.values() for store in project.logstores.values()]
    groups = [group for store in stores for group in store.groups.values()]
    assert (len(demo.world.projects), len(stores), len(groups)) == (5, 8, 20)
    assert all(2 <= len(store.all_shards) <= 12 for store in stores)


def test_the_demo_shows_each_kind_of_group(demo: Story) -> None:
    pay, shop = demo.world.projects["pay-core"].logstores, demo.world.projects["shop-web"].logstores
    assert not pay["orders"].groups["coupon-recompute"].checkpoints  # never saved
    assert pay["payments"].groups["ledger-writer"].order
    assert pay["payments"].all_shards[1].is_readonly
    assert pay["refunds"].all_shards[3].end(demo.time) == pay["refunds"].all_shards[3].begin(
        demo.time
    )  # empty
    assert max(len(name) for name in pay["orders"].groups) > 80
    assert not shop["access-log"].groups["clickstream-etl"].consumers


def test_a_seed_makes_the_same_world_again() -> None:
    assert demo_positions(Story("demo", seed=7)) == demo_positions(Story("demo", seed=7))
    assert demo_positions(Story("demo", seed=7)) != demo_positions(Story("demo", seed=8))


def demo_positions(story: Story) -> list[int]:
    stores = [store for project in story.world.projects.values() for store in project.logstores.values()]
    return [shard.end(START) for store in stores for shard in store.all_shards.values()]


def str_cursor(position: int) -> str:
    from emulator.cursors import encode

    return encode(position)
