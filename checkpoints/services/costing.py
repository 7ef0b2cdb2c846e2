"""Estimates what a plan would cost: volume, time to catch up, read traffic and its price, what is lost."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

from django.conf import settings
from django.core.cache import cache

from checkpoints.domain import costs, pace
from checkpoints.domain.costs import Estimate, Lost, Price, Volume
from checkpoints.domain.pace import CatchUp
from checkpoints.models import Plan
from checkpoints.queries import costs as history
from checkpoints.services import sampling
from checkpoints.services.peeking import check_plan
from checkpoints.services.problems import Problem

SAMPLES = 24
SHORTEST = timedelta(seconds=15)
"""How long costs are kept all the same when every sample failed, or when the plan has expired."""


@dataclass(frozen=True)
class Costs:
    """What a plan would cost; `problem` is the first reason why `failed` samples could not be read."""

    again: Volume
    never: Volume
    failed: int
    problem: Problem | None
    catch_up: CatchUp
    price: Price | None
    lost: Lost

    @property
    def traffic(self) -> Estimate | None:
        """Return the read traffic in bytes, packed as the bill counts it."""
        return self.again.packed_bytes


def estimate(plan: Plan, *, now: datetime) -> Costs:
    """Return what a plan would cost, kept as long as the plan lives.

    At most 24 log groups are read, evenly spread over what the plan moves across, for their sizes and numbers
    of lines: their content is seen by nobody and kept nowhere, so that this is no look on record. What cannot
    be read is left out and counted. Raises PlanInvalid, BadPlan.
    """
    check_plan(plan, plan.group)
    key = f"plan-costs:{plan.hash}"
    kept: Costs | None = cache.get(key)
    if kept is None:
        kept = _estimate(plan, now)
        sampled = kept.again.samples + kept.never.samples
        life = plan.expires_at - now if sampled or not kept.failed else SHORTEST
        cache.set(key, kept, max(life, SHORTEST).total_seconds())
    return kept


def _estimate(plan: Plan, now: datetime) -> Costs:
    lines = plan.body["shards"]
    again, never = costs.spans(lines, "rewind"), costs.spans(lines, "skip")
    most = SAMPLES // 2 if again and never else SAMPLES
    samples = sampling.read(plan.group, [costs.spread(again, most), costs.spread(never, most)])
    volume_again, volume_never = (
        costs.volume(sum(span.count for span in spans), found)
        for spans, found in zip((again, never), samples.found, strict=True)
    )
    return Costs(
        again=volume_again,
        never=volume_never,
        failed=samples.failed,
        problem=samples.problem,
        catch_up=_catch_up(plan, now),
        price=costs.price(volume_again.packed_bytes, settings.READ_PRICE),
        lost=costs.lost(lines),
    )


def _catch_up(plan: Plan, now: datetime) -> CatchUp:
    lines = plan.body["shards"]
    since = now - pace.HISTORY
    tracks = history.tracks(plan.group, [line["shard"] for line in lines], since=since)
    backlog = sum(max(0, int(line["end"]) - int(line["after"]["position"])) for line in lines)
    return pace.catch_up(backlog, pace.pace(tracks, history.resets(plan.group, since=since)))


def as_json(found: Costs) -> dict[str, Any]:
    """Return the costs as `reset plan --estimate` tells them; null is not known, sentences are in English."""
    gone = found.lost
    return {
        "consumed_again": _volume(found.again),
        "never_consumed": _volume(found.never),
        "samples_failed": found.failed,
        "catch_up": {
            "verdict": found.catch_up.verdict,
            "low_seconds": _seconds(found.catch_up.low),
            "high_seconds": _seconds(found.catch_up.high),
            "reasons": [str(reason) for reason in found.catch_up.reasons],
        },
        "read_traffic_bytes": _range(found.traffic),
        "price": _price(found.price),
        "already_lost": {
            "log_groups": gone.log_groups,
            "shards": list(gone.shards),
            "asked_seconds": _seconds(gone.asked_span),
            "asked_shards": list(gone.asked_shards),
        },
    }


def _volume(volume: Volume) -> dict[str, Any]:
    return {
        "log_groups": volume.log_groups,
        "samples": volume.samples,
        "lines": _range(volume.lines),
        "bytes": _range(volume.raw_bytes),
    }


def _range(found: Estimate | None) -> dict[str, int | None] | None:
    return None if found is None else dict(zip(("mean", "low", "high"), found.counts, strict=True))


def _price(found: Price | None) -> dict[str, Any] | None:
    if found is None:
        return None
    amount = found.amount
    low, high = (None if bound is None else round(bound, 6) for bound in (amount.low, amount.high))
    return {"currency": found.currency, "mean": round(amount.mean, 6), "low": low, "high": high}


def _seconds(span: timedelta | None) -> int | None:
    return None if span is None else round(span.total_seconds())
