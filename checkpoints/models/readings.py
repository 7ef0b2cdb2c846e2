"""Readings: what was seen of one group and its shards at one instant."""

import logging

from django.db import models

from checkpoints.domain.lag import ShardFacts
from checkpoints.models.catalog import ConsumerGroup
from checkpoints.models.facts import load

log = logging.getLogger(__name__)


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
        """Return the facts of each shard as they were seen, none of a reading that cannot be understood.

        After a step back to an older release there are readings with facts it does not know. One of them may
        not keep the others of its Logstore from being read.
        """
        try:
            return load(self.shards)
        except (TypeError, ValueError, KeyError, AttributeError) as error:
            log.warning("reading %s of group %s is left out: %r", self.pk, self.group_id, error)
            return []

    def __str__(self) -> str:
        return f"{self.group_id} at {self.taken_at:%Y-%m-%d %H:%M:%S}"
