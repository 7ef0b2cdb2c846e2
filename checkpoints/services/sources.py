"""What targets bring along: the checkpoints of another group, of a snapshot, or of an earlier reset."""

from __future__ import annotations

import uuid
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any

from checkpoints import sls
from checkpoints.domain import targets
from checkpoints.domain.messages import Message, say
from checkpoints.models import ConsumerGroup, Reset, ShardReset, Snapshot
from checkpoints.services import elsewhere
from checkpoints.services.aims import Source, position_of
from checkpoints.services.refusals import BadPlan

WRITTEN = (ShardReset.Outcome.CONFIRMED, ShardReset.Outcome.UNKNOWN, ShardReset.Outcome.UNCHANGED)


def source_of(target: targets.Target, group: ConsumerGroup, client: sls.Client, *, now: datetime) -> Source:
    """Return what a target brings along; raises BadPlan, or SLSError when another group cannot be read."""
    match target:
        case targets.FromGroup():
            return _of_group(target, group, client, now)
        case targets.FromSnapshot():
            return _of_snapshot(target, group)
        case targets.FromFile():
            raise BadPlan(say("A file is read by the command or the page that it is given to."))
        case targets.Undo(reset_id):
            return _undo(find_reset(reset_id, group))
        case targets.Rest(reset_id):
            return _rest(find_reset(reset_id, group))
        case _:
            return Source()


def chosen(
    target: targets.Target,
    each: Mapping[int, targets.Target],
    shards: Sequence[int] | None,
    sources: Mapping[targets.Target, Source],
    existing: Iterable[int],
) -> tuple[dict[int, targets.Target], list[Message]]:
    """Return the target of each shard of a plan, and what to tell about shards that are gone.

    Raises BadPlan for shards that do not exist, that a target says nothing about, or that have a target of
    their own without being chosen.
    """
    there = set(existing)
    own = {shard for shard, to in each.items() if not isinstance(to, targets.Keep)}
    if missing := {*each, *(shards or ())} - there:
        raise BadPlan(say("These shards do not exist in this Logstore: %(shards)s.", shards=named(missing)))
    if shards is not None and (unchosen := own - set(shards)):
        raise BadPlan(
            say(
                "These shards have a target of their own but are not chosen: %(shards)s.",
                shards=named(unchosen),
            )
        )
    meant = _spoken_of(target, sources, there) if shards is None else set(shards)
    wanted = {shard: each.get(shard, target) for shard in sorted((meant & there) | own)}
    plan: dict[int, targets.Target] = {
        shard: to for shard, to in wanted.items() if not isinstance(to, targets.Keep)
    }
    if not plan:
        raise BadPlan(say("Choose at least one shard."))
    _check_kept(plan, sources)
    if gone := meant - there:
        return plan, [say("These shards no longer exist and are left out: %(shards)s.", shards=named(gone))]
    return plan, []


def _spoken_of(target: targets.Target, sources: Mapping[targets.Target, Source], there: set[int]) -> set[int]:
    if isinstance(target, targets.Keep):
        return set()
    kept = sources[target].kept
    return there if kept is None else set(kept)


def _check_kept(plan: Mapping[int, targets.Target], sources: Mapping[targets.Target, Source]) -> None:
    kept = {shard: sources[to].kept for shard, to in plan.items()}
    if unknown := [shard for shard, known in kept.items() if known is not None and shard not in known]:
        raise BadPlan(say("The target says nothing about these shards: %(shards)s.", shards=named(unknown)))


def _of_group(target: targets.FromGroup, group: ConsumerGroup, client: sls.Client, now: datetime) -> Source:
    if target.margin is not None or not elsewhere.is_here(target, group):
        return elsewhere.by_group(target, group, now=now)
    found = client.get_checkpoints(group.project.name, group.logstore.name, target.name).value
    kept = {one.shard: position for one in found if (position := position_of(one.checkpoint)) is not None}
    if not kept:
        raise BadPlan(say("The group %(name)s has no checkpoint.", name=target.name))
    if without := {one.shard for one in found} - kept.keys():
        words = say(
            "The group %(name)s has no readable checkpoint on shards %(shards)s: they are left out.",
            name=target.name,
            shards=named(without),
        )
        return Source(kept, warnings=(words,))
    return Source(kept)


def _of_snapshot(target: targets.FromSnapshot, group: ConsumerGroup) -> Source:
    snapshot = _find_snapshot(target.id)
    if target.margin is not None or snapshot.group.logstore_id != group.logstore_id:
        return elsewhere.by_snapshot(snapshot, target.margin, group)
    return _kept({line["shard"]: line for line in snapshot.shards})


def _find_snapshot(name: str) -> Snapshot:
    try:
        return Snapshot.objects.select_related("group__logstore__project__endpoint").get(pk=uuid.UUID(name))
    except (ValueError, Snapshot.DoesNotExist):
        raise BadPlan(say("The snapshot %(snapshot)s is not available.", snapshot=name)) from None


def _undo(reset: Reset) -> Source:
    lines = list(reset.shards.filter(outcome__in=WRITTEN))
    source = _kept({line.shard: line.before for line in lines})
    overwritten = [line.shard for line in lines if line.watch == ShardReset.Watch.OVERWRITTEN]
    left = {line.shard: (line.read_back or line.after)["position"] for line in lines}
    warnings = source.warnings
    if overwritten:
        words = say(
            "The reset was overwritten on shards %(shards)s: what was consumed there since is not known.",
            shards=named(overwritten),
        )
        warnings = (*warnings, words)
    left_at = {shard: int(at) for shard, at in left.items() if at is not None and shard not in overwritten}
    return Source(source.kept, left_at=left_at, warnings=warnings)


def _rest(reset: Reset) -> Source:
    left = reset.shards.filter(outcome=ShardReset.Outcome.NOT_ATTEMPTED)
    kept = {line.shard: int(line.after["position"]) for line in left}
    if not kept:
        raise BadPlan(say("This reset left no shard unattempted."))
    return Source(kept)


def _kept(stored: Mapping[int, Mapping[str, Any]]) -> Source:
    """Return the positions of stored places; shards without one are told: a checkpoint cannot be cleared."""
    kept = {shard: int(place["position"]) for shard, place in stored.items() if place["position"] is not None}
    if not kept:
        raise BadPlan(say("Nothing was saved there that could be gone back to."))
    unsaved = [shard for shard in stored.keys() - kept.keys() if not stored[shard]["cursor"]]
    unreadable = [shard for shard in stored.keys() - kept.keys() if stored[shard]["cursor"]]
    warnings = []
    if unsaved:
        warnings.append(
            say(
                "Shards %(shards)s had no checkpoint before. A checkpoint cannot be cleared: they stay.",
                shards=named(unsaved),
            )
        )
    if unreadable:
        warnings.append(
            say(
                "The checkpoints of shards %(shards)s were not readable: they stay.", shards=named(unreadable)
            )
        )
    return Source(kept, warnings=tuple(warnings))


def find_reset(reset_id: str, group: ConsumerGroup) -> Reset:
    """Return a reset of this group by its id; raises BadPlan."""
    try:
        return group.resets.get(pk=uuid.UUID(reset_id))
    except (ValueError, Reset.DoesNotExist):
        raise BadPlan(say("This group has no reset with the id %(reset)s.", reset=reset_id)) from None


def named(shards: Iterable[int]) -> str:
    """Return shards as sentences name them."""
    return ", ".join(str(shard) for shard in sorted(shards))
