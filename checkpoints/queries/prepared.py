"""Queries of every page: their SQL is written once, as that takes Django longer than the database to answer.

Rows come as the database has them; the functions below read the values that differ between the two.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from inspect import signature
from typing import Any, overload
from uuid import UUID

from django.db import connection
from django.db.models import QuerySet

_NUMBER, _TEXT, _TIME = 2_113_929_217, "\ue000\ue001", datetime(8765, 4, 3, tzinfo=UTC)
"""From here on values stand for those of a call in the SQL that is kept; nothing stored is like them, and yet
every column can hold them: Django does not ask for what cannot be."""


class Prepared:
    """A query that is always the same but for some numbers, texts or times.

    `make` is given one value for each of its arguments, of the type that stands there or in `kinds`: int, str
    or datetime.
    """

    def __init__(self, make: Callable[..., QuerySet[Any, Any]], kinds: Sequence[str] | None = None) -> None:
        self._make = make
        wanted = kinds or [str(one.annotation) for one in signature(make).parameters.values()]
        self._places = [_stand_in(place, kind) for place, kind in enumerate(wanted)]
        self._written: dict[str, tuple[str, tuple[Any, ...]]] = {}

    def rows(self, *values: int | str | datetime) -> list[tuple[Any, ...]]:
        """Return all rows for these values."""
        if connection.vendor not in self._written:
            self._written[connection.vendor] = self._make(*self._places).query.sql_with_params()
        sql, params = self._written[connection.vendor]
        given = {_stored(place): _stored(value) for place, value in zip(self._places, values, strict=True)}
        with connection.cursor() as cursor:
            cursor.execute(sql, [given.get(param, param) for param in params])
            return list(cursor.fetchall())


def _stand_in(place: int, kind: str) -> int | str | datetime:
    if kind == "str":
        return f"{_TEXT}{place}"
    return _TIME + timedelta(seconds=place) if kind == "datetime" else _NUMBER + place


def _stored(value: int | str | datetime) -> Any:
    return connection.ops.adapt_datetimefield_value(value) if isinstance(value, datetime) else value


@overload
def aware(at: datetime) -> datetime: ...
@overload
def aware(at: None) -> None: ...
def aware(at: datetime | None) -> datetime | None:
    """Return a time as it is meant: in UTC where the database knows no zones."""
    return at if at is None or at.tzinfo else at.replace(tzinfo=UTC)


def from_json(value: Any) -> Any:
    """Return what a column of JSON holds."""
    return json.loads(value) if value and isinstance(value, str | bytes) else value


def uuid(value: UUID | str) -> UUID:
    """Return an id."""
    return value if isinstance(value, UUID) else UUID(value)
