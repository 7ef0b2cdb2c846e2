"""What discovery found: projects, Logstores and consumer groups, the last with the summary pages sort by."""

from datetime import timedelta

from django.db import models

from checkpoints.models.endpoints import Endpoint

DEFAULT_TIMEOUT = timedelta(seconds=60)
"""Of a group whose own is not known: the longest default of the client libraries."""
TROUBLED = models.Q(problem__isnull=False)


class Seen(models.Model):
    """Something upstream that may vanish; vanished rows are kept and marked."""

    seen_at = models.DateTimeField(null=True)
    vanished_at = models.DateTimeField(null=True)

    class Meta:
        abstract = True


class Project(Seen):
    """A project of an endpoint, listed by the service or typed by hand."""

    endpoint = models.ForeignKey(Endpoint, on_delete=models.CASCADE, related_name="projects")
    name = models.CharField(max_length=63)
    typed = models.BooleanField(default=False)  # by hand, because the keys may not list
    problem = models.JSONField(null=True)

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["endpoint", "name"], name="one_project_per_name")]
        indexes = [models.Index(fields=["endpoint"], condition=TROUBLED, name="troubled_projects")]
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class Logstore(Seen):
    """A Logstore with its retention, cached because it hardly ever changes."""

    project = models.ForeignKey(Project, on_delete=models.CASCADE, related_name="logstores")
    name = models.CharField(max_length=80)
    retention_days = models.PositiveIntegerField(null=True)
    retention_read_at = models.DateTimeField(null=True)
    begins_read_at = models.DateTimeField(null=True)
    problem = models.JSONField(null=True)
    read_at = models.DateTimeField(null=True)  # all of its groups, by the collector
    next_read_at = models.DateTimeField(null=True)  # null: at once; also the lease of whoever reads just now
    read_every = models.PositiveIntegerField(null=True)  # seconds planned at the last reading
    moved_at = models.DateTimeField(null=True)  # when an end or a checkpoint was last seen to move
    watched_at = models.DateTimeField(null=True)  # when somebody last had one of its groups on a page

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["project", "name"], name="one_logstore_per_name")]
        indexes = [
            models.Index(fields=["next_read_at"], name="logstores_due"),
            models.Index(fields=["project"], condition=TROUBLED, name="troubled_logstores"),
        ]
        ordering = ["name"]

    def __str__(self) -> str:
        return f"{self.project.name}/{self.name}"

    @property
    def retention(self) -> timedelta | None:
        """How long data is kept, None when that is not known."""
        return None if self.retention_days is None else timedelta(days=self.retention_days)


class ConsumerGroup(Seen):
    """A consumer group and the summary of its last reading; null is not known, never 0."""

    logstore = models.ForeignKey(Logstore, on_delete=models.CASCADE, related_name="groups")
    name = models.CharField(max_length=128)
    in_order = models.BooleanField(default=False)
    timeout_seconds = models.PositiveIntegerField(null=True)
    snapshot_hours = models.PositiveSmallIntegerField(null=True)  # a snapshot every so often, if wanted
    next_snapshot_at = models.DateTimeField(null=True)

    read_at = models.DateTimeField(null=True)
    claimed_until = models.DateTimeField(null=True)  # the lease of whoever reads it just now
    verdict = models.CharField(max_length=16, default="unknown")
    severity = models.PositiveSmallIntegerField(default=6)  # domain.verdicts.severity: 0 is the worst
    reasons = models.JSONField(default=list)  # [{"text": msgid, "values": {...}}]
    words = models.JSONField(default=list)  # every verdict that is true of some shard, the group's own too
    verdict_complete = models.BooleanField(default=False)
    is_partial = models.BooleanField(default=False)  # a shard was not read: the figures are only bounds
    rhythm = models.JSONField(default=dict)  # by shard, visits as domain.rhythm.dump returns them
    backlog = models.BigIntegerField(null=True)
    lag_seconds = models.FloatField(null=True)
    lag_is_lower_bound = models.BooleanField(default=False)
    oldest_unread_at = models.DateTimeField(null=True)
    data_loss_at = models.DateTimeField(null=True)
    lost = models.BigIntegerField(null=True)
    shard_count = models.PositiveIntegerField(null=True)
    consumer_count = models.PositiveIntegerField(null=True)
    last_commit_at = models.DateTimeField(null=True)
    # Why the last attempt failed, if it did: {"code", "message", "advice", "request_id", "operation"}.
    problem = models.JSONField(null=True)
    problem_at = models.DateTimeField(null=True)

    class Meta:
        default_permissions = ()
        permissions = [
            ("view_group", "See consumer groups, shards and lag"),
            ("peek_logs", "See log lines"),
        ]
        constraints = [models.UniqueConstraint(fields=["logstore", "name"], name="one_group_per_name")]
        indexes = [
            models.Index(fields=["severity", "-lag_seconds", "id"], name="worst_first"),
            models.Index(fields=["verdict"], name="by_verdict"),
            # One for each order of the overview: it reads the first fifty and no more.
            models.Index(fields=["-lag_seconds", "id"], name="by_lag"),
            models.Index(fields=["oldest_unread_at", "id"], name="by_unread"),
            models.Index(fields=["-backlog", "id"], name="by_backlog"),
            models.Index(fields=["data_loss_at", "id"], name="by_loss"),
            models.Index(fields=["-last_commit_at", "id"], name="by_commit"),
            models.Index(fields=["name", "id"], name="by_name"),
        ]

    def __str__(self) -> str:
        return f"{self.logstore}/{self.name}"

    @property
    def timeout(self) -> timedelta:
        """How long the service waits for a silent consumer of the group."""
        return timedelta(seconds=self.timeout_seconds) if self.timeout_seconds else DEFAULT_TIMEOUT

    @property
    def project(self) -> Project:
        return self.logstore.project

    @property
    def endpoint(self) -> Endpoint:
        return self.logstore.project.endpoint
