"""How many queries each page takes, and whether each of them has an index."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from django.contrib.auth.models import User
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext

from bench import query_plans
from checkpoints.models import Logstore

MOST = 12
_ORDERS = ("worst", "lag", "unread", "backlog", "loss", "commit", "name")
ORDERS = (*_ORDERS, *(f"-{order}" for order in _ORDERS))
FILTERS = ("q=proj-1+cg", "verdict=behind", "endpoint=hangzhou", "label=payments", "page=2")
SPANS = ("1h", "6h", "24h", "7d", "30d", "90d")


@dataclass(frozen=True)
class Address:
    """A page, or a fragment of it that asks for itself."""

    name: str
    url: str
    is_fragment: bool = False


@dataclass
class Count:
    """The queries of one page at their most, and each SELECT among them."""

    page: str
    queries: int = 0
    selects: dict[str, query_plans.Asked] = field(default_factory=dict)

    @property
    def read_whole(self) -> set[str]:
        """The tables that were read whole and without an index."""
        return {table for query in self.selects.values() for table in query_plans.read_whole(query)}

    @property
    def walked(self) -> set[str]:
        """What was read along an index from one end of it."""
        return {step for query in self.selects.values() for step in query_plans.walked(query)}


def addresses(group: int, alert: int) -> Iterator[Address]:
    """Yield every page and fragment that shows the fleet."""
    yield from (Address("overview", f"/?order={order}") for order in ORDERS)
    yield from (Address("overview", f"/?{query}") for query in FILTERS)
    yield Address("overview, refresh", "/", is_fragment=True)
    yield Address("group", f"/groups/{group}/")
    yield Address("group, refresh", f"/groups/{group}/?fresh=1", is_fragment=True)
    yield Address("group, chart", f"/groups/{group}/history/?span=6h&panel=1", is_fragment=True)
    yield from (Address("history", f"/groups/{group}/history/?span={span}") for span in SPANS)
    yield Address("history", f"/groups/{group}/history/?span=7d&shard=1")
    yield Address("history, refresh", f"/groups/{group}/history/?span=24h", is_fragment=True)
    yield Address("alerts", "/alerts/")
    yield Address("alert", f"/alerts/{alert}/")
    yield Address("endpoints", "/endpoints/")


def signed_in(name: str) -> Client:
    """Return somebody with a session."""
    client = Client(headers={"host": "127.0.0.1"})
    client.force_login(User.objects.get(username=name), backend="checkpoints.queries.access.Backend")
    return client


def counts(clients: Iterable[Client], wanted: Iterable[Address]) -> list[Count]:
    """Return what each page takes at most, over all clients; a visit that has its session put off counts."""
    found: dict[str, Count] = {}
    addresses = list(wanted)
    for client in clients:
        for address in addresses:
            _visit(client, address, found.setdefault(address.name, Count(address.name)))
    return list(found.values())


def _visit(client: Client, address: Address, count: Count) -> None:
    _forget_visit(client)
    headers = {"HX-Request": "true"} if address.is_fragment else {}
    with CaptureQueriesContext(connection) as queries, query_plans.asked() as seen:
        answer: Any = client.get(address.url, headers=headers)
    assert answer.status_code == 200, f"{address.url} answered {answer.status_code}"
    count.queries = max(count.queries, len(queries))
    count.selects |= {query[0]: query for query in seen}


def _forget_visit(client: Client) -> None:
    """Let the next visit be the first for long, which is the dearest.

    It puts the end of the session off, and notes that somebody looks at the group.
    """
    session = client.session
    session["kept_at"] = 0
    session.save()
    Logstore.objects.update(watched_at=None)
