"""Arrangements for tests of resets: a group with checkpoints saved long ago, plans and resets of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from checkpoints.domain import targets
from checkpoints.services import resets
from checkpoints.services.audit import Actor

LONG_AGO = 3600.0


def now() -> datetime:
    return datetime.now(UTC)


def place(
    emu: Any, checkpoints: dict[int, int | str], *, seconds_ago: float = LONG_AGO, consumer: str = ""
) -> None:
    """Save checkpoints, counted in log groups from the begin of each shard; text is taken as it is."""
    begins = {shard: begin(emu, shard) for shard in checkpoints}
    for shard, at in checkpoints.items():
        to = begins[shard] + at if isinstance(at, int) else at
        emu.set_checkpoint(
            "proj", "store", "cg-0", shard, to, updated=now().timestamp() - seconds_ago, consumer=consumer
        )


def begin(emu: Any, shard: int) -> int:
    return shard_of(emu, shard).begin(emu.world.now())


def end(emu: Any, shard: int) -> int:
    return shard_of(emu, shard).end(emu.world.now())


def shard_of(emu: Any, shard: int) -> Any:
    return emu.world.projects["proj"].logstores["store"].all_shards[shard]


def make(group: Any, user: Any, target: str, shards: list[int] | None = None, **changes: Any) -> Any:
    """Make a plan as the user, typed as on the command line."""
    at = changes.pop("now", None) or now()
    wanted = targets.parse(target, zone=None, now=at)
    return resets.plan(
        group, target=wanted, shards=shards, maker=user, now=at, actor=Actor.of(user), typed=target, **changes
    )


def apply(plan: Any, user: Any, **changes: Any) -> Any:
    words: dict[str, Any] = {"reason": "bad deploy", "now": now()}
    return resets.apply(plan, user=user, actor=Actor.of(user), **(words | changes))


def outcomes(reset: Any) -> dict[int, str]:
    return {line.shard: line.outcome for line in reset.shards.all()}


def watches(reset: Any) -> dict[int, str]:
    return {line.shard: line.watch for line in reset.shards.all()}


def moves(plan: Any) -> dict[int, tuple[str, int, str | None]]:
    return {
        line["shard"]: (line["direction"], line["log_groups"], line["clamped"])
        for line in plan.body["shards"]
    }


def later(seconds: float) -> datetime:
    return now() + timedelta(seconds=seconds)


def sent(emu: Any) -> list[tuple[int, str]]:
    """Return what was really asked of the service: arrangements leave no request id."""
    return [(write["shard"], write["cursor"]) for write in emu.writes() if write["request_id"]]
