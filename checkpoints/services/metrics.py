"""Numbers for Prometheus (docs/metrics.md). What is not known is absent, never 0.

All come from the database, so that every process answers the same, also for those without an address of
their own, and a restart forgets nothing.
"""

from __future__ import annotations

from uuid import UUID

from prometheus_client import CollectorRegistry, generate_latest

from checkpoints.models import Endpoint
from checkpoints.services import calls
from checkpoints.services.metrics_calls import Called
from checkpoints.services.metrics_stored import Stored

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

registry = CollectorRegistry()
registry.register(Stored())
registry.register(Called())


def observe(operation: str, code: str, seconds: float) -> None:
    """Count one call to SLS: code is OK or the service's error code, seconds how long it took."""
    calls.count(operation, code, seconds)


def cycle(endpoint: UUID, seconds: float) -> None:
    """Remember how long the last collection of an endpoint took."""
    Endpoint.objects.filter(pk=endpoint).update(cycle_seconds=seconds)


def text() -> bytes:
    """Return everything in Prometheus's text format."""
    return generate_latest(registry)
