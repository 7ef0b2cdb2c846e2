"""The judge of `bench collect --shared` can say no: to made-up stories, and to products that are broken."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.utils import timezone

from bench import sharing_judge as judge
from bench import sharing_witnesses as witnesses
from bench.sharing_judge import ACKNOWLEDGED, SILENCED, UNSILENCED, Recorded, Standing, Told
from bench.sharing_receiver import Delivery, Heard, listening
from bench.sharing_world import Witness
from checkpoints.models import Alert, ConsumerGroup, Endpoint, Logstore, Notice
from checkpoints.services import alert_states, alerts, audit, channels, collector, discovery, leases, notices
from checkpoints.services.audit import SYSTEM, Actor
from emulator import testing
from emulator.build import Options
from emulator.build import server as build_server
from tests.conftest import KEYS, store_endpoint
from tests.services import alerting as the
from tests.services.alerting import at
from tests.services.at_once import together

# --- stories


def test_readings_far_enough_apart_are_no_complaint_and_closer_ones_are():
    seen = [("a/g", 0.0), ("a/g", 10.0), ("b/g", 1.0), ("b/g", 4.0), ("b/h", 4.1)]
    assert judge.readings(seen, {"a/": 10, "b/": 2.5}) == []
    assert judge.readings([*seen, ("a/g", 19.9)], {"a/": 10, "b/": 2.5}) == [
        "a/g was read twice, 9.90 s apart (at least 10)"
    ]
    assert judge.gaps(seen, "b/") == [3.0]


def test_each_reading_has_its_call_and_a_call_without_one_died_with_its_process():
    asked, rows = [("g", 1.0), ("g", 30.0)], [("g", 1.5)]
    assert judge.stored(asked, rows, [35.0]) == []
    assert judge.stored(asked, rows, [60.0]) == ["g was asked at 30.00 and no reading was stored"]
    assert judge.stored(asked, [*rows, ("g", 1.6)], [35.0]) == [
        "g has a reading at 1.60 for which nothing was asked"
    ]


def delivery(key: str, at: float, *, taken: bool = True) -> Delivery:
    return Delivery("ops", key, {}, at, at + 1, taken)


def told(key: str, number: int, event: str, state: str = "sent", waits: float = 0.0) -> Told:
    return Told(key, 7, number, "ops", event, state, waits)


def test_people_are_told_at_once_of_what_a_rule_found_at_once():
    rows = [Told("k1", alert, 1, "ops", "fired", "sent", 0.0, "slow at 1") for alert in (7, 8)]
    wanted = {alert: (1, ["ops"]) for alert in (7, 8)}
    deliveries = [delivery("k1", 10), delivery("k3", 10)]
    assert judge.notices(rows, deliveries[:1], wanted, []).complaints == []
    rows[1] = Told("k3", 8, 1, "ops", "fired", "sent", 0.0, "slow at 1")
    assert judge.notices(rows, deliveries, wanted, []).complaints == [
        "ops is told 2 times of what slow at 1 fired"
    ]


FIRED, RESOLVED = told("k1", 1, "fired"), told("k2", 2, "resolved")
BOTH = [delivery("k1", 10), delivery("k2", 20)]


@pytest.mark.parametrize(
    ("rows", "deliveries", "events", "words"),
    [
        ([FIRED, RESOLVED], [delivery("k1", 5, taken=False), *BOTH], 2, None),
        ([FIRED, RESOLVED], [*BOTH, delivery("k1", 30)], 2, "delivered again"),
        ([FIRED, RESOLVED], [BOTH[0]], 2, "never taken"),
        ([FIRED, told("k2", 2, "resolved", "waiting")], BOTH, 2, "taken and is called waiting"),
        ([FIRED, told("k2", 2, "resolved", "waiting", 200)], BOTH[:1], 2, "no reason is told"),
        ([FIRED, told("k2", 2, "resolved", "waiting")], BOTH[:1], 2, None),
        ([told("k1", 1, "fired", "waiting"), told("k2", 2, "resolved", "waiting", 200)], [], 2, None),
        ([FIRED, RESOLVED], [*BOTH, delivery("k3", 30)], 2, "not stored"),
        ([FIRED, RESOLVED], BOTH, 3, "event 3 of alert 7 to ops has no notice"),
        ([FIRED, RESOLVED], BOTH, 1, "event 2 of alert 7 to ops is not an event"),
        ([FIRED, FIRED, RESOLVED], BOTH, 2, "event 1 of alert 7 to ops has 2 notices"),
        ([FIRED, RESOLVED], [delivery("k1", 20), delivery("k2", 10)], 2, "came before event 1"),
        ([told("k1", 1, "fired", "waiting"), RESOLVED], BOTH[1:], 2, "came before event 1"),
        ([told("k1", 1, "resolved"), told("k2", 2, "fired")], BOTH, 2, "is resolved after resolved"),
    ],
)
def test_notices_are_held_against_events_and_deliveries(rows, deliveries, events, words):
    found = judge.notices(rows, deliveries, {7: (events, ["ops"])}, [])
    if words is None:
        assert found.complaints == []
    else:
        assert any(words in complaint for complaint in found.complaints), found.complaints


def test_a_notice_whose_worker_was_killed_before_it_noted_so_may_come_again():
    deliveries = [*BOTH, delivery("k2", 200)]
    found = judge.notices([FIRED, RESOLVED], deliveries, {7: (2, ["ops"])}, [21.5])
    assert (found.complaints, found.again) == ([], 1)


def test_events_follow_what_the_observer_saw():
    steps = [Standing(7, "firing", 1, 5.0), Standing(7, "acknowledged", 1, 5.0), Standing(7, "resolved", 2)]
    assert judge.alerts(steps) == []
    assert judge.alerts([Standing(7, "firing", 2, 5.0)]) == [
        "alert 7 went from resolved to firing with 2 events instead of 1"
    ]
    assert judge.alerts([steps[0], Standing(7, "resolved", 1)]) == [
        "alert 7 went from firing to resolved with 0 events instead of 1"
    ]


def test_changes_by_people_are_held_against_observer_and_audit():
    steps = [
        Standing(7, "acknowledged", 1, 5.0, 6.0),
        Standing(7, "silenced", 1, 5.0, 6.0, 99.0),
        Standing(7, "acknowledged", 1, 5.0, 6.0),
    ]
    rows = [Recorded(7, action) for action in (ACKNOWLEDGED, SILENCED, UNSILENCED)]
    accepted = {(7, ACKNOWLEDGED): 2, (7, SILENCED): 1, (7, UNSILENCED): 2}
    assert judge.changes(steps, rows, accepted, 0) == []
    assert judge.changes(steps, [*rows, rows[0]], accepted, 0) == [
        "alert 7 was seen to become alert.acknowledged 1 times, the audit says 2"
    ]
    assert "more than recorded" in judge.changes(steps, rows, {**accepted, (7, SILENCED): 2}, 0)[0]
    assert "nobody was told" in judge.changes(steps, [*rows, rows[1]], accepted, 0)[0]
    assert judge.changes(steps, [*rows, rows[1]], accepted, 1) == []


# --- products


Spoil = Callable[[pytest.MonkeyPatch], None]


def put(owner: Any, name: str, around: Callable[..., Any]) -> Spoil:
    """Return what puts a call of around(real, ...) in the place of a function."""

    def spoil(patch: pytest.MonkeyPatch) -> None:
        real = getattr(owner, name)
        patch.setattr(owner, name, lambda *words, **named: around(real, *words, **named))

    return spoil


def give(result: Callable[[], Any]) -> Callable[..., Any]:
    return lambda _real, *_words, **_named: result()


def twice(real: Callable[..., Any], *words: Any, **named: Any) -> Any:
    real(*words, **named)
    return real(*words, **named)


def nothing(_patch: pytest.MonkeyPatch) -> None:
    pass


@pytest.fixture
def witness(monkeypatch: pytest.MonkeyPatch) -> Iterator[Witness]:
    """The emulator of `--shared` in a thread: three Logstores with two groups each."""

    def build(options: Options) -> Witness:
        plain = build_server(options)
        assert plain.gate
        return Witness(plain.world, plain.gate, longest=0.3)

    monkeypatch.setattr(testing, "build_server", build)
    with testing.running(projects=1, logstores=3, shards=1, groups=2, keys=KEYS) as running:
        store_endpoint(running)
        assert isinstance(running.server, Witness)
        yield running.server


def read_at_once(witness: Witness) -> list[str]:
    """Let two workers collect and four people look at one group, all at once; returns the complaints."""
    discovery.discover(Endpoint.objects.get(), now=timezone.now())
    Endpoint.objects.update(next_discovery_at=timezone.now() + discovery.EVERY)
    collector.read_logstore(Logstore.objects.get(name="store-0"), now=timezone.now() - timedelta(minutes=30))
    witness.asked.clear()
    begun = timezone.now()
    group = ConsumerGroup.objects.order_by("pk").select_related("logstore__project__endpoint")[0]

    def work() -> None:
        collector._Run().until_idle()  # run() lets only one do so in a process, and this is two

    def look() -> None:
        collector.refresh(group, now=begun)

    assert together(work, work, look, look, look, look) == [None] * 6
    calls = [(f"{store}/{name}", when) for when, _, store, name in witness.asked]
    rows = [row for row in witnesses.readings() if row[1] > begun.timestamp() - 1]
    rows = [(name.partition("/")[2], when) for name, when in rows]
    assert {name for name, _ in calls} == {f"store-{n}/cg-{m}" for n in range(3) for m in range(2)}
    return judge.readings(calls, {"": 10}) + judge.readings(rows, {"": 10}) + judge.stored(calls, rows, [])


def all_due(_real: Any, endpoint: Endpoint, _most: int, now: datetime) -> list[leases.Take]:
    """Find what is due as two at once may, and take it without asking whether it still is."""
    found = leases._with(endpoint, list(leases.of_endpoint(endpoint).filter(leases._due(now, leases.LEASE))))
    Logstore.objects.update(next_read_at=now + leases.LEASE)
    return [leases.Take(row) for row in found]


def all_claimed(real: Callable[..., Any], group: ConsumerGroup, *, max_age: timedelta, now: datetime) -> Any:
    return real(group, max_age=max_age, now=now) or now + leases.LEASE


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (nothing, None),
        (put(leases, "due", all_due), "was read twice"),
        (put(leases, "claim", all_claimed), "was read twice"),
        (put(leases, "_take_groups", give(lambda: defaultdict(frozenset))), "was read twice"),
        (put(collector.visits.summaries, "write", give(lambda: None)), "no reading was stored"),
    ],
    ids=["nothing", "lease without condition", "claim without condition", "groups not taken", "not stored"],
)
def test_a_product_that_reads_twice_is_found_out(
    real_db: None, witness: Witness, monkeypatch: pytest.MonkeyPatch, spoil: Spoil, words: str | None
) -> None:
    spoil(monkeypatch)
    complaints = read_at_once(witness)
    assert any(words in one for one in complaints) if words else complaints == [], complaints


@pytest.fixture
def heard(settings: Any) -> Iterator[Heard]:
    settings.ALERT_ALLOWED_HOSTS = ("127.0.0.1",)
    with listening() as found:
        yield found


def tell_at_once(heard: Heard) -> list[str]:
    """Let groups fire and resolve, two people acknowledge, four workers send; returns the complaints."""
    kinds = {"good": "webhook", "robot": "dingtalk"}
    made = [channels.Fields(name=name, kind=kind, url=f"{heard.url}/{name}") for name, kind in kinds.items()]
    the.rule(*[channels.add(fields, actor=SYSTEM, now=at(0)) for fields in made])
    for number in range(6):
        the.group(f"g-{number}")
    observer = witnesses.Observer()
    for minute, lag in ((1, 3600.0), (3, 0.0)):
        ConsumerGroup.objects.update(read_at=at(minute), lag_seconds=lag, backlog=9)
        together(*[lambda minute=minute: alerts.evaluate(at(minute))] * 2)
        observer.look()
        for found in Alert.objects.filter(state="firing", group__name="g-0"):
            acknowledge_at_once(found)
            observer.look()
    for minute in (3, 4, 10):  # at last any lease is over
        together(*[lambda minute=minute: notices.deliver(at(minute))] * 4)
    told = judge.notices(witnesses.notices(), heard.deliveries, witnesses.alerts(), [])
    changes = judge.changes(observer.seen, witnesses.audit(), {}, 0)
    return told.complaints + judge.alerts(observer.seen) + changes


def acknowledge_at_once(found: Alert) -> None:
    people = [Actor("1", "mei"), Actor("2", "li")]
    together(*[lambda one=one: alerts.acknowledge(found, actor=one, now=at(2)) for one in people])


def newest_first(_real: Any, now: datetime) -> Any:
    due = Notice.objects.filter(state="waiting", due_at__lte=now, lead=None)
    return due.select_related("channel").order_by("-number")


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (nothing, None),
        (put(notices, "_take", give(lambda: True)), "delivered again"),
        (put(notices, "_settle", give(lambda: None)), "is called waiting"),
        (put(notices, "_due", newest_first), "came before event 1"),
        (put(notices, "store", give(lambda: None)), "has no notice"),
        (put(notices, "_together", lambda _real, own: own), "is told 6 times of what"),
        (put(alert_states, "_numbered", twice), "with 2 events instead of 1"),
        (put(audit, "record", twice), "the audit says 2"),
    ],
    ids=[
        "nothing",
        "not taken",
        "not noted",
        "overtaking",
        "not stored",
        "one by one",
        "event twice",
        "recorded twice",
    ],
)
def test_a_product_that_tells_twice_or_not_at_all_is_found_out(
    real_db: None, heard: Heard, monkeypatch: pytest.MonkeyPatch, spoil: Spoil, words: str | None
) -> None:
    spoil(monkeypatch)
    complaints = tell_at_once(heard)
    assert any(words in one for one in complaints) if words else complaints == [], complaints
