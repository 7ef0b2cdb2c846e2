"""Which groups the overview lists, as its address asks for them, and how many of each verdict there are."""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import lru_cache

from django.db.models import Count, QuerySet

from checkpoints.models import ConsumerGroup
from checkpoints.queries import living
from checkpoints.queries.asking import ORDERS, Asked
from checkpoints.queries.group_lines import columns
from checkpoints.queries.prepared import Prepared

PER_PAGE = 50


@dataclass(frozen=True)
class Lists:
    """The queries of one address; where it says so, they are given the number of a user.

    `counts` are (verdict, groups), whatever verdict was chosen. `pinned` are those of a user, `others` a page
    of the rest, `whole` all of them.
    """

    counts: Prepared
    pinned: Prepared  # user
    others: Prepared  # user
    whole: Prepared


def lists(asked: Asked, *, page: int = 1) -> Lists:
    """Return the queries of a page."""
    return _lists(replace(asked, page=page, cols=()))


@lru_cache(maxsize=256)
def _lists(asked: Asked) -> Lists:
    """Keep the queries: most people look at the same few lists, and again and again."""
    found = _matching(asked)
    chosen = found.filter(verdict=asked.verdict) if asked.verdict else found
    ordered = chosen.order_by(*ORDERS[asked.order])
    start = PER_PAGE * (asked.page - 1)
    return Lists(
        counts=Prepared(lambda: found.order_by().values_list("verdict").annotate(n=Count("pk"))),
        pinned=Prepared(lambda user: columns(ordered.filter(pins__user=user))),
        others=Prepared(lambda user: columns(ordered.exclude(pins__user=user))[start : start + PER_PAGE]),
        whole=Prepared(lambda: columns(ordered, with_reasons=True)),
    )


def _matching(asked: Asked) -> QuerySet[ConsumerGroup]:
    """Return the groups that exist and fit the search."""
    groups = living.there()
    if asked.endpoint:
        groups = groups.filter(logstore__project__endpoint__name=asked.endpoint)
    if asked.label:
        groups = groups.filter(labels__name=asked.label)
    for word in asked.text.split():
        groups = groups.filter(living.named(word))
    return groups
