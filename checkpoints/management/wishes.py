"""Targets as the command line gives them: one for all, others for single shards, cursors from a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from django.core.management.base import CommandError

from checkpoints.domain import cursor_files, moments, targets
from checkpoints.domain.messages import Refusal


@dataclass(frozen=True)
class Asked:
    """A target, what was typed for it, and the targets of single shards."""

    target: targets.Target
    typed: str
    each: dict[int, targets.Target]


def read(
    to: str, each: Iterable[str], zone_name: str | None, shards: tuple[int, ...] | None, *, now: datetime
) -> Asked:
    """Read --to, --each and --zone; a file is opened here. Raises CommandError or a Refusal."""
    zone = moments.parse_zone(zone_name) if zone_name is not None else None
    own = _own_targets(each, zone, now)
    target = targets.parse(to, zone=zone, now=now)
    if not isinstance(target, targets.FromFile):
        return Asked(target, to.strip(), own)
    wanted = None if shards is None else [shard for shard in shards if shard not in own]
    cursors = cursor_files.chosen(_read_file(target.path), wanted)
    name = "".join(char if char.isprintable() else "?" for char in Path(target.path).name)
    return Asked(targets.Keep(), f"file: {name}", {**cursors, **own})


def _own_targets(each: Iterable[str], zone: ZoneInfo | None, now: datetime) -> dict[int, targets.Target]:
    found: dict[int, targets.Target] = {}
    for text in each:
        shard, equals, target = text.partition("=")
        if not equals or not (shard.isascii() and shard.isdigit() and len(shard) < 10):
            raise CommandError(f"--each takes SHARD=TARGET, such as 3=-2h or 3=keep, not {text[:80]!r}.")
        if int(shard) in found:
            raise CommandError(f"--each names shard {int(shard)} twice.")
        found[int(shard)] = targets.parse(target, zone=zone, now=now)
    return found


def _read_file(path: str) -> dict[int, targets.Exact]:
    try:
        with Path(path).open("rb") as file:
            return cursor_files.read(file.read(cursor_files.LARGEST + 1))
    except Refusal:
        raise
    except (OSError, ValueError):
        raise CommandError(f"The file {path!r} cannot be read.") from None
