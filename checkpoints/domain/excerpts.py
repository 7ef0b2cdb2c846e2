"""What of a log line may be shown: the first fields, cut, without secrets, every sign visible."""

from __future__ import annotations

import string
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from checkpoints.domain.redaction import redact

FIELDS = 40
LONGEST_VALUE = 500
LONGEST_KEY = 100
LOOKED_THROUGH = 4000
"""Signs of a value in which secrets are looked for: far more than is shown, so that none is cut in two."""

_UNSEEN = {"Cc", "Cf", "Zl", "Zp"}
_OF_TOKENS = string.ascii_letters + string.digits + "+/=_.~-"

Fields = Iterable[tuple[str, str]]
Shown = tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Line:
    """One log line as it may be shown; `time` is its own `__time__`, `more_fields` are left out."""

    time: datetime
    fields: Shown
    more_fields: int = 0


def line(time: datetime, fields: Fields) -> Line:
    """Return a log line as it may be shown."""
    pairs = list(fields)
    return Line(time, shown(pairs[:FIELDS]), max(0, len(pairs) - FIELDS))


def shown(pairs: Fields) -> Shown:
    """Return names and values as they may be shown."""
    return tuple((_cut(key, LONGEST_KEY), value_of(key, value)) for key, value in pairs)


def value_of(key: str, value: str) -> str:
    """Return one value as it may be shown: secrets hidden, then cut at 500 signs, then made visible."""
    text = redact(key[:LONGEST_KEY], value[:LOOKED_THROUGH])
    if len(value) > LOOKED_THROUGH:
        text = text.rstrip(_OF_TOKENS) + "…"  # the piece of a secret no longer looks like one
    return _cut(text, LONGEST_VALUE)


def visible(text: str) -> str:
    """Return the text with signs for what is not seen, and for what turns the reading direction around."""
    return "".join(map(_sign, text))


def _cut(text: str, longest: int) -> str:
    return visible(text[:longest]) + ("…" if len(text) > longest else "")


def _sign(sign: str) -> str:
    if sign < " ":
        return chr(0x2400 + ord(sign))
    return f"⟨U+{ord(sign):04X}⟩" if unicodedata.category(sign) in _UNSEEN else sign
