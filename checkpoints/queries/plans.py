"""Plans as pages show them; only selects."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from django.db.models import QuerySet

from checkpoints.domain import lag, targets
from checkpoints.domain.activity import quiet_after
from checkpoints.domain.messages import Message
from checkpoints.domain.tide import Tide, tide
from checkpoints.models import ConsumerGroup, Plan, Reading, Reset
from checkpoints.queries.points import Point, messages, moment, point

NEWEST = 200
GROUP = "group__logstore__project__endpoint"


@dataclass(frozen=True)
class Choice:
    """One shard as the form offers it; `target` is what was typed for it alone, `error` what is wrong."""

    shard: int
    readonly: bool
    consumer: str
    lag: lag.ShardLag
    chosen: bool
    target: str
    error: str


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
    log_groups: int | None
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


def find_group(pk: int) -> QuerySet[ConsumerGroup]:
    """Return the group with everything a page names."""
    return ConsumerGroup.objects.select_related("logstore__project__endpoint").filter(pk=pk)


def choices(
    group: ConsumerGroup,
    chosen: Iterable[str],
    *,
    own: Mapping[int, str],
    errors: Mapping[int, str],
    now: datetime,
) -> list[Choice]:
    """Return the shards of the last reading, the ones asked for marked."""
    latest = Reading.objects.filter(group=group).order_by("-taken_at").first()
    marked = set(chosen)
    return [
        Choice(
            shard=fact.shard,
            readonly=fact.readonly,
            consumer=fact.consumer,
            lag=lag.assess(fact, now=now, retention=group.logstore.retention),
            chosen=str(fact.shard) in marked,
            target=own.get(fact.shard, ""),
            error=errors.get(fact.shard, ""),
        )
        for fact in (latest.facts() if latest else [])
    ]


def plans() -> QuerySet[Plan]:
    """Return plans with everything a page names."""
    return Plan.objects.select_related(GROUP, "maker")


def plan_view(plan: Plan, *, now: datetime, zone: ZoneInfo | None = None) -> PlanView:
    """Return what the page of a plan shows; times in words are told in UTC and in `zone`."""
    body = plan.body
    rows = [plan_row(line) for line in body["shards"]]
    return PlanView(
        plan=plan,
        group=plan.group,
        target=body["target"],
        echo=targets.echo(
            targets.parse(body["bound"]["target"], zone=None, now=plan.made_at),
            zone,
            body["target"],
            now=plan.made_at,
        ),
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
        timeout_seconds=int(quiet_after(timedelta(seconds=body["bound"]["timeout_seconds"])).total_seconds()),
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
