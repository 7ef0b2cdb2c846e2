"""What a reset can start from: snapshots, other groups, the checkpoints of the last reading; only selects."""

from __future__ import annotations

from checkpoints.domain import positions
from checkpoints.models import ConsumerGroup, Reading, Snapshot

NEWEST = 20


def snapshots(group: ConsumerGroup) -> list[Snapshot]:
    """Return the newest snapshots of a group."""
    return list(group.snapshots.order_by("-taken_at").defer("shards")[:NEWEST])


def other_groups(group: ConsumerGroup) -> list[str]:
    """Return the names of the other groups of the same Logstore."""
    others = ConsumerGroup.objects.filter(logstore_id=group.logstore_id, vanished_at=None).exclude(
        pk=group.pk
    )
    return list(others.order_by("name").values_list("name", flat=True))


def cursors(group: ConsumerGroup) -> list[tuple[int, str]]:
    """Return shard and checkpoint of the last reading; shards without a readable one are left out."""
    latest = Reading.objects.filter(group=group).order_by("-taken_at").first()
    facts = latest.facts() if latest else []
    return [(fact.shard, fact.checkpoint) for fact in facts if fact.checkpoint and _readable(fact.checkpoint)]


def _readable(checkpoint: str) -> bool:
    try:
        positions.decode(checkpoint)
    except positions.Undecodable:
        return False
    return True
