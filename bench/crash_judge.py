"""Says what is wrong after a crash: the witness of the service against the rows of the product."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from checkpoints.models import AuditRow, Plan, Reset, ShardReset

Write = dict[str, Any]  # one accepted UpdateCheckPoint: {"time", "shard", "cursor", ...}
FINAL = {"confirmed", "unchanged", "not_attempted"}


def flaws(
    plan: Plan, writes: list[Write], later: list[Write], *, late: int, once: bool, blind: bool
) -> Iterator[str]:
    """Yield what is wrong with a plan whose process was killed and whose reset was settled since.

    `writes` reached the service before the settling and `later` after it, of which `late` were on their way.
    `once`: the first settling knew everything, so that nothing is told twice. `blind`: somebody wrote to the
    same shards before anything could be read, so that "unknown" is the truth about what was sent.
    """
    from checkpoints.models import AuditRow, Plan, Reset

    plan = Plan.objects.get(pk=plan.pk)
    reset = Reset.objects.filter(plan=plan).first()
    rows = list(AuditRow.objects.filter(plan_hash=plan.hash, action__startswith="reset.").order_by("seq"))
    if len(later) != late:
        yield f"settling sent {len(later) - late} writes"
    if reset is None:
        yield from _untouched(plan, writes, rows)
        return
    lines = {line.shard: line for line in reset.shards.all()}
    yield from _intended(lines, [*writes, *later])
    yield from _complete(plan, reset, lines, FINAL | {"unknown"} if blind else FINAL)
    for line in lines.values():
        yield from _true(line, [write for write in [*writes, *later] if write["shard"] == line.shard])
    yield from _told(reset, lines.values(), rows, once=once)


def _untouched(plan: Plan, writes: list[Write], rows: list[AuditRow]) -> Iterator[str]:
    if writes:
        yield f"{len(writes)} writes without an intent"
    if plan.used_at is not None:
        yield "the plan is used up although there is no reset"
    if rows:
        yield f"the audit tells of a reset that is not there: {[row.action for row in rows]}"


def _intended(lines: dict[int, ShardReset], writes: list[Write]) -> Iterator[str]:
    """Each write is a planned one, recorded before it left, and the only one of its shard."""
    for write in writes:
        line = lines.get(write["shard"])
        if line is None or line.after["cursor"] != write["cursor"]:
            yield f"shard {write['shard']}: {write['cursor']} was written and not planned"
        elif line.sent_at is None or line.sent_at.timestamp() > write["time"]:
            yield f"shard {write['shard']}: written without, or before, its mark"
    for shard, count in Counter(write["shard"] for write in writes).items():
        if count > 1:
            yield f"shard {shard}: written {count} times"


def _complete(plan: Plan, reset: Reset, lines: dict[int, ShardReset], final: set[str]) -> Iterator[str]:
    from checkpoints.domain.outcomes import ShardOutcome, overall

    planned = {line["shard"]: (line["before"], line["after"]) for line in plan.body["shards"]}
    if {shard: (line.before, line.after) for shard, line in lines.items()} != planned:
        yield "the shards of the reset are not those of the plan"
    if plan.used_at is None:
        yield "the plan of the reset is not used up"
    words = [line.outcome for line in lines.values()]
    if reset.outcome == reset.Outcome.SENDING or not set(words) <= final:
        yield f"not settled: {reset.outcome}, {words}"
    elif reset.outcome != overall(ShardOutcome(word) for word in words).value:
        yield f"{reset.outcome} as a whole, of {words}"


def _true(line: ShardReset, writes: list[Write]) -> Iterator[str]:
    """What was written is confirmed, and only that; an unknown is judged where outcomes are complete."""
    if writes and line.outcome not in {"confirmed", "unknown"}:
        yield f"shard {line.shard}: written and called {line.outcome}"
    if not writes and line.outcome == "confirmed" and line.before["position"] != line.after["position"]:
        yield f"shard {line.shard}: never written and called {line.outcome}"


def _told(reset: Reset, lines: Iterable[ShardReset], rows: list[AuditRow], *, once: bool) -> Iterator[str]:
    """The audit holds the request, an outcome per shard and of the whole, and the end of the watch."""
    wanted: list[tuple[str, int | None, str]] = [
        ("reset.requested", None, "requested"),
        *(("reset.shard", line.shard, line.outcome) for line in lines),
        ("reset.finished", None, reset.outcome),
    ]
    for action, shard, outcome in wanted:
        found = [row.outcome for row in rows if (row.action, row.shard) == (action, shard)]
        if not found or found[-1] != outcome or (once and len(found) > 1):
            yield f"audit {action} of shard {shard}: {found} for {outcome}"
    ends = [row.outcome for row in rows if row.action == "reset.watched"]
    if len(ends) != 1:
        yield f"the watch was ended {len(ends)} times: {ends}"


def next_flaws(plan: Plan, again: Reset) -> Iterator[str]:
    """Yield what is wrong with a reset applied after the crash: every shard of it has to be written."""
    words = {line.shard: line.outcome for line in again.shards.all()}
    if again.outcome != "confirmed" or set(words) != {line["shard"] for line in plan.body["shards"]}:
        yield f"the next reset of the group: {again.outcome}, {words}"
