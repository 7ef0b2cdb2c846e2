"""Sessions in the database as Django keeps them, for less: they are loaded with every page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.sessions.backends import db
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session
from django.db.models import QuerySet
from django.utils import timezone

from checkpoints.queries.prepared import Prepared


def _open(key: str, now: datetime) -> QuerySet[Any, Any]:
    return Session.objects.filter(session_key=key, expire_date__gt=now).values_list("session_data")


_OPEN = Prepared(_open)


class SessionStore(db.SessionStore):
    """Loads by SQL that is written once, and updates its one row by one statement, not by a transaction."""

    def load(self) -> dict[str, Any]:
        """Return what the session holds; one that ended, or never was, loses its key."""
        rows = _OPEN.rows(self.session_key, timezone.now()) if self.session_key else []
        if not rows:
            self._session_key = None
            return {}
        held: dict[str, Any] = self.decode(rows[0][0])
        return held

    def save(self, must_create: bool = False) -> None:
        """Store the session; raises CreateError, or UpdateError when its row is gone."""
        if must_create or self.session_key is None:
            super().save(must_create)
            return
        row = self.create_model_instance(self._get_session())  # type: ignore[attr-defined]
        changed = {"session_data": row.session_data, "expire_date": row.expire_date}
        if not self.model.objects.filter(session_key=row.session_key).update(**changed):
            raise UpdateError
