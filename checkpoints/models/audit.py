"""The audit log: append-only rows of plain text that outlive what they name."""

import uuid

from django.db import models


class AuditRow(models.Model):
    """One thing somebody did or tried; refused by triggers to change or delete, chained by MAC.

    No foreign keys: names are copied as text. Only services.audit writes here.
    """

    seq = models.BigIntegerField(primary_key=True)
    id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    at = models.DateTimeField()
    actor_id = models.CharField(max_length=64, blank=True)
    actor_name = models.CharField(max_length=150, blank=True)
    roles = models.CharField(max_length=255, blank=True)
    source_ip = models.CharField(max_length=64, blank=True)
    action = models.CharField(max_length=64)  # noun.verb
    outcome = models.CharField(max_length=32, blank=True)
    endpoint = models.CharField(max_length=80, blank=True)
    project = models.CharField(max_length=63, blank=True)
    logstore = models.CharField(max_length=80, blank=True)
    consumer_group = models.CharField(max_length=128, blank=True)
    shard = models.IntegerField(null=True)
    object_id = models.CharField(max_length=64, blank=True)  # of the reset, plan or endpoint
    before = models.JSONField(null=True)
    after = models.JSONField(null=True)
    reason = models.CharField(max_length=500, blank=True)
    ticket = models.CharField(max_length=100, blank=True)
    plan_hash = models.CharField(max_length=64, blank=True)
    request_id = models.CharField(max_length=64, blank=True)
    details = models.JSONField(null=True)
    previous_mac = models.CharField(max_length=64)
    mac = models.CharField(max_length=64)

    class Meta:
        default_permissions = ()
        permissions = [("view_audit", "Read, verify and export the audit log")]
        ordering = ["-seq"]
        indexes = [
            models.Index(fields=["action", "outcome", "object_id"], name="audit_by_action"),
            models.Index(fields=["actor_name"], name="audit_by_actor"),
            models.Index(fields=["consumer_group", "logstore", "project", "-seq"], name="audit_of_group"),
            models.Index(fields=["object_id"], name="audit_by_object"),
        ]

    def __str__(self) -> str:
        return f"{self.seq} {self.action}"
