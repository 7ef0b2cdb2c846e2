"""Resets as pages show them; only selects."""

from __future__ import annotations

from dataclasses import dataclass

from django.db.models import Count, QuerySet

from checkpoints.domain.messages import Message
from checkpoints.models import ConsumerGroup, Reset, ShardReset
from checkpoints.queries.points import Point, messages, point

NEWEST = 200
GROUP = "group__logstore__project__endpoint"


@dataclass(frozen=True)
class ResetRow:
    """One shard of a reset, with the evidence of its watch."""

    line: ShardReset
    before: Point
    after: Point
    read_back: Point | None
    reasons: list[Message]


@dataclass(frozen=True)
class ResetView:
    """A reset with its shards; `watching` says that the watch still goes on.

    `sent` and `answered` count the shards while they are being sent; `rest` are those that were not.
    """

    reset: Reset
    group: ConsumerGroup
    rows: list[ResetRow]
    confirmed: int
    watching: bool
    overwritten: list[int]
    undoable: bool
    changing: int
    sent: int
    answered: int
    rest: list[int]


def find_resets() -> QuerySet[Reset]:
    """Return resets with everything a page names."""
    return Reset.objects.select_related(GROUP, "plan", "actor")


def reset_view(reset: Reset) -> ResetView:
    """Return what the page of a reset shows."""
    shards = list(reset.shards.all())
    ends = {line["shard"]: line["end"] for line in reset.plan.body["shards"]}
    done = (
        reset.watch_until is not None and reset.looked_at is not None and reset.looked_at >= reset.watch_until
    )
    sent = {ShardReset.Outcome.CONFIRMED, ShardReset.Outcome.UNKNOWN, ShardReset.Outcome.UNCHANGED}
    return ResetView(
        reset=reset,
        group=reset.group,
        rows=[reset_row(line, ends[line.shard]) for line in shards],
        confirmed=sum(line.outcome == ShardReset.Outcome.CONFIRMED for line in shards),
        watching=not done,
        overwritten=[line.shard for line in shards if line.watch == ShardReset.Watch.OVERWRITTEN],
        undoable=any(line.outcome in sent and line.before["position"] is not None for line in shards),
        changing=sum(line.before["position"] != line.after["position"] for line in shards),
        sent=sum(line.sent_at is not None for line in shards),
        answered=sum(line.settled_at is not None for line in shards),
        rest=[line.shard for line in shards if line.outcome == ShardReset.Outcome.NOT_ATTEMPTED],
    )


def reset_row(line: ShardReset, end: str) -> ResetRow:
    """Return one shard of a reset; `end` is the end when the plan was made."""
    return ResetRow(
        line=line,
        before=point(line.before, end),
        after=point(line.after, end),
        read_back=None if line.read_back is None else point(line.read_back, end),
        reasons=messages(line.watch_reasons),
    )


def listing(group: int | None = None) -> list[Reset]:
    """Return the newest resets, of one group or of all."""
    found = find_resets().annotate(shard_count=Count("shards"))
    if group is not None:
        found = found.filter(group_id=group)
    return list(found.order_by("-started_at")[:NEWEST])
