"""The history of groups: packed chunks, and how far each group is packed (docs/decisions.md)."""

from __future__ import annotations

from django.db import models

from checkpoints.models.catalog import ConsumerGroup


class HistoryChunk(models.Model):
    """The history of one group over the span of its level: a quarter of an hour, a day or a week.

    `totals` are those of the group (domain.history.pack_totals), `shards` are its shards (pack_samples), in a
    column of their own because most pages need only the totals. `marks` are [at, kind, shards, who] each.
    """

    class Level(models.IntegerChoices):
        """Numbers of domain.history.Level."""

        RAW = 0
        FIVE = 1
        HOURLY = 2

    group = models.ForeignKey(
        ConsumerGroup, on_delete=models.CASCADE, related_name="chunks", db_index=False
    )  # the constraint below serves as the index
    level = models.PositiveSmallIntegerField(choices=Level)
    starts_at = models.DateTimeField()
    samples = models.PositiveIntegerField()
    marks = models.JSONField(default=list)
    totals = models.BinaryField()
    shards = models.BinaryField()

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["group", "level", "starts_at"], name="one_chunk")]
        indexes = [models.Index(fields=["level", "starts_at"], name="oldest_chunks")]

    def __str__(self) -> str:
        return f"{self.group_id} level {self.level} from {self.starts_at:%Y-%m-%d %H:%M}"


class GroupHistory(models.Model):
    """How far a group is packed at each level, and its last six hours for the overview.

    Before `hourly_until` there are hourly chunks, before `five_until` those of five minutes, before
    `raw_until` raw ones; the rest are readings. `recent` is written by domain.sparks.
    """

    group = models.OneToOneField(
        ConsumerGroup, on_delete=models.CASCADE, primary_key=True, related_name="history"
    )
    begins_at = models.DateTimeField()
    raw_until = models.DateTimeField()
    five_until = models.DateTimeField()
    hourly_until = models.DateTimeField()
    recent = models.BinaryField(default=bytes)
    recent_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        indexes = [
            models.Index(fields=["raw_until"], name="raw_due"),
            models.Index(fields=["five_until"], name="five_due"),
            models.Index(fields=["hourly_until"], name="hourly_due"),
        ]

    def __str__(self) -> str:
        return f"{self.group_id} until {self.raw_until:%Y-%m-%d %H:%M}"


class Lease(models.Model):
    """A piece of work that one process at a time does, until when it is taken."""

    name = models.CharField(max_length=40, primary_key=True)
    until = models.DateTimeField()

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return f"{self.name} until {self.until:%Y-%m-%d %H:%M:%S}"
