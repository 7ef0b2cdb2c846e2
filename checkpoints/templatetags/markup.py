"""HTML from Python for what a page has by the hundred: cells, badges, times.

Django's format_html asks of each value whether it is lazy, three times over; in a table of fifty groups that
is more than all else.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterable, Iterator
from contextlib import contextmanager
from functools import lru_cache, wraps
from html import escape
from typing import TypeVar

from django.utils.safestring import SafeString
from django.utils.translation import get_language

EMPTY = SafeString("")
MOST_KEPT = 4096
T = TypeVar("T")


def once_per_language(make: Callable[..., T]) -> Callable[..., T]:
    """Let a function be called once for the same values in the same language, of the last few thousand.

    A page that refreshes itself shows most of its cells again, and twenty people look at the same first page.
    `typed`, because text and HTML may look alike.
    """

    @lru_cache(maxsize=MOST_KEPT, typed=True)
    def made(_language: str | None, *values: Hashable) -> T:
        return make(*values)

    @wraps(make)
    def kept(*values: Hashable) -> T:
        return made(_now.language or get_language(), *values)

    return kept


class _Now(threading.local):
    language: str | None = None


_now = _Now()


@contextmanager
def in_one_language() -> Iterator[None]:
    """Look up the language once for all that is made in the block, which may not change it."""
    _now.language = get_language()
    try:
        yield
    finally:
        _now.language = None


def html(pattern: str, /, *values: object) -> SafeString:
    """Fill a pattern of our own with values; each is escaped unless it is HTML already."""
    return SafeString(pattern.format(*map(escaped, values)))


def escaped(value: object) -> str:
    """Return a value as HTML."""
    if isinstance(value, SafeString):
        return value
    return str(value) if type(value) is int else escape(str(value))


def cell(begin: SafeString, content: object) -> SafeString:
    """Return a cell that begins so: html("{}{}</td>", begin, content), only that there are thousands."""
    return SafeString(f"{begin}{escaped(content)}</td>")


def joined(parts: Iterable[object]) -> SafeString:
    """Return parts one after the other, each escaped unless it is HTML already."""
    return SafeString("".join(map(escaped, parts)))
