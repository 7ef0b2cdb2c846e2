"""The queue and the cache, chosen by URL: SQLite and local memory, or Redis and PostgreSQL."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from huey import PostgresHuey, RedisHuey, SqliteHuey
from huey.api import Huey
from huey.consumer import Consumer

from dashboard import memory
from dashboard.env import BadSetting

NAME = "checkpoints"


def from_url(url: str, data_dir: Path) -> Huey:
    """Return the queue of background work; without a URL it is a SQLite file of its own."""
    queue = _from_url(url, data_dir)
    create = queue.create_consumer

    def patient(**options: Any) -> Consumer:
        memory.settle()
        # SIGTERM is how systemd and containers end a worker: a notice that is under way must be noted as
        # sent, or it goes out again. By itself huey waits for what runs on SIGINT only.
        return create(**{**options, "graceful_signal": "TERM"})

    queue.create_consumer = patient
    return queue


def _from_url(url: str, data_dir: Path) -> Huey:
    common: dict[str, object] = {"results": False, "utc": True}
    scheme, _, rest = url.partition(":")
    if scheme in {"", "sqlite"}:
        path = rest.removeprefix("//") or str(data_dir / "queue.sqlite3")
        return SqliteHuey(NAME, filename=path, **common)
    if scheme in {"redis", "rediss"}:
        return RedisHuey(NAME, url=url, **common)
    if scheme in {"postgres", "postgresql"}:
        return PostgresHuey(NAME, dsn=url.replace("postgres://", "postgresql://", 1), **common)
    raise BadSetting("QUEUE_URL", "write sqlite:, redis://host:port/0 or postgres://user:password@host/name")


def cache(url: str) -> dict[str, object]:
    """Return Django's cache settings: local memory, or the Redis that the URL names."""
    if not url:
        return {"BACKEND": "django.core.cache.backends.locmem.LocMemCache", "LOCATION": NAME}
    if not url.startswith(("redis://", "rediss://")):
        raise BadSetting("CACHE_URL", "write redis://host:port/1, or leave it empty")
    return {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}
