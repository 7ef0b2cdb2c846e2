"""Faults of ours with one of many: it is found, and nobody else is delayed by it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from django.db import OperationalError

from checkpoints.domain.messages import say
from checkpoints.services.problems import Problem

T = TypeVar("T")
R = TypeVar("R")


def apart(
    work: Callable[[Sequence[T]], Iterable[R] | None], items: Sequence[T]
) -> tuple[list[R], list[tuple[T, Exception]]]:
    """Do some work for many at once; what fails is cut in halves until those that it fails for are found.

    Returns the results of the others, and those with their faults. A database that takes nothing just now is
    no fault of one: that is raised.
    """
    try:
        return list(work(items) or ()), []
    except OperationalError:
        raise
    except Exception as fault:  # noqa: BLE001 -- the caller logs and stores it
        if len(items) == 1:
            return [], [(items[0], fault)]
    half = len(items) // 2
    first, second = apart(work, items[:half]), apart(work, items[half:])
    return [*first[0], *second[0]], [*first[1], *second[1]]


def explain(fault: BaseException) -> Problem:
    """Return what a fault of ours means to the person who sees its group."""
    kind = type(fault).__name__
    words = say("What was read could not be judged or stored: %(kind)s.", kind=kind)
    return Problem(kind, words, say("The log of the server tells more."))
