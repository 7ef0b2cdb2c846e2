"""What was promised to several workers and web processes, held against what witnesses saw. No I/O.

Each judge returns sentences about broken promises; none is the answer wanted. Times are seconds since 1970.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bench.sharing_receiver import Delivery

SETTLING_SECONDS = 2.0
"""How long after an answer its worker may die and the notice come again: it was not noted yet."""
READING_SECONDS = 25.0
"""A reading takes 20 s at most, and is stored soon after."""
CLOCK_SECONDS = 0.5
"""The time of a reading for a page counts from when the page was asked for: it may be a little early."""
SOON_SECONDS = 90.0
"""How long a notice may wait for its first attempt: until the task of the next minute had its turn."""
ACKNOWLEDGED, SILENCED, UNSILENCED = "alert.acknowledged", "alert.silenced", "alert.unsilenced"
FIRED, RESOLVED = "fired", "resolved"
WAITING, SENT = "waiting", "sent"


@dataclass(frozen=True)
class Told:
    """A stored notice; `key` is what the channel knows it by, `waits` how long it waits without a reason.

    People are told at once of what one rule found in one evaluation, which is `together`: one key for all.
    """

    key: str
    alert: int
    number: int
    channel: str
    event: str
    state: str
    waits: float = 0.0
    together: str = ""


@dataclass(frozen=True)
class Standing:
    """What an observer of the database saw of an alert when it differed from before."""

    alert: int
    state: str
    events: int
    told_at: float | None = None
    acknowledged_at: float | None = None
    silenced_until: float | None = None


@dataclass(frozen=True)
class Recorded:
    """A row of the audit about an alert."""

    alert: int
    action: str


@dataclass
class Notices:
    """What became of the notices: broken promises, and figures."""

    complaints: list[str] = field(default_factory=list)
    again: int = 0  # came again because a worker died between sending and noting


def readings(seen: Iterable[tuple[str, float]], least: Mapping[str, float]) -> list[str]:
    """Find readings of one group closer than `least` seconds, by group or by what its name begins with."""
    complaints = []
    for name, times in _by_name(seen).items():
        limit = next(seconds for begin, seconds in least.items() if name.startswith(begin))
        complaints += [
            f"{name} was read twice, {after - before:.2f} s apart (at least {limit:g})"
            for before, after in pairwise(times)
            if after - before < limit
        ]
    return complaints


def gaps(seen: Iterable[tuple[str, float]], begin: str) -> list[float]:
    """Return the seconds between any two readings of one group, of those whose name begins so."""
    return [
        after - before
        for name, times in _by_name(seen).items()
        if name.startswith(begin)
        for before, after in pairwise(times)
    ]


def stored(
    asked: Iterable[tuple[str, float]], rows: Iterable[tuple[str, float]], kills: Sequence[float]
) -> list[str]:
    """Find readings that no call was made for, and calls that led to none though nobody was killed."""
    calls, complaints = _by_name(asked), []
    for name, times in _by_name(rows).items():
        mine = calls.setdefault(name, [])
        for at in times:
            made = [call for call in mine if -CLOCK_SECONDS <= at - call <= READING_SECONDS]
            if made:
                mine.remove(made[-1])
            else:
                complaints.append(f"{name} has a reading at {at:.2f} for which nothing was asked")
    complaints += [
        f"{name} was asked at {call:.2f} and no reading was stored"
        for name, left in calls.items()
        for call in left
        if not any(call <= kill <= call + READING_SECONDS for kill in kills)
    ]
    return complaints


def notices(
    told: Sequence[Told],
    deliveries: Sequence[Delivery],
    wanted: Mapping[int, tuple[int, Iterable[str]]],
    kills: Sequence[float],
) -> Notices:
    """Hold stored notices and deliveries against the events of each alert and the channels of its rule."""
    found = Notices()
    taken: defaultdict[tuple[str, str], list[Delivery]] = defaultdict(list)
    for one in sorted(deliveries, key=lambda one: one.answered):
        if one.taken:
            taken[one.channel, one.key].append(one)
    found.complaints += _numbers(told, wanted)
    found.complaints += _strangers(told, taken)
    first_waiting: dict[tuple[int, str], int] = {}
    for notice in sorted(told, key=lambda notice: notice.number):
        if notice.state == WAITING:
            first_waiting.setdefault((notice.alert, notice.channel), notice.number)
        _judge_one(notice, taken[notice.channel, notice.key], kills, found)
        if notice.waits > SOON_SECONDS and first_waiting.get((notice.alert, notice.channel)) == notice.number:
            words = _words((notice.alert, notice.number, notice.channel))
            found.complaints.append(f"{words} waits for {notice.waits:.0f} s and no reason is told")
    found.complaints += _order(told, taken)
    found.complaints += _alternation(told)
    found.complaints += _bursts(told)
    return found


def alerts(seen: Sequence[Standing]) -> list[str]:
    """Find events that were counted twice or not at all, by what the observer saw change."""
    complaints = []
    for alert, steps in _by_alert(seen).items():
        start = Standing(alert, RESOLVED, 0)
        for before, after in pairwise([start, *steps]):
            grown, changed = after.events - before.events, after.told_at != before.told_at
            if grown != int(changed):
                complaints.append(
                    f"alert {alert} went from {before.state} to {after.state} with {grown} events instead of"
                    f" {int(changed)}"
                )
    return complaints


def changes(
    seen: Sequence[Standing], recorded: Iterable[Recorded], accepted: Mapping[tuple[int, str], int], lost: int
) -> list[str]:
    """Hold what the audit says people did about alerts against what the observer saw and they were told.

    An alert is acknowledged once and a silence ended once, however many say so; each silence counts. `lost`
    answers never reached those who asked.
    """
    rows = Counter((row.alert, row.action) for row in recorded)
    seen_to_change = _changes(seen)
    complaints = [
        f"alert {key[0]} was seen to become {key[1]} {seen_to_change[key]} times, the audit says {rows[key]}"
        for key in sorted(set(seen_to_change) | set(rows))
        if key[1] != SILENCED and rows[key] != seen_to_change[key]
    ]
    silences = {key for key in (*rows, *accepted) if key[1] == SILENCED}
    surplus = {key: rows[key] - accepted.get(key, 0) for key in silences}
    complaints += [
        f"alert {key[0]} was silenced {-n} times more than recorded" for key, n in surplus.items() if n < 0
    ]
    if sum(n for n in surplus.values() if n > 0) > lost:
        complaints.append(f"silences were recorded that nobody was told of: {surplus}")
    return complaints


def _changes(seen: Sequence[Standing]) -> Counter[tuple[int, str]]:
    """Count how often the observer saw each alert become acknowledged, or lose its silence."""
    found: Counter[tuple[int, str]] = Counter()
    for alert, steps in _by_alert(seen).items():
        for before, after in pairwise([Standing(alert, RESOLVED, 0), *steps]):
            found[alert, ACKNOWLEDGED] += before.acknowledged_at is None and after.acknowledged_at is not None
            found[alert, UNSILENCED] += before.silenced_until is not None and after.silenced_until is None
    return +found


def _numbers(told: Sequence[Told], wanted: Mapping[int, tuple[int, Iterable[str]]]) -> list[str]:
    there = Counter((notice.alert, notice.number, notice.channel) for notice in told)
    expected = {
        (alert, number, channel)
        for alert, (events, channels) in wanted.items()
        for number in range(1, events + 1)
        for channel in channels
    }
    complaints = [f"{_words(key)} has no notice" for key in sorted(expected - set(there))]
    complaints += [f"{_words(key)} has {n} notices" for key, n in sorted(there.items()) if n > 1]
    return complaints + [f"{_words(key)} is not an event" for key in sorted(set(there) - expected)]


def _strangers(told: Sequence[Told], taken: Mapping[tuple[str, str], list[Delivery]]) -> list[str]:
    known = {(notice.channel, notice.key) for notice in told}
    return [f"{channel} took a notice that is not stored: {key}" for channel, key in set(taken) - known]


def _judge_one(notice: Told, taken: Sequence[Delivery], kills: Sequence[float], found: Notices) -> None:
    words = _words((notice.alert, notice.number, notice.channel))
    for first, _ in pairwise(taken):
        if _died_within(first, kills):
            found.again += 1
        else:
            found.complaints.append(f"{words} was delivered again after it was taken")
    if notice.state == SENT and not taken:
        found.complaints.append(f"{words} is called sent and was never taken")
    if notice.state != SENT and taken and not _died_within(taken[-1], kills):
        found.complaints.append(f"{words} was taken and is called {notice.state}")


def _died_within(delivery: Delivery, kills: Sequence[float]) -> bool:
    return any(delivery.arrived <= kill <= delivery.answered + SETTLING_SECONDS for kill in kills)


def _order(told: Sequence[Told], taken: Mapping[tuple[str, str], list[Delivery]]) -> list[str]:
    """Find notices that overtook an earlier one of the same alert to the same channel."""
    rows: defaultdict[tuple[int, str], list[Told]] = defaultdict(list)
    for notice in told:
        rows[notice.alert, notice.channel].append(notice)
    complaints = []
    for (alert, channel), own in rows.items():
        own.sort(key=lambda notice: notice.number)
        for earlier, later in pairwise(own):
            first, second = taken.get((channel, earlier.key)), taken.get((channel, later.key))
            waited = earlier.state == WAITING and not first
            if second and (waited or (first and second[0].arrived < first[0].answered)):
                complaints.append(
                    f"{_words((alert, later.number, channel))} came before event {earlier.number}"
                )
    return complaints


def _alternation(told: Sequence[Told]) -> list[str]:
    """Find events that cannot follow one another: what is resolved has fired before, and once."""
    events: defaultdict[int, dict[int, set[str]]] = defaultdict(lambda: defaultdict(set))
    for notice in told:
        events[notice.alert][notice.number].add(notice.event)
    complaints = []
    for alert, by_number in events.items():
        before = RESOLVED
        for number, kinds in sorted(by_number.items()):
            (kind,) = kinds if len(kinds) == 1 else ("several kinds",)
            if kind not in {FIRED, RESOLVED} or (kind == RESOLVED and before == RESOLVED):
                complaints.append(f"event {number} of alert {alert} is {kind} after {before}")
            before = kind
    return complaints


def _bursts(told: Sequence[Told]) -> list[str]:
    """Find what people should have been told at once."""
    keys: defaultdict[tuple[str, str, str], set[str]] = defaultdict(set)
    for notice in told:
        if notice.together:
            keys[notice.channel, notice.together, notice.event].add(notice.key)
    return [
        f"{channel} is told {len(found)} times of what {together} {event}"
        for (channel, together, event), found in keys.items()
        if len(found) > 1
    ]


def _words(key: tuple[int, int, str]) -> str:
    return f"event {key[1]} of alert {key[0]} to {key[2]}"


def _by_name(seen: Iterable[tuple[str, float]]) -> dict[str, list[float]]:
    times: defaultdict[str, list[float]] = defaultdict(list)
    for name, at in seen:
        times[name].append(at)
    return {name: sorted(found) for name, found in times.items()}


def _by_alert(seen: Sequence[Standing]) -> dict[int, list[Standing]]:
    steps: defaultdict[int, list[Standing]] = defaultdict(list)
    for standing in seen:
        steps[standing.alert].append(standing)
    return dict(steps)
