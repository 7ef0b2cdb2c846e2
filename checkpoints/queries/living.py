"""The groups that are there, so that neither they nor what they belong to vanished, and their names."""

from __future__ import annotations

from functools import reduce
from operator import or_

from django.db.models import Q, QuerySet

from checkpoints.models import ConsumerGroup

ENDPOINT = "logstore__project__endpoint"
NAMES = ("name", "logstore__name", "logstore__project__name", f"{ENDPOINT}__name")


def there() -> QuerySet[ConsumerGroup]:
    """Return the groups that are there, those of disabled endpoints too."""
    return ConsumerGroup.objects.filter(
        vanished_at=None,
        logstore__vanished_at=None,
        logstore__project__vanished_at=None,
        **{f"{ENDPOINT}__removed_at": None},
    )


def collected() -> QuerySet[ConsumerGroup]:
    """Return those of endpoints that are used, with all they belong to.

    What says why a verdict is as it is stays in the database until it is asked for: it is half of a row.
    """
    used = there().filter(**{f"{ENDPOINT}__enabled": True}).select_related(ENDPOINT)
    return used.defer("reasons", "rhythm", "problem").order_by("pk")


def named(word: str, *, of: str = "") -> Q:
    """Match groups by a word in their name or in that of what they belong to; `of` leads to the group."""
    return reduce(or_, (Q(**{f"{of}{name}__icontains": word}) for name in NAMES))
