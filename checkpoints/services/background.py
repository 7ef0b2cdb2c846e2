"""Work that outlasts the answer to a request: the writes of a reset."""

from __future__ import annotations

import threading
from collections.abc import Callable

from django.conf import settings
from django.db import connection

PATIENCE = 1.5
"""Seconds a request waits for the work: a small reset is done when its page is first seen."""


def call(work: Callable[[], None]) -> None:
    """Do the work at once."""
    work()


def run(work: Callable[[], None]) -> None:
    """Do the work in a thread of this process, so that the page can show its progress, or be closed.

    A thread, not a task of the queue: a task outlives its process and would write again at the next start,
    where only reading is allowed. The thread is waited for when the server stops.
    """
    if not settings.SEND_IN_BACKGROUND:
        return work()

    def apart() -> None:
        try:
            work()
        finally:
            connection.close()

    thread = threading.Thread(target=apart, name="reset")
    thread.start()
    return thread.join(PATIENCE)
