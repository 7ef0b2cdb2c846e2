"""All groups over all endpoints, worst first; search, filter, order and page come from the address."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import urlencode

from django.core.paginator import Page, Paginator
from django.db.models import Count, F, Q, QuerySet
from django.db.models.expressions import OrderBy

from checkpoints.domain.verdicts import WORST_FIRST, Verdict
from checkpoints.models import ConsumerGroup, Endpoint
from checkpoints.queries.risk import risk

PER_PAGE = 50
ORDERS: dict[str, list[str | OrderBy]] = {
    "worst": ["severity", F("lag_seconds").desc(nulls_last=True)],
    "lag": [F("lag_seconds").desc(nulls_last=True)],
    "unread": [F("oldest_unread_at").asc(nulls_last=True)],
    "backlog": [F("backlog").desc(nulls_last=True)],
    "loss": [F("data_loss_at").asc(nulls_last=True)],
    "commit": [F("last_commit_at").desc(nulls_last=True)],
    "name": ["name"],
}


@dataclass(frozen=True)
class Asked:
    """What the address asks for; anything it does not know is left out rather than refused."""

    text: str
    verdict: str
    endpoint: str
    order: str
    page: int

    def address(self, **changes: object) -> str:
        """Return the query of the same view with changes; empty values are left out."""
        values = {
            "q": self.text, "verdict": self.verdict, "endpoint": self.endpoint, "order": self.order,
            "page": 1,
        } | changes  # fmt: skip
        kept = {name: value for name, value in values.items() if value and (name, value) not in DEFAULTS}
        return "?" + urlencode(kept)

    @property
    def is_filtered(self) -> bool:
        return bool(self.text or self.verdict or self.endpoint)


DEFAULTS = {("order", "worst"), ("page", 1)}


@dataclass(frozen=True)
class Tile:
    """A verdict with the number of its groups; a click filters by it, or lets the filter go."""

    verdict: str
    count: int
    url: str
    is_chosen: bool


@dataclass(frozen=True)
class Row:
    """A group as the table shows it."""

    group: ConsumerGroup
    unread_age: timedelta | None
    data_loss_in: timedelta | None
    risk: str


@dataclass(frozen=True)
class Overview:
    """The page: tiles, rows of this page, and what is wrong with endpoints."""

    asked: Asked
    tiles: list[Tile]
    rows: list[Row]
    page: Page[ConsumerGroup]
    total: int
    endpoints: list[Endpoint]
    as_of: datetime | None

    @property
    def troubled(self) -> list[Endpoint]:
        return [endpoint for endpoint in self.endpoints if endpoint.problem]


def ask(values: Mapping[str, str]) -> Asked:
    """Read the address."""
    verdict, order, page = values.get("verdict", ""), values.get("order", ""), values.get("page", "1")
    return Asked(
        text=values.get("q", "").strip()[:200],
        verdict=verdict if verdict in set(Verdict) else "",
        endpoint=values.get("endpoint", "")[:80],
        order=order if order in ORDERS else "worst",
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
    )


def view(asked: Asked, *, now: datetime) -> Overview:
    """Return the overview; a fixed number of queries, however many groups there are."""
    endpoints = list(Endpoint.objects.filter(removed_at=None))
    alive = _alive()
    matching = _matching(alive, asked)
    chosen = matching.filter(verdict=asked.verdict) if asked.verdict else matching
    counts = {
        row["verdict"]: row["n"] for row in matching.values("verdict").annotate(n=Count("pk")).order_by()
    }
    ordered = chosen.order_by(*_order(asked.order)).select_related("logstore__project__endpoint")
    page = Paginator(ordered, PER_PAGE).get_page(asked.page)
    rows = [_row(group, now) for group in page.object_list]
    return Overview(
        asked=asked,
        tiles=_tiles(asked, counts),
        rows=rows,
        page=page,
        total=sum(counts.values()),
        endpoints=endpoints,
        as_of=max((row.group.read_at for row in rows if row.group.read_at), default=None),
    )


def _alive() -> QuerySet[ConsumerGroup]:
    return ConsumerGroup.objects.filter(
        vanished_at=None,
        logstore__vanished_at=None,
        logstore__project__vanished_at=None,
        logstore__project__endpoint__removed_at=None,
    )


def _matching(groups: QuerySet[ConsumerGroup], asked: Asked) -> QuerySet[ConsumerGroup]:
    if asked.endpoint:
        groups = groups.filter(logstore__project__endpoint__name=asked.endpoint)
    for word in asked.text.split():
        inner = Q(name__icontains=word) | Q(logstore__name__icontains=word)
        outer = Q(logstore__project__name__icontains=word)
        groups = groups.filter(inner | outer | Q(logstore__project__endpoint__name__icontains=word))
    return groups


def _order(name: str) -> list[str | OrderBy]:
    return [*ORDERS[name], "pk"]


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


def _row(group: ConsumerGroup, now: datetime) -> Row:
    days = group.logstore.retention_days
    left = None if group.data_loss_at is None else max(timedelta(0), group.data_loss_at - now)
    retention = None if days is None else timedelta(days=days)
    return Row(group, _unread_age(group, now), left, risk(left, retention=retention))


def _unread_age(group: ConsumerGroup, now: datetime) -> timedelta | None:
    """Return the age of the oldest unread log group; with nothing unread it is 0, however old the reading."""
    since, read_at = group.oldest_unread_at, group.read_at
    if since is None or read_at is None:
        return None
    return timedelta(0) if since >= read_at else now - since
