"""Cursors as CSV with the columns shard and cursor; what is written here can be read back."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping

from checkpoints.domain import positions
from checkpoints.domain.kinds import Exact
from checkpoints.domain.messages import say
from checkpoints.domain.targets import BadTarget, parse_shards

LARGEST = 1024 * 1024
"""Bytes of the largest file that is read."""


def write(cursors: Iterable[tuple[int, str]]) -> str:
    """Return the file of some shards and their cursors."""
    return "".join(["shard,cursor\n", *(f"{shard},{cursor}\n" for shard, cursor in cursors)])


def read(raw: bytes) -> dict[int, Exact]:
    """Return the cursor of each shard in a file; raises BadTarget naming the line that cannot be read."""
    if len(raw) > LARGEST:
        raise BadTarget(say("The file is larger than 1 MB."))
    try:
        rows = list(csv.reader(io.StringIO(raw.decode("utf-8-sig")), strict=True))
    except UnicodeDecodeError:
        raise BadTarget(say("The file cannot be read, or is not UTF-8 text.")) from None
    except csv.Error:
        raise BadTarget(say("The file is not CSV with the columns shard and cursor.")) from None
    if not rows or [name.strip().lower() for name in rows[0]] != ["shard", "cursor"]:
        raise BadTarget(say("The first line of the file must be: shard,cursor"))
    found: dict[int, Exact] = {}
    for number, row in enumerate(rows[1:], start=2):
        if not row:
            continue
        shard, cursor = _row(number, row)
        if shard in found:
            raise BadTarget(say("Line %(line)d of the file names a shard again.", line=number))
        found[shard] = cursor
    return found


def chosen(cursors: Mapping[int, Exact], shards: Iterable[int] | None) -> dict[int, Exact]:
    """Return the cursors of some shards, or all; raises BadTarget for a shard that the file does not name."""
    if shards is None:
        return dict(cursors)
    if missing := [shard for shard in shards if shard not in cursors]:
        raise BadTarget(
            say("The file says nothing about these shards: %(shards)s.", shards=", ".join(map(str, missing)))
        )
    return {shard: cursors[shard] for shard in shards}


def _row(number: int, row: list[str]) -> tuple[int, Exact]:
    try:
        name, text = row
        (shard,) = parse_shards(name)
        return shard, Exact(text.strip(), positions.decode(text))
    except ValueError:
        raise BadTarget(
            say("Line %(line)d of the file does not hold a shard and its cursor.", line=number)
        ) from None
