"""All groups over all endpoints, worst first; search, filter, order and page come from the address."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from functools import cached_property, lru_cache
from typing import Any, NamedTuple

from django.contrib.auth.models import AnonymousUser, User
from django.core.paginator import Page, Paginator
from django.db.models import BigIntegerField, QuerySet, Value

from checkpoints.domain import sparks
from checkpoints.domain.messages import Message
from checkpoints.domain.sparks import STEP, Spark
from checkpoints.domain.thresholds import Thresholds
from checkpoints.domain.unread import unread_part
from checkpoints.domain.verdicts import WORST_FIRST, Verdict
from checkpoints.models import Label, SavedView
from checkpoints.queries.asking import Asked
from checkpoints.queries.freshness import is_stale
from checkpoints.queries.group_lines import EndpointLine, GroupLine, endpoints, lines
from checkpoints.queries.group_lists import PER_PAGE, lists
from checkpoints.queries.pace import at_pace
from checkpoints.queries.prepared import Prepared
from checkpoints.queries.risk import risk
from checkpoints.queries.thresholds import thresholds


@dataclass(frozen=True)
class Tile:
    """A verdict with the number of its groups; a click filters by it, or lets the filter go."""

    verdict: str
    count: int
    url: str
    is_chosen: bool


@dataclass(frozen=True)
class Row:
    """A group as the table shows it; `caught_up` tells in how long, None when nothing can be said.

    `is_stale`: its last reading is too old to say anything of now, so its verdict is unknown. `unread` tells
    which part of its shards could not be read, and why.
    """

    group: GroupLine
    is_stale: bool
    unread: Message | None
    unread_age: timedelta | None
    data_loss_in: timedelta | None
    risk: str
    spark: Spark
    caught_up: Message | None
    labels: list[str]
    is_pinned: bool

    @property
    def verdict(self) -> str:
        return Verdict.UNKNOWN.value if self.is_stale else self.group.verdict


class Saved(NamedTuple):
    """A view that a user keeps under a name."""

    pk: int
    name: str
    query: str


@dataclass(frozen=True)
class Menus:
    """What one can choose from: all labels there are, and the views of a user."""

    labels: list[str]
    saved: list[Saved]


@dataclass(frozen=True)
class Overview:
    """The page: tiles, rows of this page with the pinned ones first, and what is wrong with endpoints.

    `as_of` is when the row was read that was not for the longest, `newest` when the last one was.
    """

    asked: Asked
    tiles: list[Tile]
    rows: list[Row]
    page: Page[int]
    matching: int
    endpoints: list[EndpointLine]
    user: int

    @property
    def as_of(self) -> datetime | None:
        return min((row.group.read_at for row in self.rows if row.group.read_at), default=None)

    @property
    def newest(self) -> datetime | None:
        return max((row.group.read_at for row in self.rows if row.group.read_at), default=None)

    @property
    def is_late(self) -> bool:
        """Whether a row is unknown by now that the tiles still count as what it was."""
        return any(row.is_stale and row.verdict != row.group.verdict for row in self.rows)

    @property
    def troubled(self) -> list[EndpointLine]:
        return [endpoint for endpoint in self.endpoints if endpoint.problem]

    @cached_property
    def menus(self) -> Menus:
        """The menus, read when they are shown, which is not with every refresh."""
        rows = _MENUS.rows(self.user)
        saved = sorted((Saved(pk, name, query) for pk, name, query in rows if pk), key=lambda one: one.name)
        return Menus(sorted(name for pk, name, _ in rows if not pk), saved)


def view(asked: Asked, *, now: datetime, user: User | AnonymousUser | None = None) -> Overview:
    """Return the overview; a fixed number of queries, however many groups there are.

    The groups the user pinned stand above the first page and count towards none.
    """
    number = user.pk if user and user.pk else 0
    there, any_page = endpoints(), lists(asked)
    counts: dict[str, int] = dict(any_page.counts.rows())
    pinned = list(lines(any_page.pinned.rows(number), there)) if number else []
    matching = counts.get(asked.verdict, 0) if asked.verdict else sum(counts.values())
    page = Paginator(range(matching - len(pinned)), PER_PAGE).get_page(asked.page)
    first = pinned if page.number == 1 else []
    groups = [*first, *lines(lists(asked, page=page.number).others.rows(number), there)]
    labels, limits = _labels(groups), thresholds()
    rows = [
        _row(group, labels[group.pk], now, limits, is_pinned=place < len(first))
        for place, group in enumerate(groups)
    ]
    return Overview(
        asked=asked,
        tiles=_tiles(asked, counts),
        rows=rows,
        page=page,
        matching=matching,
        endpoints=there,
        user=number,
    )


def whole(asked: Asked, *, now: datetime) -> Iterator[Row]:
    """Yield every group that the filters leave, in order: what an export has."""
    groups = list(lines(lists(asked).whole.rows(), endpoints()))
    labels, limits = _labels(groups), thresholds()
    return (_row(group, labels[group.pk], now, limits, is_pinned=False) for group in groups)


def _labels(groups: Iterable[GroupLine]) -> defaultdict[int, list[str]]:
    """Return the labels of each group."""
    own = Label.objects.filter(group__in=[group.pk for group in groups]).order_by("name")
    found: defaultdict[int, list[str]] = defaultdict(list)
    for pk, name in own.values_list("group_id", "name"):
        found[pk].append(name)
    return found


def _menus(user: int) -> QuerySet[Any, Any]:
    """Return (id, name, query) of the views of a user, and (0, name, "") of each label there is."""
    none = Value(0, output_field=BigIntegerField())
    labels = Label.objects.order_by().values_list(none, "name", Value("")).distinct()
    saved = SavedView.objects.filter(user=user).order_by().values_list("pk", "name", "query")
    return saved.union(labels, all=True)


_MENUS = Prepared(_menus)


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


def _row(group: GroupLine, labels: list[str], now: datetime, limits: Thresholds, *, is_pinned: bool) -> Row:
    left = None if group.data_loss_at is None else max(timedelta(0), group.data_loss_at - now)
    spark, pace = _recent(bytes(group.recent or b""), int(now.timestamp()) // STEP)
    too_old = _is_stale(group, now)
    return Row(
        group=group,
        is_stale=too_old,
        unread=unread_part(group.reasons or ()) if group.is_partial else None,
        unread_age=_unread_age(group, now),
        data_loss_in=left,
        risk="" if too_old else _risk(group, left, limits),
        spark=spark,
        caught_up=None if too_old or (group.lag_seconds or 0) < limits.late.total_seconds() else pace,
        labels=labels,
        is_pinned=is_pinned,
    )


def _is_stale(group: GroupLine, now: datetime) -> bool:
    """Tell whether a group was read, but too long ago."""
    every, seconds = group.read_every, group.endpoint.interval_seconds
    return group.read_at is not None and is_stale(group.read_at, now, every=every, seconds=seconds)


def _risk(group: GroupLine, left: timedelta | None, limits: Thresholds) -> str:
    days = group.retention_days
    return risk(left, retention=None if days is None else timedelta(days=days), limits=limits)


def _unread_age(group: GroupLine, now: datetime) -> timedelta | None:
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
    return replace(spark, points=()), at_pace(list(spark.points), now=now)
