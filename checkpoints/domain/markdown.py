"""Markdown (CommonMark, with tables) from text that others wrote: nothing in it can become markup."""

from __future__ import annotations

import html
import re
from collections.abc import Iterable

_MARKUP = re.compile(r"([\\`*_\[\]|~])")
_PLAIN = re.compile(r"[0-9A-Za-z+/=_.:-]+")
_BACKTICKS = re.compile(r"`+")


def text(value: str) -> str:
    """Return a value as one line that reads as it was typed; lines and invisible characters are blanks."""
    line = "".join(char if char.isprintable() else " " for char in value)
    return _MARKUP.sub(r"\\\1", html.escape(line.strip(), quote=False))


def code(value: str) -> str:
    """Return a value as code; one that could end the code, such as a foreign checkpoint, as text."""
    return f"`{value}`" if _PLAIN.fullmatch(value) else text(value)


def row(cells: Iterable[str]) -> str:
    """Return a line of a table from cells that are Markdown already."""
    return f"| {' | '.join(cells)} |"


def table(heads: list[str], rows: Iterable[Iterable[str]]) -> list[str]:
    """Return the lines of a table."""
    return [row(heads), row("---" for _ in heads), *(row(cells) for cells in rows)]


def block(lines: Iterable[str], language: str) -> list[str]:
    """Return lines as a block of code, exactly as they are; its fence is longer than any within."""
    body = list(lines)
    fence = "`" * max([3, *(len(run) + 1 for line in body for run in _BACKTICKS.findall(line))])
    return [fence + language, *body, fence]
