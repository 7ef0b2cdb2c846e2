"""Snapshots: the checkpoints of a group as they once were, to go back to."""

import uuid

from django.db import models

from checkpoints.models.catalog import ConsumerGroup


class Snapshot(models.Model):
    """All checkpoints of one group at one instant, with their times; never changed afterwards.

    Each shard is {"shard", "cursor", "position", "read_at", "unread_at"}: positions as decimal text,
    times of the log groups before and at the checkpoint as ISO 8601 UTC, null for what is not known.
    """

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey(ConsumerGroup, on_delete=models.CASCADE, related_name="snapshots")
    name = models.CharField(max_length=100)
    taken_at = models.DateTimeField()
    taken_by = models.CharField(max_length=150, blank=True)
    scheduled = models.BooleanField(default=False)
    shards = models.JSONField()

    class Meta:
        default_permissions = ()
        ordering = ["-taken_at"]
        indexes = [models.Index(fields=["group", "-taken_at"], name="latest_snapshot")]

    def __str__(self) -> str:
        return f"{self.group_id} {self.name}"
