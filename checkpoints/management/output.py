"""What the commands share: finding what was named, and refusing with a sentence."""

from __future__ import annotations

import json
from datetime import datetime
from typing import Any

from django.core.management.base import CommandError

from checkpoints.models import ConsumerGroup, Endpoint, Logstore


def find_endpoint(name: str) -> Endpoint:
    """Return the endpoint of this name; CommandError when there is none."""
    found = Endpoint.objects.filter(name=clean(name, "--endpoint"), removed_at=None).first()
    if found is None:
        names = (
            ", ".join(Endpoint.objects.filter(removed_at=None).values_list("name", flat=True)) or "none yet"
        )
        raise CommandError(f"There is no endpoint {name!r}. There is: {names}.")
    return found


def find_logstore(endpoint: Endpoint, project: str, logstore: str) -> Logstore:
    """Return a Logstore that discovery found; CommandError names what is missing."""
    project, logstore = clean(project, "--project"), clean(logstore, "--logstore")
    found = (
        Logstore.objects.filter(project__endpoint=endpoint, project__name=project, name=logstore)
        .select_related("project__endpoint")
        .first()
    )
    if found is None:
        raise CommandError(
            f"There is no Logstore {logstore!r} in project {project!r} of endpoint {endpoint.name!r}."
        )
    return found


def find_group(logstore: Logstore, name: str) -> ConsumerGroup:
    """Return a consumer group of the Logstore; CommandError when there is none."""
    found = (
        logstore.groups.filter(name=clean(name, "--group"))
        .select_related("logstore__project__endpoint")
        .first()
    )
    if found is None:
        raise CommandError(f"There is no consumer group {name!r} in Logstore {logstore.name!r}.")
    return found


def clean(text: str, option: str) -> str:
    """Return the text when it can be a name; CommandError for empty, far too long or control characters."""
    if not text.strip():
        raise CommandError(f"{option} is empty.")
    if len(text) > 255:
        raise CommandError(f"{option} is longer than 255 characters.")
    if not text.isprintable():
        raise CommandError(f"{option} contains control characters.")
    return text


def as_json(value: Any) -> str:
    """Return JSON for standard output."""
    return json.dumps(value, ensure_ascii=False, indent=2, default=_plain)


def _plain(value: object) -> str:
    if isinstance(value, datetime):
        return instant(value)
    raise TypeError(f"{type(value).__name__} has no JSON form")


def instant(at: datetime) -> str:
    """Return a time as ISO 8601 in UTC, with microseconds only when there are any."""
    return at.isoformat().replace("+00:00", "Z")
