"""Positions that a target brings along: those of another group, of a file, or from before a reset."""

from __future__ import annotations

import csv
import io
import uuid
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

from checkpoints import sls
from checkpoints.domain import positions, targets
from checkpoints.domain.messages import Message, say
from checkpoints.models import ConsumerGroup, Reset, ShardReset
from checkpoints.services.aims import position_of
from checkpoints.services.refusals import BadPlan

LARGEST = 1024 * 1024
WRITTEN = (ShardReset.Outcome.CONFIRMED, ShardReset.Outcome.UNKNOWN, ShardReset.Outcome.UNCHANGED)


@dataclass(frozen=True)
class Source:
    """Positions by shard; None when the target has none of its own. `warnings` tell what was left out."""

    kept: dict[int, int] | None = None
    warnings: tuple[Message, ...] = ()


def source_of(target: targets.Target, group: ConsumerGroup, client: sls.Client) -> Source:
    """Return what a target brings along; raises BadPlan, or SLSError when another group cannot be read."""
    match target:
        case targets.FromSnapshot():
            raise BadPlan(say("Snapshots are not available here yet."))
        case targets.FromGroup(name):
            answer = client.get_checkpoints(group.project.name, group.logstore.name, name)
            return Source(_saved(answer.value, name))
        case targets.FromFile(path):
            return Source(read_file(path))
        case targets.Undo(reset_id):
            return _undo(reset_id, group)
        case _:
            return Source()


def chosen(source: Source, shards: Sequence[int] | None, existing: Iterable[int]) -> list[int]:
    """Return the shards of a plan, sorted; raises BadPlan for one that does not exist or has no position."""
    there = set(existing)
    wanted = sorted(set(shards if shards is not None else (there if source.kept is None else source.kept)))
    if not wanted:
        raise BadPlan(say("Choose at least one shard."))
    if missing := [shard for shard in wanted if shard not in there]:
        raise BadPlan(say("These shards do not exist in this Logstore: %(shards)s.", shards=_named(missing)))
    if source.kept is not None and (unknown := [shard for shard in wanted if shard not in source.kept]):
        raise BadPlan(say("The target says nothing about these shards: %(shards)s.", shards=_named(unknown)))
    return wanted


def read_file(path: str) -> dict[int, int]:
    """Return the positions of a CSV file with the columns shard and cursor; raises BadPlan."""
    try:
        with Path(path).open("rb") as file:
            raw = file.read(LARGEST + 1)
        if len(raw) > LARGEST:
            raise BadPlan(say("The file is larger than 1 MB."))
        return read_csv(raw.decode("utf-8-sig"))
    except (OSError, ValueError):
        raise BadPlan(say("The file cannot be read, or is not UTF-8 text.")) from None


def read_csv(text: str) -> dict[int, int]:
    """Return the positions of CSV text with the columns shard and cursor; raises BadPlan."""
    kept: dict[int, int] = {}
    try:
        rows = list(csv.reader(io.StringIO(text), strict=True))
    except csv.Error:
        raise BadPlan(say("The file is not CSV with the columns shard and cursor.")) from None
    if not rows or [name.strip().lower() for name in rows[0]] != ["shard", "cursor"]:
        raise BadPlan(say("The first line of the file must be: shard,cursor"))
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        shard, position = _csv_row(number, row)
        if shard in kept:
            raise BadPlan(say("Line %(line)d of the file names a shard again.", line=number))
        kept[shard] = position
    return kept


def _csv_row(number: int, row: list[str]) -> tuple[int, int]:
    try:
        (shard,), cursor = targets.parse_shards(row[0]), row[1]
        if len(row) != 2:
            raise ValueError
        return shard, positions.decode(cursor)
    except (ValueError, IndexError):
        raise BadPlan(
            say("Line %(line)d of the file does not hold a shard and its cursor.", line=number)
        ) from None


def _saved(found: Iterable[sls.Checkpoint], name: str) -> dict[int, int]:
    kept = {one.shard: position for one in found if (position := position_of(one.checkpoint)) is not None}
    if not kept:
        raise BadPlan(say("The group %(name)s has no checkpoint.", name=name))
    return kept


def _undo(reset_id: str, group: ConsumerGroup) -> Source:
    reset = find_reset(reset_id, group)
    lines = list(reset.shards.filter(outcome__in=WRITTEN))
    kept = {
        line.shard: position for line in lines if (position := position_of(line.before["cursor"])) is not None
    }
    if not kept:
        raise BadPlan(say("This reset left nothing that could be undone."))
    if left := [line.shard for line in lines if line.shard not in kept]:
        words = say(
            "Shards %(shards)s had no checkpoint before. A checkpoint cannot be cleared: they stay.",
            shards=_named(left),
        )
        return Source(kept, (words,))
    return Source(kept)


def find_reset(reset_id: str, group: ConsumerGroup) -> Reset:
    """Return a reset of this group by its id; raises BadPlan."""
    try:
        return group.resets.get(pk=uuid.UUID(reset_id))
    except (ValueError, Reset.DoesNotExist):
        raise BadPlan(say("This group has no reset with the id %(reset)s.", reset=reset_id)) from None


def _named(shards: Iterable[int]) -> str:
    return ", ".join(str(shard) for shard in shards)
