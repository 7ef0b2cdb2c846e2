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
Pools = WeakKeyDictionary[sls.Client, ThreadPoolExecutor]
READERS = 32
"""How many Logstores of one endpoint are read at the same time."""

_pools: Pools = WeakKeyDictionary()
_readers: Pools = WeakKeyDictionary()
_lock = Lock()


def pool(client: sls.Client) -> ThreadPoolExecutor:
    """Return the threads of a client, SLS_CONCURRENCY at most; they end when the client is forgotten."""
    return _of(_pools, client, settings.SLS_CONCURRENCY, "sls")


def readers(client: sls.Client) -> ThreadPoolExecutor:
    """Return the READERS threads of a client that each wait for the calls of one Logstore."""
    return _of(_readers, client, READERS, "sls-reader")


def _of(pools: Pools, client: sls.Client, threads: int, name: str) -> ThreadPoolExecutor:
    with _lock:
        if client not in pools:
            pools[client] = ThreadPoolExecutor(threads, thread_name_prefix=name)
        return pools[client]


def each(client: sls.Client, call: Callable[[T], R], items: Iterable[T]) -> list[Future[R]]:
    """Start call(item) for every item at once; the futures come in the order of the items."""
    return [pool(client).submit(call, item) for item in items]
