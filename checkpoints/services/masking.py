"""Keeps secrets out of the log, whatever wrote them there: replaces the values themselves, not names."""

from __future__ import annotations

import base64
import json
import logging
import threading
from urllib.parse import quote, quote_plus

MASK = "***"
SHORTEST = 4  # shorter values would mask half of every sentence
_FORMATTER = logging.Formatter()
_lock = threading.Lock()
_forms: tuple[str, ...] = ()


def remember(value: str) -> None:
    """Mask this value from now on, in every form it may take in a log line."""
    global _forms  # noqa: PLW0603 - one registry for the process
    if len(value) < SHORTEST or value in _forms:
        return
    with _lock:
        _forms = tuple(sorted({*_forms, *_all_forms(value)}, key=len, reverse=True))


def mask(text: str) -> str:
    """Return the text with every remembered value replaced."""
    for form in _forms:
        text = text.replace(form, MASK)
    return text


class MaskSecrets(logging.Filter):
    """A filter of handlers: no remembered value leaves in message, arguments, traceback or stack."""

    def filter(self, record: logging.LogRecord) -> bool:
        if _forms:
            _mask_record(record)
        return True


def _mask_record(record: logging.LogRecord) -> None:
    try:
        message = record.getMessage()
    except (TypeError, ValueError, KeyError):
        message = f"{record.msg!r} {record.args!r}"  # logging would print both in its own complaint
    masked = mask(message)
    if masked != message or record.args:
        record.msg, record.args = masked, None
    if record.exc_info and not record.exc_text:
        record.exc_text = _FORMATTER.formatException(record.exc_info)
    if record.exc_text:
        record.exc_text = mask(record.exc_text)
        record.exc_info = None  # a formatter without a cache would print it again, unmasked
    if record.stack_info:
        record.stack_info = mask(record.stack_info)


def _all_forms(value: str) -> set[str]:
    raw = value.encode("utf-8", "surrogatepass")
    forms = {value, quote(raw, safe=""), quote_plus(raw), json.dumps(value)[1:-1], repr(value)[1:-1]}
    for shift in range(3):
        forms |= _inside_base64(raw, shift)
    return {form for form in forms if len(form) >= SHORTEST}


def _inside_base64(raw: bytes, shift: int) -> set[str]:
    """Return what base64 shows of the value when `shift` bytes, modulo 3, stand before it."""
    whole = raw[(3 - shift) % 3 :]
    whole = whole[: len(whole) // 3 * 3]
    if len(whole) < 6:
        return set()
    return {base64.b64encode(whole).decode(), base64.urlsafe_b64encode(whole).decode()}
