"""Endpoints: stored connections with sealed credentials, and the regions one can choose from."""

import uuid

from django.db import models
from django.utils.translation import gettext_lazy as _


class Region(models.Model):
    """A region of the service; rows are seeded from data and can be edited by an administrator."""

    id = models.CharField(_("Region ID"), primary_key=True, max_length=64)
    name_en = models.CharField(_("English name"), max_length=128)
    name_zh = models.CharField(_("Chinese name"), max_length=128)
    public_host = models.CharField(_("Public host"), max_length=255)
    intranet_host = models.CharField(_("Intranet host"), max_length=255, blank=True)
    internal_host = models.CharField(_("VPC host"), max_length=255, blank=True)
    vpc_cidr = models.CharField(_("VPC address range"), max_length=64, blank=True)
    status = models.CharField(_("Status"), max_length=16)
    note = models.CharField(_("Note"), max_length=255, blank=True)

    class Meta:
        ordering = ["id"]
        default_permissions = ()

    def __str__(self) -> str:
        return self.id


class Endpoint(models.Model):
    """A host, a region, sealed credentials and a protection: how to reach one account in one region."""

    class Signature(models.TextChoices):
        V1 = "v1", _("v1 (HMAC-SHA1)")
        V4 = "v4", _("v4 (HMAC-SHA256)")

    class Scheme(models.TextChoices):
        HTTPS = "https", "https"
        HTTP = "http", "http"

    class Protection(models.TextChoices):
        NONE = "none", _("None")
        REASON = "reason", _("Reason required")
        TWO_PERSON = "two-person", _("Second person approves")
        READ_ONLY = "read-only", _("Read-only")

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(_("Name"), max_length=80)
    scheme = models.CharField(_("Scheme"), max_length=5, choices=Scheme, default=Scheme.HTTPS)
    host = models.CharField(_("Host"), max_length=255)
    region = models.CharField(_("Region"), max_length=64, blank=True)
    signature = models.CharField(_("Signature"), max_length=2, choices=Signature, default=Signature.V4)
    access_key_id = models.CharField(_("AccessKey ID"), max_length=128)
    sealed_secret = models.BinaryField(_("AccessKey secret"), default=b"")
    sealed_token = models.BinaryField(_("STS token"), default=b"")
    secret_set_at = models.DateTimeField(null=True)
    typed_projects = models.JSONField(_("Projects"), default=list, blank=True)
    protection = models.CharField(
        _("Protection"), max_length=16, choices=Protection, default=Protection.REASON
    )
    # Null: as the settings COLLECT_INTERVAL and SLS_RATE say.
    interval_seconds = models.PositiveIntegerField(_("Seconds between readings"), null=True)
    calls_per_second = models.PositiveIntegerField(_("Calls per second"), null=True)
    enabled = models.BooleanField(_("Enabled"), default=True)
    # Grows with each change of where or as whom we connect; a plan of an older version is refused.
    config_version = models.PositiveIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    # Health, written by the collector: a problem is {"code", "message", "advice", "request_id", "operation"}.
    problem = models.JSONField(null=True)
    problem_at = models.DateTimeField(null=True)
    last_success_at = models.DateTimeField(null=True)
    cycle_seconds = models.FloatField(null=True)  # how long the last worker took to read all that was due
    discovered_at = models.DateTimeField(null=True)
    next_discovery_at = models.DateTimeField(null=True)  # also the lease of whoever discovers just now
    next_read_at = models.DateTimeField(null=True)  # when the collector looks for due Logstores again
    # The breaker (domain.breaker), shared by all workers: while retry_at is set nothing is read before it.
    failures = models.PositiveIntegerField(default=0)
    opened_at = models.DateTimeField(null=True)
    retry_at = models.DateTimeField(null=True)
    # A removed endpoint keeps its row, without credentials, so that links to its resets stay true.
    removed_at = models.DateTimeField(null=True)

    class Meta:
        ordering = ["name"]
        default_permissions = ()
        permissions = [
            ("view_endpoint", "See endpoints"),
            ("manage_endpoints", "Add, edit, test, disable and remove endpoints"),
        ]
        constraints = [
            models.UniqueConstraint(
                fields=["name"], condition=models.Q(removed_at=None), name="one_endpoint_per_name"
            )
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def identity(self) -> str:
        """Where the credentials go: a secret sealed for one identity does not open for another."""
        return f"{self.scheme}://{self.host}"


class HourlyCalls(models.Model):
    """How many calls an endpoint's credentials made in one hour, all processes together."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="hourly_calls")
    hour = models.DateTimeField()  # its beginning
    calls = models.PositiveBigIntegerField(default=0)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["endpoint", "hour"], name="one_count_per_hour")]
        indexes = [models.Index(fields=["hour"], name="calls_by_hour")]

    def __str__(self) -> str:
        return f"{self.calls} calls of {self.endpoint_id} from {self.hour:%Y-%m-%d %H:%M}"


class CallTotal(models.Model):
    """All calls of one operation with one answer, all processes together; never pruned, so it only grows."""

    operation = models.CharField(max_length=64)
    code = models.CharField(max_length=64)
    calls = models.PositiveBigIntegerField(default=0)
    seconds = models.FloatField(default=0)
    within = models.JSONField(default=list)  # how many took at most as long as each of services.calls.BUCKETS

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["operation", "code"], name="one_total_per_answer")]

    def __str__(self) -> str:
        return f"{self.calls} x {self.operation} {self.code}"
