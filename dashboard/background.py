"""Runs huey's threads inside this process."""

from __future__ import annotations

from django.conf import settings
from huey.consumer import Consumer

WORKERS = 6


class Background(Consumer):
    """A consumer of the queue that leaves the signals of the process to the web server."""

    def _set_signal_handlers(self) -> None:
        pass


def start() -> Background:
    """Start the scheduler and the workers, and return them to be stopped."""
    from checkpoints import tasks  # late: it needs the apps to be loaded

    background = Background(
        settings.HUEY, workers=WORKERS, periodic=True, worker_type="thread", max_delay=1.0
    )
    background.start()
    tasks.settle_at_start()
    tasks.settle()  # these two are otherwise asked for once a minute
    tasks.tick()
    return background
