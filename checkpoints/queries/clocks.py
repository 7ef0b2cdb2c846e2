"""The rules of domain.clocks as conditions of a query."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.db.models import Q

from checkpoints.domain.clocks import APART


def has_come(field: str, now: datetime, *, furthest: timedelta) -> Q:
    """Match rows whose time has come; it is never set more than `furthest` ahead."""
    past = Q(**{field: None}) | Q(**{f"{field}__lte": now})
    return past | Q(**{f"{field}__gt": now + furthest + APART})


def is_old(field: str, now: datetime, *, most: timedelta) -> Q:
    """Match rows of which it is not known that they were seen at most so long ago."""
    past = Q(**{field: None}) | Q(**{f"{field}__lt": now - most})
    return past | Q(**{f"{field}__gt": now + APART})
