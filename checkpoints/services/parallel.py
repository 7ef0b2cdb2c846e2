"""Threads for calls to the service: a pool per client, so that one hung endpoint never delays another."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from concurrent.futures import Future, ThreadPoolExecutor
from threading import Lock
from typing import TypeVar
from weakref import WeakKeyDictionary

from django.conf import settings

from checkpoints import sls

T = TypeVar("T")
R = TypeVar("R")
_pools: WeakKeyDictionary[sls.Client, ThreadPoolExecutor] = WeakKeyDictionary()
_lock = Lock()


def pool(client: sls.Client) -> ThreadPoolExecutor:
    """Return the threads of a client, SLS_CONCURRENCY at most; they end when the client is forgotten."""
    with _lock:
        if client not in _pools:
            _pools[client] = ThreadPoolExecutor(settings.SLS_CONCURRENCY, thread_name_prefix="sls")
        return _pools[client]


def each(client: sls.Client, call: Callable[[T], R], items: Iterable[T]) -> list[Future[R]]:
    """Start call(item) for every item at once; the futures come in the order of the items."""
    return [pool(client).submit(call, item) for item in items]
