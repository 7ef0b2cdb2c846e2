"""One page after the other: pages that are put together at the same time only slow each other down.

A page is some twenty milliseconds of Python and hardly any waiting. With sixteen threads at it, each gives
the interpreter away at every row that the database returns, and gets it back after all the others: the page
with the most rows waits longest, and a sixth of the processor goes into changing threads.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from threading import Lock
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse

View = Callable[..., HttpResponse]


class Turns:
    """Lets one thread at a time in, in the order in which they came."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._waiting: deque[Lock] = deque()
        self._is_taken = False

    @contextmanager
    def turn(self) -> Iterator[None]:
        """Wait for the turn, and hand it to the next one afterwards."""
        self._wait()
        try:
            yield
        finally:
            with self._lock:
                if self._waiting:
                    self._waiting.popleft().release()  # it stays taken: nobody comes in between
                else:
                    self._is_taken = False

    def _wait(self) -> None:
        with self._lock:
            if not self._is_taken:
                self._is_taken = True
                return
            mine = Lock()
            mine.acquire()
            self._waiting.append(mine)
        mine.acquire()


_turns = Turns()


def by_turns(view: View) -> View:
    """Let a view that only reads the database and renders be called by one thread at a time.

    Never one that calls the service: all others would wait with it. A database server is waited for, so with
    one pages are not put in a row.
    """

    @wraps(view)
    def called(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        if not settings.EMBEDDED:
            return view(request, *args, **kwargs)
        with _turns.turn():
            return view(request, *args, **kwargs)

    return called
