"""All groups over all endpoints, worst first; search, filter, order and page come from the address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import lru_cache

from django.contrib.auth.models import AnonymousUser, User
from django.core.paginator import Page, Paginator
from django.db.models import Count, IntegerField, Q, QuerySet, Value
from django.db.models.expressions import OrderBy

from checkpoints.domain import sparks
from checkpoints.domain.durations import in_words
from checkpoints.domain.messages import Message, say
from checkpoints.domain.series import HOUR, LEAST_STEPS, Eta, eta
from checkpoints.domain.sparks import STEP, Spark
from checkpoints.domain.verdicts import WORST_FIRST
from checkpoints.models import ConsumerGroup, Endpoint, Label, SavedView
from checkpoints.queries.asking import ORDERS, Asked
from checkpoints.queries.risk import risk
from checkpoints.queries.thresholds import thresholds

PER_PAGE = 50


@dataclass(frozen=True)
class Tile:
    """A verdict with the number of its groups; a click filters by it, or lets the filter go."""

    verdict: str
    count: int
    url: str
    is_chosen: bool


@dataclass(frozen=True)
class Row:
    """A group as the table shows it; `caught_up` tells in how long, None when nothing can be said."""

    group: ConsumerGroup
    unread_age: timedelta | None
    data_loss_in: timedelta | None
    risk: str
    spark: Spark
    caught_up: Message | None
    labels: list[str]
    is_pinned: bool


@dataclass(frozen=True)
class Overview:
    """The page: tiles, rows of this page with the pinned ones first, and what is wrong with endpoints."""

    asked: Asked
    tiles: list[Tile]
    rows: list[Row]
    page: Page[ConsumerGroup]
    matching: int
    endpoints: list[Endpoint]
    labels: list[str]
    saved: list[SavedView]
    as_of: datetime | None

    @property
    def troubled(self) -> list[Endpoint]:
        return [endpoint for endpoint in self.endpoints if endpoint.problem]


def view(asked: Asked, *, now: datetime, user: User | AnonymousUser | None = None) -> Overview:
    """Return the overview; a fixed number of queries, however many groups there are.

    The groups the user pinned stand above the first page and count towards none.
    """
    found = _matching(asked)
    counts = {row["verdict"]: row["n"] for row in found.values("verdict").annotate(n=Count("pk")).order_by()}
    chosen = _chosen(found, asked)
    pinned = list(chosen.filter(pins__user=user)) if user and user.pk else []
    matching = counts.get(asked.verdict, 0) if asked.verdict else sum(counts.values())
    others = Paginator(chosen.exclude(pk__in=[group.pk for group in pinned]), PER_PAGE)
    others.count = matching - len(pinned)  # counted above, with the tiles
    page = others.get_page(asked.page)
    groups = [*(pinned if page.number == 1 else ()), *page.object_list]
    labels = _labels(groups)
    rows = [
        _row(group, labels[group.pk], now, is_pinned=place < len(groups) - len(page.object_list))
        for place, group in enumerate(groups)
    ]
    return Overview(
        asked=asked,
        tiles=_tiles(asked, counts),
        rows=rows,
        page=page,
        matching=matching,
        endpoints=list(Endpoint.objects.filter(removed_at=None)),
        labels=labels[None],
        saved=list(SavedView.objects.filter(user=user)) if user and user.pk else [],
        as_of=max((group.read_at for group in groups if group.read_at), default=None),
    )


def whole(asked: Asked, *, now: datetime) -> Iterator[Row]:
    """Yield every group that the filters leave, in order: what an export has."""
    groups = list(_chosen(_matching(asked), asked))
    labels = _labels(groups)
    return (_row(group, labels[group.pk], now, is_pinned=False) for group in groups)


def _alive() -> QuerySet[ConsumerGroup]:
    return ConsumerGroup.objects.filter(
        vanished_at=None,
        logstore__vanished_at=None,
        logstore__project__vanished_at=None,
        logstore__project__endpoint__removed_at=None,
    )


def _matching(asked: Asked) -> QuerySet[ConsumerGroup]:
    """Return what fits the search; the tiles count these by verdict."""
    groups = _alive()
    if asked.endpoint:
        groups = groups.filter(logstore__project__endpoint__name=asked.endpoint)
    if asked.label:
        groups = groups.filter(labels__name=asked.label)
    for word in asked.text.split():
        inner = Q(name__icontains=word) | Q(logstore__name__icontains=word)
        outer = Q(logstore__project__name__icontains=word)
        groups = groups.filter(inner | outer | Q(logstore__project__endpoint__name__icontains=word))
    return groups


def _chosen(groups: QuerySet[ConsumerGroup], asked: Asked) -> QuerySet[ConsumerGroup]:
    if asked.verdict:
        groups = groups.filter(verdict=asked.verdict)
    ordered = groups.order_by(*_order(asked.order))
    return ordered.select_related("logstore__project__endpoint", "history")


def _order(name: str) -> list[str | OrderBy]:
    return [*ORDERS[name], "pk"]


def _labels(groups: Iterable[ConsumerGroup]) -> defaultdict[int | None, list[str]]:
    """Return the labels of each group, and under None all there are; in one query for both."""
    own = Label.objects.filter(group__in=[group.pk for group in groups]).values_list("group_id", "name")
    nobody = Value(None, output_field=IntegerField())
    every = Label.objects.annotate(nobody=nobody).order_by().values_list("nobody", "name")
    found: defaultdict[int | None, list[str]] = defaultdict(list)
    for pk, name in own.order_by().union(every).order_by("name"):
        found[pk].append(name)
    return found


def _tiles(asked: Asked, counts: dict[str, int]) -> list[Tile]:
    shown = [word.value for word in WORST_FIRST if counts.get(word.value) or word.value == asked.verdict]
    return [
        Tile(
            verdict=word,
            count=counts.get(word, 0),
            url=asked.address(verdict="" if word == asked.verdict else word),
            is_chosen=word == asked.verdict,
        )
        for word in shown
    ]


def _row(group: ConsumerGroup, labels: list[str], now: datetime, *, is_pinned: bool) -> Row:
    days = group.logstore.retention_days
    left = None if group.data_loss_at is None else max(timedelta(0), group.data_loss_at - now)
    retention = None if days is None else timedelta(days=days)
    history = getattr(group, "history", None)
    spark, pace = _recent(bytes(history.recent) if history else b"", int(now.timestamp()) // STEP)
    return Row(
        group=group,
        unread_age=_unread_age(group, now),
        data_loss_in=left,
        risk=risk(left, retention=retention),
        spark=spark,
        caught_up=pace if (group.lag_seconds or 0) >= thresholds().late.total_seconds() else None,
        labels=labels,
        is_pinned=is_pinned,
    )


def _unread_age(group: ConsumerGroup, now: datetime) -> timedelta | None:
    """Return the age of the oldest unread log group; with nothing unread it is 0, however old the reading."""
    since, read_at = group.oldest_unread_at, group.read_at
    if since is None or read_at is None:
        return None
    return timedelta(0) if since >= read_at else now - since


@lru_cache(maxsize=2048)
def _recent(stored: bytes, number: int) -> tuple[Spark, Message | None]:
    """Return the small line, and in how long a late group has caught up; both change every five minutes.

    The second is not for a group that keeps up: its backlog only goes up and down.
    """
    now = number * STEP
    spark = sparks.sparkline(sparks.read(stored), now=now)
    known = [(point.number * STEP, point.backlog) for point in spark.points if point.backlog is not None]
    hour = [(at, backlog) for at, backlog in known if at >= now - HOUR]
    found = eta(hour, now=now)
    pace = _in_short(found) if found else say("not at this rate") if len(hour) > LEAST_STEPS else None
    return replace(spark, points=()), pace


def _in_short(found: Eta) -> Message:
    low = in_words(found.low)
    if found.high is None:
        return say("%(low)s or more", low=low)
    high = in_words(found.high)
    return say("about %(low)s", low=low) if low == high else say("%(low)s to %(high)s", low=low, high=high)
