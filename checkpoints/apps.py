"""The one Django app."""

from django.apps import AppConfig
from django.db.models.signals import post_migrate


class CheckpointsConfig(AppConfig):
    """Consumer-group checkpoints of SLS: reading, resetting, auditing."""

    name = "checkpoints"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Put the audit triggers back after every migrate: a rebuilt table loses them without a word."""
        from checkpoints.services import triggers

        post_migrate.connect(triggers.install, sender=self, dispatch_uid="audit-triggers")
