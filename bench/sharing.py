"""Two workers and two web processes share the work for ten minutes: nothing is read twice or told twice.

The scaled-out size: PostgreSQL, Redis for queue and cache, `manage.py run_huey -w 4` twice, gunicorn with two
processes. Consumers die and come back, so that alerts fire and resolve; people keep pages open, several on
one group at the same moment; channels fail, dawdle or keep silent; twice a worker and a web process are
killed. Then witnesses are heard (sharing_judge.py): the emulator about every GetCheckPoint, the channels
about every notice, an observer of the database about every alert.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import sys
import time
from collections import Counter
from collections.abc import Iterator
from typing import Any

from bench import emulation, results, sharing_judge, sharing_people, sharing_receiver, sharing_stage
from bench import sharing_witnesses as witnesses
from bench.sharing_judge import Standing
from bench.sharing_processes import Processes
from bench.sharing_stage import Side, Size

Outcome = tuple[list[dict[str, Any]], dict[str, Any], dict[str, list[str]]]
MOST_SHOWN = 8
LEAST = {"often/": 2.5, "usual/": 10.0 - sharing_judge.CLOCK_SECONDS}
"""How many seconds lie between two readings of a group, whoever makes them.

Whoever looks at a page has a group read that was not read for 10 s; the collector leaves out what was read
for a page within 10 s. Its own readings are at least half a period apart: 15 s of the 30 s in which what is
watched or late is read, and 2.5 s of 5 s at the endpoint with an interval of 10 s.
"""


def main(minutes: float) -> int:
    """Measure, print and store; exit code 1 when a promise is broken."""
    rows, figures, broken = play(sharing_stage.full(minutes))
    results.write("collect", rows, "shared", **figures, broken=broken)
    return 1 if broken else 0


def play(size: Size) -> Outcome:
    """Run everything once; returns a row for each endpoint, figures, and the broken promises by kind."""
    with contextlib.ExitStack() as stack:
        sharing_stage.settings(stack)
        worlds = {name: stack.enter_context(world(side, size.rate)) for name, side in size.sides.items()}
        heard = stack.enter_context(sharing_receiver.listening())
        sharing_stage.prepare(size, worlds, heard)
        processes = stack.enter_context(Processes())
        processes.start()
        observer = witnesses.Observer()
        with witnesses.repeated(0.25, observer.look):
            met = live(size, worlds, processes, heard)
            drain(size)
            processes.stop()
        observer.look()
        asked = {name: world.control("GET", "asked") for name, world in worlds.items()}
        return judged(size, asked, heard, processes, observer.seen, met)


def world(side: Side, rate: float) -> contextlib.AbstractContextManager[emulation.Emulator]:
    """Run the emulator of one endpoint."""
    words = {"logstores": side.logstores, "groups": side.groups, "rate": rate}
    options = [word for name, value in words.items() for word in (f"--{name}", str(value))]
    return emulation.running(*options, module="bench.sharing_world")


def live(
    size: Size,
    worlds: dict[str, emulation.Emulator],
    processes: Processes,
    heard: sharing_receiver.Heard,
) -> sharing_people.Seen:
    """Let everything go on for the time; returns what the people met."""
    groups = found_groups(size)
    with contextlib.ExitStack() as stack:
        stack.enter_context(moods(size, worlds))
        if size.asked:
            stack.enter_context(witnesses.repeated(size.asked, ask))
        met = stack.enter_context(sharing_people.around(processes.base, size.names, groups, size.pause))
        begun = time.monotonic()
        for turn, share in enumerate(size.kills):
            time.sleep(max(0.0, begun + share * size.seconds - time.monotonic()))
            while_sending(heard, size)
            processes.kill_and_start(turn)
        time.sleep(max(0.0, begun + size.seconds - time.monotonic()))
    return met


def found_groups(size: Size) -> list[int]:
    """Wait until the groups are discovered; returns those that people look at."""
    from checkpoints.models import ConsumerGroup

    total = sum(side.logstores * side.groups for side in size.sides.values())
    until = time.monotonic() + 60
    while ConsumerGroup.objects.count() < total and time.monotonic() < until:
        time.sleep(0.1)
    groups = ConsumerGroup.objects.filter(logstore__project__endpoint__name="usual").order_by("pk")
    return list(groups.values_list("pk", flat=True)[:6])


def while_sending(heard: sharing_receiver.Heard, size: Size) -> None:
    """Wait for a moment at which a notice is under way to a slow channel, but not for ever."""
    until = time.monotonic() + size.seconds / 20
    while "slow" not in heard.waiting and time.monotonic() < until:
        time.sleep(0.01)


def ask() -> None:
    """Ask for the tasks of a minute, twice at once: as two schedulers do whose minutes begin together."""
    from checkpoints import tasks

    for task in (tasks.collect, tasks.look_for_alerts) * 2:
        task()


@contextlib.contextmanager
def moods(size: Size, worlds: dict[str, emulation.Emulator]) -> Iterator[None]:
    """Let consumers die and come back by turns; at the end all of them live."""
    places = [
        (worlds[name], {"project": "proj", "logstore": f"store-{number}", "group": f"cg-{number}-{turn}"})
        for name, side in size.sides.items()
        for number in range(side.logstores)
        for turn in range(side.groups)
    ]
    begun, now = time.monotonic(), [True] * len(places)

    def turn_over() -> None:
        for number, (world, place) in enumerate(places):
            shift = number / len(places)
            lives = int((time.monotonic() - begun) / size.mood + shift) % 2 == 0
            if lives != now[number]:
                world.control("POST", "acting", **place, acts=lives)
                now[number] = lives

    with witnesses.repeated(0.3, turn_over):
        yield
    for world, place in places:
        world.control("POST", "acting", **place, acts=True)


def drain(size: Size) -> None:
    """Wait until all is told but what a channel does not take."""
    from checkpoints.models import Alert, Notice

    until = time.monotonic() + size.drain
    while time.monotonic() < until:
        waiting = Notice.objects.filter(state="waiting").exclude(channel__name="silent")
        if not waiting.exists() and not Alert.objects.exclude(state="resolved").exists():
            return
        time.sleep(0.5)


def judged(
    size: Size,
    asked: dict[str, list[Any]],
    heard: sharing_receiver.Heard,
    processes: Processes,
    seen: list[Standing],
    met: sharing_people.Seen,
) -> Outcome:
    """Hear the witnesses."""
    calls = [
        (f"{name}/{store}/{group}", at) for name, found in asked.items() for at, _, store, group in found
    ]
    kept, told = witnesses.readings(), witnesses.notices()
    wanted, audited = witnesses.alerts(), witnesses.audit()
    notices = sharing_judge.notices(told, heard.deliveries, wanted, processes.kills)
    complaints = {
        "readings made twice, by the emulator": sharing_judge.readings(calls, LEAST),
        "readings made twice, by the database": sharing_judge.readings(kept, LEAST),
        "calls without a reading": sharing_judge.stored(calls, kept, processes.kills),
        "notices twice, lost or out of order": notices.complaints,
        "events of alerts twice or lost": sharing_judge.alerts(seen),
        "changes by people twice or not recorded": sharing_judge.changes(
            seen, audited, met.accepted, len(met.lost)
        ),
        "flaws of the audit": witnesses.flaws(),
        "answers nobody should get": met.odd + odd_losses(met, processes),
    }
    rows = [
        {
            "endpoint": name,
            "Logstores": side.logstores,
            "readings": sum(group.startswith(f"{name}/") for group, _ in kept),
            "calls": len(asked[name]),
            "shortest gap, s": min(sharing_judge.gaps(calls, f"{name}/"), default=0.0),
            "allowed, s": LEAST[f"{name}/"],
            "longest gap, s": max(sharing_judge.gaps(calls, f"{name}/"), default=0.0),
        }
        for name, side in size.sides.items()
    ]
    states = Counter((notice.channel, notice.state) for notice in told)
    figures: dict[str, Any] = {name: len(found) for name, found in complaints.items()}
    figures |= {
        "alerts": len(wanted),
        "events": sum(events for events, _ in wanted.values()),
        "notices by channel and state": {" ".join(key): n for key, n in sorted(states.items())},
        "deliveries": len(heard.deliveries),
        "deliveries taken": len(heard.taken()),
        "taken again because the worker was killed before it noted so": notices.again,
        "audited changes of alerts": len(audited),
        "killed": len(processes.kills),
        "pages": sum(met.pages.values()),
        "answered by each web process": processes.answered(),
        "pages by kind": dict(met.pages.most_common()),
        "requests lost by the killing": len(met.lost),
    }
    return rows, figures, {name: found[:MOST_SHOWN] for name, found in complaints.items() if found}


def odd_losses(met: sharing_people.Seen, processes: Processes) -> list[str]:
    """Return requests that got no answer although no web process had just been killed."""
    return [
        f"{path} got no answer"
        for at, path in met.lost
        if not any(kill - 1 <= at <= kill + 30 for kill in processes.kills)
    ]


def short() -> int:
    """Play the size that the test suite has; says as JSON what was broken, and the figures."""
    rows, figures, broken = play(sharing_stage.SHORT)
    print(json.dumps({"rows": rows, "figures": figures, "broken": broken}))
    return 1 if broken else 0


if __name__ == "__main__":
    argparse.ArgumentParser(description=__doc__).parse_args()
    sys.exit(short())
