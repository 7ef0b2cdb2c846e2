"""Breaks the product in the ways that `bench crash` looks for; prints what its judge says to each, as JSON.

A program of its own: rounds fork, and each spoil changes only the process that it is called in.
"""

from __future__ import annotations

import copy
import json
import sys
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from bench import crash_run
from bench.crash_points import POINTS, Point
from bench.crash_round import nothing
from bench.wrapping import wrap

BY_NAME = {point.name: point for point in POINTS}
Around = Callable[..., Any]


def write(plan: Any, shard: int) -> None:
    """Write a planned cursor behind the product's back."""
    from checkpoints.services.connections import connect

    group, line = plan.group, plan.body["shards"][shard]
    place = (group.project.name, group.logstore.name, group.name)
    connect(group.endpoint).update_checkpoint(
        *place, shard=shard, checkpoint=line["after"]["cursor"], consumer="", force=True
    )


def write_first(real: Around, plan: Any, *words: Any, **named: Any) -> Any:
    write(plan, 0)
    return real(plan, *words, **named)


def write_when_settling(real: Around, reset: Any, *words: Any, **named: Any) -> Any:
    write(reset.plan, 4)
    return real(reset, *words, **named)


def write_elsewhere(real: Around, client: Any, receipt: Any, line: Any) -> Any:
    line.after = {**line.after, "cursor": line.before["cursor"] or line.after["cursor"]}
    return real(client, receipt, line)


def twice(real: Around, *words: Any, **named: Any) -> Any:
    real(*words, **named)
    return real(*words, **named)


def tell_twice(real: Around, rows: Any) -> Any:
    """Add copies of the rows as well."""
    copies = copy.deepcopy(rows)
    for row in copies:
        row.id = uuid.uuid4()
    real([*rows, *copies])


def give(result: Any) -> Around:
    return lambda *_words, **_named: result


def call_it(outcome: str) -> Around:
    from checkpoints.domain.outcomes import ShardOutcome

    return give(ShardOutcome(outcome))


def edit_the_audit() -> None:
    from checkpoints.models import AuditRow
    from checkpoints.services import triggers

    triggers.remove()
    AuditRow.objects.filter(seq=2).update(reason="another")


def around(function: str, replacement: Around) -> Callable[[], None]:
    return lambda: wrap(function, replacement)


LAST, MARKED = "write: last answered", "send: after the third mark"
NOWHERE = Point("nowhere", "sending._mark_sent", "after", 99)
# Each: the point to die at, what is done to the process that dies, and to the one that settles.
SPOILS: dict[str, tuple[Point, Callable[[], None], Callable[[], None]]] = {
    "nothing": (BY_NAME[LAST], nothing, nothing),
    "a write before the intent": (
        BY_NAME["intent: before COMMIT"],
        around("sending.commit_intent", write_first),
        nothing,
    ),
    "no mark": (BY_NAME[LAST], around("sending._mark_sent", give(True)), nothing),
    "a second write": (BY_NAME[LAST], around("sending._write", twice), nothing),
    "another cursor": (BY_NAME[LAST], around("sending._write", write_elsewhere), nothing),
    "a write while settling": (BY_NAME[MARKED], nothing, around("settling.finish", write_when_settling)),
    "no settling": (BY_NAME[MARKED], nothing, around("settling._abandoned", give([]))),
    "an outcome told twice": (BY_NAME[MARKED], nothing, around("audit.append", tell_twice)),
    "no outcome told": (BY_NAME[MARKED], nothing, around("audit.append", give(None))),
    "unchanged for written": (BY_NAME[LAST], nothing, around("settling.outcome_of", call_it("unchanged"))),
    "confirmed for unwritten": (
        BY_NAME["intent: after COMMIT"],
        nothing,
        around("settling.outcome_of", call_it("confirmed")),
    ),
    "the watch not ended": (
        BY_NAME[LAST],
        nothing,
        around("watching.look", give(None)),
    ),
    "not killed": (NOWHERE, nothing, nothing),
    "an edited audit": (BY_NAME[LAST], nothing, edit_the_audit),  # the last: the chain stays broken
}


def main() -> int:
    with crash_run.running() as run:
        for name, (point, spoil, spoil_settling) in SPOILS.items():
            named = replace(point, name=name)  # rounds take the names of their groups from it
            tally = run.play(named, 1, spoil=spoil, spoil_settling=spoil_settling)
            sys.stdout.write(json.dumps([name, tally.violations]) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
