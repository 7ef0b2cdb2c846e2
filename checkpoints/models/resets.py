"""Plans and resets: what was to be written, what was written, and what came of it."""

import uuid

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from checkpoints.models.catalog import ConsumerGroup


class Plan(models.Model):
    """A frozen, signed, expiring list of per-shard moves; apply sends exactly these cursors, once."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    group = models.ForeignKey(ConsumerGroup, on_delete=models.CASCADE, related_name="plans")
    maker = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    made_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    used_at = models.DateTimeField(null=True)
    # The contract's JSON of `reset plan` without id, hash and expires_at; hash covers its canonical form.
    body = models.JSONField()
    hash = models.CharField(max_length=64)
    signature = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()

    def __str__(self) -> str:
        return str(self.id)


class Reset(models.Model):
    """A plan applied by somebody for a reason, with one outcome per shard."""

    class Outcome(models.TextChoices):
        SENDING = "sending", _("Sending")
        CONFIRMED = "confirmed", _("Confirmed")
        PARTIAL = "partial", _("Partial")
        REFUSED = "refused", _("Refused")
        UNKNOWN = "unknown", _("Unknown")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    plan = models.OneToOneField(Plan, on_delete=models.RESTRICT, related_name="reset")
    group = models.ForeignKey(ConsumerGroup, on_delete=models.CASCADE, related_name="resets")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(max_length=150)
    reason = models.CharField(max_length=500)
    ticket = models.CharField(max_length=100, blank=True)
    overrode_active = models.BooleanField(default=False)
    broke_glass = models.BooleanField(default=False)  # without the second person that was asked for
    approved_by = models.CharField(max_length=150, blank=True)
    # Whether the first write without an answer stops the rest; otherwise only many failures in a row do.
    stop_at_unknown = models.BooleanField(default=True)
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.SENDING)
    started_at = models.DateTimeField()
    finished_at = models.DateTimeField(null=True)
    watch_until = models.DateTimeField(null=True)
    looked_at = models.DateTimeField(null=True)
    watch_ended_by = models.CharField(max_length=150, blank=True)

    class Meta:
        default_permissions = ()
        permissions = [
            ("view_reset", "See resets and their outcomes"),
            ("reset_checkpoint", "Reset checkpoints"),
            ("override_active", "Reset while consumers are active"),
            ("approve_reset", "Approve resets of others"),
        ]
        ordering = ["-started_at"]
        constraints = [
            models.UniqueConstraint(
                fields=["group"], condition=models.Q(outcome="sending"), name="one_open_reset_per_group"
            )
        ]

    def __str__(self) -> str:
        return str(self.id)


class ShardReset(models.Model):
    """The move of one shard within a reset: before, target, outcome, read-back and watch."""

    class Outcome(models.TextChoices):
        PLANNED = "planned", _("Planned")
        SENDING = "sending", _("Sending")
        CONFIRMED = "confirmed", _("Confirmed")
        UNCHANGED = "unchanged", _("Unchanged")
        REFUSED = "refused", _("Refused")
        UNKNOWN = "unknown", _("Unknown")
        NOT_ATTEMPTED = "not_attempted", _("Not attempted")

    class Watch(models.TextChoices):
        NONE = "", _("Not watched")
        WATCHING = "watching", _("Watching")
        HELD = "held", _("Held")
        TAKEN_UP = "taken_up", _("Taken up")
        OVERWRITTEN = "overwritten", _("Overwritten")
        UNKNOWN = "unknown", _("Unknown")

    reset = models.ForeignKey(Reset, on_delete=models.CASCADE, related_name="shards")
    shard = models.PositiveIntegerField()
    before = models.JSONField()  # {"cursor", "position", "time"}
    after = models.JSONField()  # the same, as planned
    read_back = models.JSONField(null=True)  # the same, as read after the write
    outcome = models.CharField(max_length=16, choices=Outcome, default=Outcome.PLANNED)
    request_id = models.CharField(max_length=64, blank=True)
    error = models.JSONField(null=True)
    sent_at = models.DateTimeField(null=True)
    settled_at = models.DateTimeField(null=True)
    watch = models.CharField(max_length=16, choices=Watch, default=Watch.NONE, blank=True)
    watch_reasons = models.JSONField(default=list)
    last_seen = models.JSONField(null=True)  # {"cursor", "position", "consumer", "updated_at"}
    # When log groups were first seen to arrive after the write: until then an idle consumer saves nothing.
    flowed_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        ordering = ["shard"]
        constraints = [models.UniqueConstraint(fields=["reset", "shard"], name="one_outcome_per_shard")]
        indexes = [models.Index(fields=["watch", "reset"], name="shard_resets_by_watch")]

    def __str__(self) -> str:
        return f"{self.reset_id} shard {self.shard}"
