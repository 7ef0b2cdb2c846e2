"""Snapshots as pages and commands show them; only selects."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet

from checkpoints.domain import cursor_files, positions
from checkpoints.models import ConsumerGroup, Snapshot

NEWEST = 5


def find() -> QuerySet[Snapshot]:
    """Return snapshots with all they belong to; those of a removed endpoint are not shown."""
    found = Snapshot.objects.select_related("group__logstore__project__endpoint")
    return found.filter(group__logstore__project__endpoint__removed_at=None)


def listing(group: ConsumerGroup) -> QuerySet[Snapshot]:
    """Return the snapshots of a group, newest first."""
    return group.snapshots.order_by("-taken_at", "pk")


def saved(snapshot: Snapshot) -> list[dict[str, Any]]:
    """Return the shards that one can go back to: those with a readable checkpoint."""
    return [line for line in snapshot.shards if line["position"] is not None]


def as_csv(snapshot: Snapshot) -> str:
    """Return the columns shard and cursor as the target file: reads them."""
    kept = ((line["shard"], positions.encode(int(line["position"]))) for line in saved(snapshot))
    return cursor_files.write(kept)


def summary(snapshot: Snapshot) -> dict[str, Any]:
    """Return one snapshot without its checkpoints, for a list."""
    return {
        "id": str(snapshot.pk),
        "name": snapshot.name,
        "taken_at": snapshot.taken_at,
        "taken_by": snapshot.taken_by,
        "scheduled": snapshot.scheduled,
        "shards": len(snapshot.shards),
    }


def whole(snapshot: Snapshot) -> dict[str, Any]:
    """Return a snapshot with its place and every checkpoint; positions are text, unknown is null."""
    return place(snapshot.group) | summary(snapshot) | {"shards": snapshot.shards}


def place(group: ConsumerGroup) -> dict[str, str]:
    """Return the names a group is found by."""
    return {
        "endpoint": group.endpoint.name,
        "project": group.project.name,
        "logstore": group.logstore.name,
        "group": group.name,
    }
