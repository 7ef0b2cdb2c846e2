"""Clients for stored endpoints: the only place where an unsealed secret meets the wire."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Literal, cast
from uuid import UUID

from django.conf import settings

from checkpoints import sls
from checkpoints.models import Endpoint
from checkpoints.services import metrics, sealing, spent
from checkpoints.services.limits import Limit

Key = tuple[object, ...]
LIMITS = sls.Limits()

_lock = threading.Lock()
_clients: dict[UUID, tuple[Key, sls.Client]] = {}


def connect(endpoint: Endpoint) -> sls.Client:
    """Return the client of an endpoint; made once per configuration and shared by all threads.

    Raises sealing.Locked when the credentials do not open, sls.HostRefused for a host or scheme that this
    installation may not call, sls.ArgumentRefused for credentials that cannot be sent.
    """
    key = _key(endpoint)
    with _lock:
        kept = _clients.get(endpoint.pk)
        if kept is None or kept[0] != key:
            client = _made(endpoint)
            if kept is not None:
                kept[1].close()
            _clients[endpoint.pk] = (key, client)
        return _clients[endpoint.pk][1]


def forget(endpoint: Endpoint) -> None:
    """Close the connections of an endpoint and drop its unsealed secret."""
    with _lock:
        kept = _clients.pop(endpoint.pk, None)
    if kept is not None:
        kept[1].close()


def network() -> sls.Network:
    """Return what this installation may call, as its settings say."""
    return sls.Network(allowed_hosts=tuple(settings.SLS_ALLOWED_HOSTS), allow_http=settings.SLS_ALLOW_HTTP)


def _key(endpoint: Endpoint) -> Key:
    """Return all a client depends on; the sealed bytes differ whenever a secret was entered anew."""
    return (
        endpoint.config_version,
        endpoint.identity,
        endpoint.region,
        endpoint.signature,
        endpoint.access_key_id,
        endpoint.calls_per_second,
        endpoint.protection == Endpoint.Protection.READ_ONLY,
        bytes(endpoint.sealed_secret),
        bytes(endpoint.sealed_token),
        network(),
    )


def _made(endpoint: Endpoint) -> sls.Client:
    return sls.Client(
        host=endpoint.host,
        scheme=endpoint.scheme,
        region=endpoint.region,
        signature=cast(Literal["v1", "v4"], endpoint.signature),
        credentials=_credentials(endpoint),
        network=network(),
        threads=settings.SLS_CONCURRENCY,
        read_only=endpoint.protection == Endpoint.Protection.READ_ONLY,
        observe=_observer(endpoint.pk),
        throttle=Limit(endpoint.calls_per_second or settings.SLS_RATE),
        limits=LIMITS,
    )


def _observer(pk: UUID) -> Callable[[str, str, float], None]:
    def observe(operation: str, code: str, seconds: float) -> None:
        metrics.observe(operation, code, seconds)
        spent.count(pk)

    return observe


def _credentials(endpoint: Endpoint) -> sls.Credentials:
    def opened(sealed: bytes | memoryview, field: str) -> sls.Secret:
        return sealing.unseal(bytes(sealed), row=endpoint.pk, field=field, identity=endpoint.identity)

    return sls.Credentials(
        access_key_id=endpoint.access_key_id,
        secret=opened(endpoint.sealed_secret, "sealed_secret"),
        security_token=opened(endpoint.sealed_token, "sealed_token") if endpoint.sealed_token else None,
    )
