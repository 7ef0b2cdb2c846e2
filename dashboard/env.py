"""Typed reading of the environment: a wrong value stops the start and says what to write instead."""

from __future__ import annotations

import base64
import binascii
import os
import re
import secrets
from decimal import Decimal
from pathlib import Path
from urllib.parse import parse_qsl, unquote, urlsplit
from zoneinfo import ZoneInfo

TRUE = {"1", "true", "yes", "on"}
FALSE = {"0", "false", "no", "off", ""}


class BadSetting(SystemExit):
    """A setting cannot be used; the message names it and says how to write it."""

    def __init__(self, name: str, problem: str) -> None:
        super().__init__(f"Setting {name}: {problem}")


def text(name: str, default: str = "") -> str:
    """Return the value of NAME, or the content of the file that NAME_FILE names."""
    if path := os.environ.get(f"{name}_FILE"):
        try:
            return Path(path).read_text(encoding="utf-8").strip()
        except OSError as problem:
            raise BadSetting(f"{name}_FILE", f"cannot read {path}: {problem.strerror}") from problem
    return os.environ.get(name, default).strip()


def flag(name: str, *, default: bool = False) -> bool:
    """Return a yes/no setting."""
    value = text(name, "1" if default else "0").lower()
    if value not in TRUE | FALSE:
        raise BadSetting(name, f"{value!r} is neither yes nor no; write 1 or 0")
    return value in TRUE


def number(name: str, default: int, *, least: int, most: int) -> int:
    """Return a whole number between least and most."""
    value = text(name, str(default))
    if not (value.isascii() and value.isdigit() and least <= int(value[:12]) <= most):
        raise BadSetting(name, f"{value!r} is not a whole number from {least} to {most}")
    return int(value)


def words(name: str, default: str = "") -> list[str]:
    """Return a comma-separated list without empty items."""
    return [item.strip() for item in text(name, default).split(",") if item.strip()]


def choice(name: str, default: str, allowed: tuple[str, ...]) -> str:
    """Return one of the allowed words."""
    value = text(name, default)
    if value not in allowed:
        raise BadSetting(name, f"{value!r} is not known; write one of {', '.join(allowed)}")
    return value


def database(data_dir: Path) -> dict[str, object]:
    """Return Django's database settings: SQLite in the data directory, or what DATABASE_URL names."""
    url = text("DATABASE_URL")
    if not url:
        return sqlite(data_dir / "db.sqlite3")
    parts = urlsplit(url)
    if parts.scheme not in {"postgres", "postgresql"} or not parts.path.strip("/"):
        raise BadSetting("DATABASE_URL", "write postgres://user:password@host:port/name, or leave it empty")
    # A page that waits for the service keeps its connection meanwhile: with fewer than there are threads, an
    # endpoint that hangs would keep every page waiting. A few more are for the threads that send resets.
    most = number("WEB_THREADS", 16, least=1, most=256) + 4
    return {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": unquote(parts.path.lstrip("/")),
        "USER": unquote(parts.username or ""),
        "PASSWORD": unquote(parts.password or ""),
        "HOST": parts.hostname or "",
        "PORT": str(parts.port or ""),
        "OPTIONS": {**dict(parse_qsl(parts.query)), "pool": {"max_size": most}},
        "CONN_HEALTH_CHECKS": True,  # a restart of the server costs no request
    }


def sqlite(path: Path) -> dict[str, object]:
    """Return settings for one SQLite file that survives a power loss after every commit.

    IMMEDIATE because a deferred transaction that turns into a write fails at once under contention;
    FULL because NORMAL may lose a committed audit row. Each thread keeps its connection: opening one for
    every request reads the whole schema anew and forgets what was read.
    """
    pragmas = "PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; PRAGMA foreign_keys=ON;"
    return {
        "ENGINE": "django.db.backends.sqlite3",
        "NAME": str(path),
        "OPTIONS": {"transaction_mode": "IMMEDIATE", "timeout": 20, "init_command": pragmas},
        "CONN_MAX_AGE": None,
        # In memory, threads would see different databases; the tests use a file.
        "TEST": {"NAME": str(path.with_name("test.sqlite3"))},
    }


def price(name: str) -> tuple[Decimal, str] | None:
    """Return an amount and its currency from text such as "0.18 CNY", None when nothing is set."""
    value = text(name)
    if not value:
        return None
    found = re.fullmatch(r"([0-9]{1,9}(?:[.][0-9]{1,6})?) ([A-Z]{3})", value)
    if found is None:
        raise BadSetting(name, "write an amount and a currency, such as 0.18 CNY, or leave it empty")
    return Decimal(found[1]), found[2]


def data_directory(default: Path) -> Path:
    """Return the data directory, made with mode 0700 when it is missing."""
    path = Path(text("DATA_DIR", str(default))).absolute()
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as problem:
        raise BadSetting("DATA_DIR", f"cannot make {path}: {problem.strerror}") from problem
    return path


def secret_key(data_dir: Path) -> str:
    """Return SECRET_KEY, or the one kept in the data directory, made on the first start."""
    if value := text("SECRET_KEY"):
        if len(value) < 32:
            raise BadSetting("SECRET_KEY", "it has fewer than 32 characters")
        return value
    return stored_secret(data_dir / "secret_key", secrets.token_urlsafe(48))


def stored_secret(path: Path, fresh: str) -> str:
    """Return the secret in the file at path; write the fresh one there, mode 0600, when there is none.

    Two processes may start at once: the one that loses the race reads what the other one wrote.
    """
    try:
        handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except FileExistsError:
        return private(path).read_text(encoding="utf-8").strip()
    with os.fdopen(handle, "w", encoding="utf-8") as file:
        file.write(fresh + "\n")
        file.flush()
        os.fsync(file.fileno())
    return fresh


def private(path: Path) -> Path:
    """Return the path when only its owner can read it, else refuse to start."""
    if path.stat().st_mode & 0o077:
        raise BadSetting(path.name, f"{path} can be read by others; run: chmod 600 {path}")
    return path


def key_bytes(name: str, value: str) -> bytes:
    """Return 32 bytes from base64, or stop."""
    try:
        key = base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError) as problem:
        raise BadSetting(name, "it is not base64; make one with: openssl rand -base64 32") from problem
    if len(key) != 32 or len(set(key)) < 8:
        raise BadSetting(name, "it is not 32 random bytes; make one with: openssl rand -base64 32")
    return key


def time_zone(name: str, default: str) -> str:
    """Return the name of a time zone that exists."""
    value = text(name, default)
    try:
        ZoneInfo(value)
    except (ValueError, OSError, KeyError) as problem:
        raise BadSetting(
            name, f"{value!r} is not a time zone; write one like Asia/Shanghai or UTC"
        ) from problem
    return value
