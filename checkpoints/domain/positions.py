"""Checkpoints and cursors as numbers: base64 of a decimal per-shard log-group counter, never a date."""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Iterable
from functools import lru_cache

from checkpoints.domain.messages import Refusal, say

UNSAVED = ""
"""The text of a checkpoint that was never saved (docs/sls-protocol.md, section Cursors)."""

_LONGEST = 64
_DIGITS = re.compile(rb"[0-9]{1,20}")
_BLANK = " \t\r\n"


class Undecodable(Refusal):
    """A text that is not a checkpoint of SLS."""


@lru_cache(maxsize=16_384)
def decode(checkpoint: str) -> int:
    """Return the position inside a checkpoint or cursor.

    Missing padding and surrounding blanks are forgiven, also a newline after the digits, because real clients
    send both (docs/sls-protocol.md, section Cursors). Raises Undecodable for everything else.
    """
    text = checkpoint.strip(_BLANK)
    if not text:
        raise Undecodable(say("The checkpoint is empty."))
    if len(text) > _LONGEST:
        raise Undecodable(say("The checkpoint is longer than %(limit)d characters.", limit=_LONGEST))
    core = text.rstrip("=")
    padding = -len(core) % 4
    if len(text) - len(core) > padding:
        raise Undecodable(say("The checkpoint is not base64."))
    try:
        raw = base64.b64decode(core + "=" * padding, validate=True)
    except (binascii.Error, ValueError):
        raise Undecodable(say("The checkpoint is not base64.")) from None
    digits = raw.rstrip(_BLANK.encode())
    if not _DIGITS.fullmatch(digits):
        raise Undecodable(say("The checkpoint does not hold a number of at most 20 digits."))
    return int(digits)


def encode(position: int) -> str:
    """Return the cursor text of a position; raises ValueError below 0 or above 20 digits."""
    if not 0 <= position < 10**20:
        raise ValueError("a position has 1 to 20 digits")
    return base64.b64encode(str(position).encode("ascii")).decode("ascii")


def shorten(checkpoint: str) -> str:
    """Return the first four and the last eight characters: neighbours differ only at the end."""
    return checkpoint if len(checkpoint) <= 13 else f"{checkpoint[:4]}…{checkpoint[-8:]}"


def ranges(shards: Iterable[int]) -> str:
    """Return numbers of shards in few letters, as they are typed: "0-2, 5"."""
    found: list[list[int]] = []
    for shard in sorted(set(shards)):
        if found and shard == found[-1][-1] + 1:
            found[-1].append(shard)
        else:
            found.append([shard])
    return ", ".join(str(run[0]) if len(run) == 1 else f"{run[0]}-{run[-1]}" for run in found)
