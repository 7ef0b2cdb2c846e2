"""Numbers for Prometheus. What is not known is absent, never 0."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

from checkpoints.services.metrics_stored import Stored

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 20)

registry = CollectorRegistry()
requests_total = Counter(
    "sls_api_requests", "Calls to SLS by operation and answer.", ["operation", "code"], registry=registry
)
request_seconds = Histogram(
    "sls_api_request_seconds",
    "How long calls to SLS took.",
    ["operation"],
    buckets=BUCKETS,
    registry=registry,
)
cycle_seconds = Gauge(
    "sls_collector_cycle_seconds",
    "How long it last took to read all that was due at an endpoint.",
    ["endpoint"],
    registry=registry,
)
registry.register(Stored())


def observe(operation: str, code: str, seconds: float) -> None:
    """Count one call to SLS: code is OK or the service's error code, seconds how long it took."""
    requests_total.labels(operation, code).inc()
    request_seconds.labels(operation).observe(seconds)


def cycle(endpoint: str, seconds: float) -> None:
    """Remember how long the last collection of the endpoint took."""
    cycle_seconds.labels(endpoint).set(seconds)


def text() -> bytes:
    """Return everything in Prometheus's text format."""
    return generate_latest(registry)
