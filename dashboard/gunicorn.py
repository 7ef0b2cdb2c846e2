"""Configuration of the web server: one process with threads, and the background work inside when embedded."""

from __future__ import annotations

import os
from typing import Any

wsgi_app = "dashboard.wsgi:application"
bind = os.environ.get("BIND", "127.0.0.1:8000")
worker_class = "gthread"
workers = int(os.environ.get("WEB_WORKERS", "1"))
threads = int(os.environ.get("WEB_THREADS", "16"))
timeout = 60
graceful_timeout = 25
control_socket_disable = True
forwarded_allow_ips = os.environ.get("TRUSTED_PROXIES", "127.0.0.1")
accesslog = None
loglevel = "warning"


def post_worker_init(worker: Any) -> None:
    """Let the garbage collector leave alone what stays, and start the background threads in the one process.

    More than one would collect everything twice.
    """
    from django.conf import settings

    from dashboard import memory

    memory.settle()
    if not settings.EMBEDDED or os.environ.get("BACKGROUND", "1") == "0":
        return
    if workers != 1:
        raise SystemExit("The embedded database allows one web process: set WEB_WORKERS=1 or DATABASE_URL.")
    from dashboard.background import start

    worker.background = start()


def worker_exit(_server: Any, worker: Any) -> None:
    """Let running tasks finish before the process ends."""
    if background := getattr(worker, "background", None):
        background.stop(graceful=True)
