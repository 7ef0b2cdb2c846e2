"""A PostgreSQL cluster and a Redis server of our own, on loopback, thrown away afterwards."""

from __future__ import annotations

from collections.abc import Iterator

import psycopg
import pytest

from bench import postgres as server
from bench import redis


@pytest.fixture(scope="session")
def postgres() -> Iterator[str]:
    """The DATABASE_URL of an empty database."""
    try:
        with server.running() as url:
            yield url
    except server.Missing as missing:
        pytest.skip(str(missing))


@pytest.fixture
def own_postgres(postgres: str, request: pytest.FixtureRequest) -> str:
    """The DATABASE_URL of a database that only this test uses."""
    name = f"own_{abs(hash(request.node.nodeid)):x}"
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute(f'CREATE DATABASE "{name}"')  # type: ignore[arg-type]
    return f"{postgres.rpartition('/')[0]}/{name}"


@pytest.fixture(scope="session")
def redis_url() -> Iterator[str]:
    """The address of an empty Redis."""
    try:
        with redis.running() as url:
            yield f"{url}/0"
    except redis.Missing as missing:
        pytest.skip(str(missing))
