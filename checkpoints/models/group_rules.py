"""Rules for consumer groups by pattern: how they are protected, and which belong to the service itself."""

from django.db import models
from django.utils.translation import gettext_lazy as _

from checkpoints.models.endpoints import Endpoint


class GroupRule(models.Model):
    """What holds for every group whose name matches; the strictest of all that match counts.

    `pattern` is a glob over "project/logstore/group", or over the group's name alone when it has no slash.
    """

    endpoint = models.ForeignKey(
        Endpoint, null=True, blank=True, on_delete=models.CASCADE, related_name="group_rules"
    )
    pattern = models.CharField(_("Pattern"), max_length=255)
    protection = models.CharField(
        _("Protection"), max_length=16, choices=Endpoint.Protection, default=Endpoint.Protection.NONE
    )
    service_owned = models.BooleanField(_("Owned by the service"), default=False)
    note = models.CharField(_("Note"), max_length=255, blank=True)

    class Meta:
        default_permissions = ()
        ordering = ["pattern", "id"]

    def __str__(self) -> str:
        return self.pattern
