"""How much waits for a user in each place of the navigation: one query, on every page."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.contrib.auth.models import AnonymousUser, User
from django.db.models import Count, QuerySet, Value
from django.utils import timezone

from checkpoints.queries import alerts, approvals
from checkpoints.queries.prepared import Prepared


def counts(user: User | AnonymousUser) -> dict[str, int]:
    """Return how many alerts fire that nobody is at, and how many approvals this user can give."""
    if not isinstance(user, User) or user.pk is None:
        return {}
    found: dict[str, int] = dict(_COUNTED.rows(user.pk, timezone.now()))
    return found if user.has_perm(approvals.MAY_APPROVE) else found | {"approvals": 0}


def _counted(user: int, now: datetime) -> QuerySet[Any, Any]:
    """Return (place, number) of both."""
    given = _number("approvals", approvals.undecided_of_others(user, now))
    return _number("alerts", alerts.firing()).union(given, all=True)


def _number(place: str, found: QuerySet[Any]) -> QuerySet[Any, Any]:
    every = found.order_by().values(place=Value(place))
    counted: QuerySet[Any, Any] = every.annotate(number=Count("pk")).values_list("place", "number")
    return counted


_COUNTED = Prepared(_counted)
