"""One process-wide pool of threads for calls to the service."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import cache
from typing import TypeVar

from django.conf import settings

T = TypeVar("T")
R = TypeVar("R")


@cache
def executor() -> ThreadPoolExecutor:
    """Return the pool; SLS_CONCURRENCY threads serve the whole process."""
    return ThreadPoolExecutor(settings.SLS_CONCURRENCY, thread_name_prefix="sls")


def each(call: Callable[[T], R], items: Iterable[T]) -> list[Future[R]]:
    """Start call(item) for every item at once; the futures come in the order of the items."""
    return [executor().submit(call, item) for item in items]
