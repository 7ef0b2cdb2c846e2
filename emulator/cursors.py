"""Cursor texts: base64 of a decimal position (docs/sls-protocol.md, section Cursors)."""

import base64
import binascii


def encode(position: int) -> str:
    return base64.b64encode(b"%d" % position).decode()


def is_base64(text: str) -> bool:
    return _decoded(text) is not None


def decode(text: str) -> int | None:
    """Return the position, forgiving white space and missing padding; None when it is no number."""
    plain = _decoded(text)
    if plain is None or not plain.strip().isdigit() or len(plain) > 30:
        return None
    return int(plain)


def _decoded(text: str) -> bytes | None:
    packed = "".join(text.split()).rstrip("=")
    try:
        return base64.b64decode(packed + "=" * (-len(packed) % 4), validate=True) if packed else None
    except (binascii.Error, ValueError):
        return None
