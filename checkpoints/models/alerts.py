"""Alerts: rules by pattern, where each stands towards a group, channels, and the outbox of notices."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _

from checkpoints.models.catalog import ConsumerGroup
from checkpoints.models.endpoints import Endpoint


class Channel(models.Model):
    """Where notices go; the address of a webhook is as good as a password, so it is sealed like one."""

    class Kind(models.TextChoices):
        WEBHOOK = "webhook", _("Webhook (JSON)")
        DINGTALK = "dingtalk", _("DingTalk robot")
        FEISHU = "feishu", _("Feishu or Lark bot")
        SLACK = "slack", _("Slack webhook")
        EMAIL = "email", _("E-mail")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("Name"), max_length=80, unique=True)
    kind = models.CharField(_("Kind"), max_length=16, choices=Kind)
    # What may be shown: https://host of a webhook, or the e-mail addresses.
    place = models.CharField(max_length=1000)
    sealed_url = models.BinaryField(default=b"")
    sealed_secret = models.BinaryField(default=b"")
    enabled = models.BooleanField(_("Enabled"), default=True)

    class Meta:
        default_permissions = ()
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class AlertRule(models.Model):
    """What to look for, in which groups, and whom to tell.

    `pattern` as in GroupRule; `limit` is seconds, or log groups of a backlog (domain.conditions).
    """

    class Condition(models.TextChoices):
        LAG = "lag", _("Lag is more than")
        UNREAD = "unread", _("Oldest unread is older than")
        BACKLOG = "backlog", _("Backlog is more than")
        DATA_LOSS = "data_loss", _("Unread data expires within")
        STALLED = "stalled", _("Stalled or stopped")
        NO_READING = "no_reading", _("No reading for more than")
        OVERWRITTEN = "overwritten", _("A reset was overwritten within the last")
        FOREIGN_MOVE = "foreign_move", _("Somebody else moved a checkpoint")

    class Severity(models.TextChoices):
        INFO = "info", _("Info")
        WARNING = "warning", _("Warning")
        CRITICAL = "critical", _("Critical")

    name = models.CharField(_("Name"), max_length=80, unique=True)
    endpoint = models.ForeignKey(
        Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="alert_rules"
    )
    pattern = models.CharField(_("Pattern"), max_length=255)
    condition = models.CharField(_("Condition"), max_length=16, choices=Condition)
    limit = models.FloatField(_("Limit"), null=True)
    samples = models.PositiveSmallIntegerField(_("Samples in a row"), default=3)
    severity = models.CharField(_("Severity"), max_length=16, choices=Severity, default=Severity.WARNING)
    enabled = models.BooleanField(_("Enabled"), default=True)
    channels = models.ManyToManyField(Channel, related_name="rules", blank=True)
    problem = models.JSONField(null=True)  # a message: why it cannot be looked at
    problem_at = models.DateTimeField(null=True)  # since when

    class Meta:
        default_permissions = ()
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Alert(models.Model):
    """Where a rule stands towards a group (domain.alerting); there is a row once the condition held."""

    class State(models.TextChoices):
        PENDING = "pending", _("Pending")
        FIRING = "firing", _("Firing")
        ACKNOWLEDGED = "acknowledged", _("Acknowledged")
        SILENCED = "silenced", _("Silenced")
        RESOLVED = "resolved", _("Resolved")

    rule = models.ForeignKey(AlertRule, on_delete=models.CASCADE, related_name="alerts")
    group = models.ForeignKey(ConsumerGroup, on_delete=models.CASCADE, related_name="alerts")
    state = models.CharField(max_length=16, choices=State, default=State.RESOLVED)
    streak = models.PositiveSmallIntegerField(default=0)
    sampled_at = models.DateTimeField(null=True)
    since = models.DateTimeField(null=True)
    told_at = models.DateTimeField(null=True)
    resolved_at = models.DateTimeField(null=True)
    words = models.JSONField(default=dict)  # a message: what was last found
    acknowledged_by = models.CharField(max_length=150, blank=True)
    acknowledged_at = models.DateTimeField(null=True)
    silenced_by = models.CharField(max_length=150, blank=True)
    silenced_until = models.DateTimeField(null=True)
    silence_reason = models.CharField(max_length=500, blank=True)
    events = models.PositiveIntegerField(default=0)  # how often something was to be told

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["rule", "group"], name="one_alert_per_rule_and_group")]
        indexes = [models.Index(fields=["state", "-since"], name="alerts_by_state")]

    def __str__(self) -> str:
        return f"{self.rule_id} of {self.group_id}"


class Notice(models.Model):
    """One event for one channel: stored together with the event, sent later, by one worker.

    What a rule finds of many groups at once is told to people together: `lead` is then the notice that tells
    of this one as well. Both always are in the same state.
    """

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting")
        SENT = "sent", _("Sent")
        GIVEN_UP = "given_up", _("Given up")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    alert = models.ForeignKey(Alert, null=True, on_delete=models.SET_NULL, related_name="notices")
    number = models.PositiveIntegerField()  # of the event among those of the alert
    channel = models.ForeignKey(Channel, on_delete=models.CASCADE, related_name="notices")
    lead = models.ForeignKey("self", null=True, on_delete=models.CASCADE, related_name="along")
    body = models.JSONField()
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    made_at = models.DateTimeField()
    due_at = models.DateTimeField()  # also the lease of whoever sends it just now
    attempts = models.PositiveIntegerField(default=0)
    sent_at = models.DateTimeField(null=True)
    problem = models.JSONField(null=True)  # a message: why the last attempt failed

    class Meta:
        default_permissions = ()
        constraints = [
            models.UniqueConstraint(fields=["alert", "number", "channel"], name="one_notice_per_event")
        ]
        indexes = [
            models.Index(fields=["state", "due_at"], name="notices_due"),
            models.Index(fields=["-made_at"], name="notices_newest"),
        ]

    def __str__(self) -> str:
        return f"{self.alert_id} event {self.number} to {self.channel_id}"
