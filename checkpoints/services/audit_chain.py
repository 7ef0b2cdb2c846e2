"""The chain over audit rows: each MAC covers its row and the MAC before it. Standard library only.

An export can be checked without the product:
    SEALING_KEY=... python audit_chain.py audit.jsonl
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import os
import sys
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

FIRST = ""  # the MAC before the first row
LABEL = b"sls-checkpoints audit v1"


@dataclass(frozen=True)
class Flaw:
    """Something wrong at a row: "edited", "removed", "moved" or "unsigned", with a sentence."""

    seq: int
    kind: str
    words: str


def derive(root: bytes, label: bytes, length: int = 32) -> bytes:
    """Return a key for one purpose, at most 32 bytes (HKDF-SHA256 without salt, RFC 5869)."""
    extracted = hmac.new(b"\0" * 32, root, hashlib.sha256).digest()
    return hmac.new(extracted, label + b"\x01", hashlib.sha256).digest()[:length]


def canonical(row: Mapping[str, Any]) -> bytes:
    """Return the one form of a row that is signed: all fields but its own MAC, as JSON with sorted keys."""
    body = {name: value for name, value in row.items() if name != "mac"}
    return json.dumps(body, sort_keys=True, separators=(",", ":"), ensure_ascii=True).encode()


def mac(key: bytes, row: Mapping[str, Any]) -> str:
    """Return the MAC of a row, which holds the MAC of the row before it as `previous_mac`."""
    return hmac.new(key, canonical(row), hashlib.sha256).hexdigest()


def flaws(
    key: bytes, rows: Iterable[Mapping[str, Any]], *, anchor: tuple[int, str] | None = None
) -> Iterator[Flaw]:
    """Yield what is wrong in rows given in the order of `seq`, from the first row on.

    `anchor` is a (seq, MAC) noted down earlier; only with it can rows cut off at the end be missed.
    """
    seq, previous, anchored = 0, FIRST, anchor is None
    for row in rows:
        yield from _flaws_of(key, row, seq, previous)
        seq, previous = row["seq"], row["mac"]
        anchored = anchored or (seq, previous) == anchor
    if not anchored and anchor is not None:
        yield Flaw(anchor[0], "removed", f"Row {anchor[0]} is missing or not the one noted down.")


def _flaws_of(key: bytes, row: Mapping[str, Any], last: int, previous: str) -> Iterator[Flaw]:
    seq = row["seq"]
    if seq != last + 1:
        gap = f"row {last + 1} is" if seq == last + 2 else f"rows {last + 1} to {seq - 1} are"
        words = f"Before row {seq}, {gap} missing." if seq > last else f"Row {seq} stands after row {last}."
        yield Flaw(seq, "removed" if seq > last else "moved", words)
    if not row["mac"]:
        yield Flaw(
            seq, "unsigned", f"Row {seq} is not signed: the sealing key was not available, or it was put in."
        )
    elif not hmac.compare_digest(row["mac"], mac(key, row)):
        yield Flaw(seq, "edited", f"Row {seq} was changed, or was signed with another sealing key.")
    if seq == last + 1 and row["previous_mac"] != previous:
        yield Flaw(
            seq, "moved", f"Row {seq} does not follow row {last}: one of them was moved, put in or changed."
        )


def main(path: str) -> int:
    """Check a JSONL export; the sealing key comes from the environment. Returns the exit code."""
    try:
        root = base64.b64decode(os.environ["SEALING_KEY"], validate=True)
    except (KeyError, ValueError):
        sys.stderr.write("Set SEALING_KEY to the sealing key in base64.\n")
        return 2
    with Path(path).open(encoding="utf-8") as lines:
        found = list(flaws(derive(root, LABEL), map(json.loads, lines)))
    sys.stdout.write("".join(flaw.words + "\n" for flaw in found) or "The chain is whole.\n")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
