"""What every page has to tell everybody, read in one query: locked credentials, and endpoints without TLS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, Case, Q, QuerySet, Value, When

from checkpoints.models import Channel, Endpoint
from checkpoints.queries.prepared import Prepared
from checkpoints.services import sealing

PLAIN = Q(scheme=Endpoint.Scheme.HTTP, removed_at=None, enabled=True)


@dataclass(frozen=True)
class Banners:
    """Whether the credentials are locked, and the names of the endpoints that are asked over plain http."""

    locked: bool
    plain: list[str]


def _stored() -> QuerySet[Any, Any]:
    """Return (name, whether it is asked over plain http, two sealed texts) of each endpoint and channel."""
    is_plain = Case(When(PLAIN, then=True), default=False, output_field=BooleanField())
    never = Value(False, output_field=BooleanField())
    endpoints = Endpoint.objects.order_by().annotate(plain=is_plain)
    channels = Channel.objects.order_by().annotate(plain=never)
    return endpoints.values_list("name", "plain", "sealed_secret", "sealed_token").union(
        channels.values_list("name", "plain", "sealed_url", "sealed_secret"), all=True
    )


_STORED = Prepared(_stored)


def read() -> Banners:
    """Return how it is now: a key that went missing shows with the next page."""
    rows = _STORED.rows()
    sealed = [one for *_, first, second in rows for one in (first, second)]
    return Banners(
        locked=sealing.problem(sealed) is not None,
        plain=sorted(name for name, plain, *_ in rows if plain),
    )
