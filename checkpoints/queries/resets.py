"""Plans and resets as pages show them; only selects."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, QuerySet

from checkpoints.domain import lag, targets
from checkpoints.domain.messages import Message, load
from checkpoints.domain.tide import Tide, tide
from checkpoints.models import ConsumerGroup, Plan, Reading, Reset, ShardReset

NEWEST = 200
GROUP = "group__logstore__project__endpoint"


@dataclass(frozen=True)
class Choice:
    """One shard as the form offers it; `lag` is None while nothing was read."""

    shard: int
    readonly: bool
    consumer: str
    lag: lag.ShardLag
    chosen: bool


@dataclass(frozen=True)
class Point:
    """A place in a shard; `at_end` says that no log group lies there yet, so that it has no time."""

    cursor: str
    position: str | None
    time: datetime | None
    at_end: bool = False


@dataclass(frozen=True)
class PlanRow:
    """One shard of a plan."""

    shard: int
    readonly: bool
    state: str
    before: Point
    after: Point
    consumed_until: datetime | None
    asked: str
    direction: str
    log_groups: int
    clamped: str | None
    changes: bool
    tide: Tide | None
    warnings: list[Message]


@dataclass(frozen=True)
class PlanView:
    """A plan with everything its page tells."""

    plan: Plan
    group: ConsumerGroup
    target: str
    echo: Message
    rows: list[PlanRow]
    consumed_again: int
    never_consumed: int
    rewinds: int
    skips: int
    changed: int
    active: bool
    verdict: str
    reasons: list[Message]
    consumers: list[str]
    warnings: list[Message]
    timeout_seconds: int
    expired: bool
    expires_in: timedelta
    reset: Reset | None
    do_lines: list[str]
    undo_lines: list[str]


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
    """A reset with its shards; `watching` says that the watch still goes on."""

    reset: Reset
    group: ConsumerGroup
    rows: list[ResetRow]
    confirmed: int
    watching: bool
    overwritten: list[int]
    undoable: bool


def find_group(pk: int) -> QuerySet[ConsumerGroup]:
    """Return the group with everything a page names."""
    return ConsumerGroup.objects.select_related("logstore__project__endpoint").filter(pk=pk)


def choices(group: ConsumerGroup, chosen: Iterable[str], *, now: datetime) -> list[Choice]:
    """Return the shards of the last reading, the ones asked for marked."""
    latest = Reading.objects.filter(group=group).order_by("-taken_at").first()
    marked = set(chosen)
    days = group.logstore.retention_days
    retention = None if days is None else timedelta(days=days)
    return [
        Choice(
            shard=fact.shard,
            readonly=fact.readonly,
            consumer=fact.consumer,
            lag=lag.assess(fact, now=now, retention=retention),
            chosen=str(fact.shard) in marked,
        )
        for fact in (latest.facts() if latest else [])
    ]


def plans() -> QuerySet[Plan]:
    """Return plans with everything a page names."""
    return Plan.objects.select_related(GROUP, "maker")


def plan_view(plan: Plan, *, now: datetime) -> PlanView:
    """Return what the page of a plan shows."""
    body = plan.body
    rows = [plan_row(line) for line in body["shards"]]
    return PlanView(
        plan=plan,
        group=plan.group,
        target=body["target"],
        echo=targets.echo(targets.parse(body["bound"]["target"], zone=None, now=plan.made_at)),
        rows=rows,
        consumed_again=body["totals"]["consumed_again"],
        never_consumed=body["totals"]["never_consumed"],
        rewinds=sum(row.direction == "rewind" for row in rows),
        skips=sum(row.direction == "skip" for row in rows),
        changed=body["totals"]["shards"],
        active=body["activity"]["verdict"] == "active",
        verdict=body["activity"]["verdict"],
        reasons=messages(body["activity"]["reasons"]),
        consumers=body["activity"]["consumers"],
        warnings=messages(body["warnings"]),
        timeout_seconds=body["bound"]["timeout_seconds"],
        expired=now >= plan.expires_at,
        expires_in=max(timedelta(0), plan.expires_at - now),
        reset=Reset.objects.filter(plan=plan).first(),
        do_lines=cli_lines(body, "after"),
        undo_lines=cli_lines(body, "before"),
    )


def plan_row(line: dict[str, Any]) -> PlanRow:
    """Return one shard of a stored plan, its bar included."""
    before, after = point(line["before"], line["end"]), point(line["after"], line["end"])
    return PlanRow(
        shard=line["shard"],
        readonly=line["readonly"],
        state=line["state"],
        before=before,
        after=after,
        consumed_until=moment(line["consumed_until"]),
        asked=line["asked"],
        direction=line["direction"],
        log_groups=line["log_groups"],
        clamped=line["clamped"],
        changes=before.position is None or before.position != after.position,
        tide=tide(
            int(line["begin"]),
            int(line["end"]),
            None if before.position is None else int(before.position),
            to=int(line["after"]["position"]),
        ),
        warnings=messages(line["warnings"]),
    )


def point(stored: dict[str, Any], end: str) -> Point:
    """Return a stored place."""
    return Point(stored["cursor"], stored["position"], moment(stored["time"]), stored["position"] == end)


def moment(text: str | None) -> datetime | None:
    """Return a stored time."""
    return None if text is None else datetime.fromisoformat(text)


def messages(stored: Sequence[dict[str, Any]]) -> list[Message]:
    """Return stored sentences."""
    return [load(one) for one in stored]


def cli_lines(body: dict[str, Any], place: str) -> list[str]:
    """Return the vendor's command lines that set the checkpoints of a plan; never a key.

    Shards that would not change have no line; a checkpoint that was never saved cannot be set back.
    """
    where = " ".join(
        f"--{option}={shlex.quote(body[name])}"
        for option, name in (("project", "project"), ("logstore", "logstore"), ("consumer_group", "group"))
    )
    return [
        f"aliyunlog log update_check_point {where} --shard={line['shard']}"
        f" --check_point={shlex.quote(line[place]['cursor'])} --force_success=true"
        for line in body["shards"]
        if line[place]["cursor"] and line["before"]["position"] != line["after"]["position"]
    ]


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
