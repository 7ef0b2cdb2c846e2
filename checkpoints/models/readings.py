"""Readings: what was seen of one group and its shards at one instant."""

from django.db import models

from checkpoints.domain.lag import ShardFacts
from checkpoints.models.catalog import ConsumerGroup
from checkpoints.models.facts import load


class Reading(models.Model):
    """One reading of one group; `shards` holds the facts as seen, lag is derived when it is shown.

    Each shard is the JSON form of domain.lag.ShardFacts (models/facts.py reads and writes it):
    positions as decimal text, times as ISO 8601 UTC, null for what is not known.
    """

    group = models.ForeignKey(ConsumerGroup, on_delete=models.CASCADE, related_name="readings")
    taken_at = models.DateTimeField()
    shards = models.JSONField()

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["group", "-taken_at"], name="latest_reading")]

    def facts(self) -> list[ShardFacts]:
        """Return the facts of each shard as they were seen."""
        return load(self.shards)

    def __str__(self) -> str:
        return f"{self.group_id} at {self.taken_at:%Y-%m-%d %H:%M:%S}"
