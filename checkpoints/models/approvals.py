"""What stands between a plan and its reset: a second person, or consumers that have to stop first."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from checkpoints.models.catalog import ConsumerGroup
from checkpoints.models.resets import Plan


class Approval(models.Model):
    """The request that a second person approves exactly this plan, and the answer."""

    class State(models.TextChoices):
        ASKED = "asked", _("Waiting for approval")
        APPROVED = "approved", _("Approved")
        DENIED = "denied", _("Denied")

    plan = models.OneToOneField(Plan, on_delete=models.CASCADE, related_name="approval")
    plan_hash = models.CharField(max_length=64)  # what was asked for; another plan is not approved by it
    asked_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    asked_at = models.DateTimeField()
    expires_at = models.DateTimeField()
    reason = models.CharField(max_length=500)
    ticket = models.CharField(max_length=100, blank=True)
    override_active = models.BooleanField(default=False)
    state = models.CharField(max_length=16, choices=State, default=State.ASKED)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_by_name = models.CharField(max_length=150, blank=True)
    decided_at = models.DateTimeField(null=True)
    words = models.CharField(max_length=500, blank=True)  # why it was denied, or what the approver adds

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["state", "expires_at"], name="open_approvals")]

    def __str__(self) -> str:
        return f"{self.plan_id} {self.state}"


class Wait(models.Model):
    """A confirmed plan that is applied by itself once nobody consumes, or never after its deadline."""

    class State(models.TextChoices):
        WAITING = "waiting", _("Waiting until quiet")
        APPLYING = "applying", _("Being applied")
        APPLIED = "applied", _("Applied")
        EXPIRED = "expired", _("Deadline passed")
        CANCELLED = "cancelled", _("Cancelled")
        REFUSED = "refused", _("Refused")

    plan = models.OneToOneField(Plan, on_delete=models.CASCADE, related_name="wait")
    group = models.ForeignKey(ConsumerGroup, on_delete=models.CASCADE, related_name="waits")
    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="+")
    source_ip = models.CharField(max_length=64, blank=True)
    reason = models.CharField(max_length=500)
    ticket = models.CharField(max_length=100, blank=True)
    stop_at_unknown = models.BooleanField(default=True)
    asked_at = models.DateTimeField()
    deadline = models.DateTimeField()
    state = models.CharField(max_length=16, choices=State, default=State.WAITING)
    looked_at = models.DateTimeField(null=True)
    quiet_since = models.DateTimeField(null=True)
    evidence = models.JSONField(null=True)  # {"verdict", "reasons", "consumers"} of the last look
    words = models.JSONField(null=True)  # why it ended, a stored message
    cancel_asked_by = models.CharField(max_length=150, blank=True)  # while it was being applied
    # The plan made of the same cursors once it was quiet; set before that plan is applied.
    applied_plan = models.OneToOneField(Plan, null=True, on_delete=models.SET_NULL, related_name="waited_for")

    class Meta:
        default_permissions = ()
        indexes = [models.Index(fields=["state"], name="open_waits")]
        constraints = [
            models.UniqueConstraint(
                fields=["group"],
                condition=models.Q(state__in=["waiting", "applying"]),
                name="one_open_wait_per_group",
            )
        ]

    def __str__(self) -> str:
        return f"{self.plan_id} {self.state}"
