"""How people look at the groups: what they pinned, the views they saved, and the labels all share."""

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from checkpoints.models.catalog import ConsumerGroup


class Pin(models.Model):
    """A group that stands first for one user."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="pins", db_index=False
    )  # the constraint below serves as the index
    group = models.ForeignKey(ConsumerGroup, on_delete=models.CASCADE, related_name="pins")

    class Meta:
        default_permissions = ()
        constraints = [models.UniqueConstraint(fields=["user", "group"], name="one_pin_per_group")]

    def __str__(self) -> str:
        return f"{self.user_id}: {self.group_id}"


class SavedView(models.Model):
    """A name for what stands in the address of the overview, of one user."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="saved_views", db_index=False
    )  # the constraint below serves as the index
    name = models.CharField(_("Name"), max_length=60)
    query = models.CharField(max_length=1000, blank=True)  # without "?", as queries.asking writes it

    class Meta:
        default_permissions = ()
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["user", "name"], name="one_view_per_name")]

    def __str__(self) -> str:
        return self.name


class Label(models.Model):
    """A short word on a group that everybody sees."""

    group = models.ForeignKey(
        ConsumerGroup, on_delete=models.CASCADE, related_name="labels", db_index=False
    )  # the constraint below serves as the index
    name = models.CharField(_("Label"), max_length=40)

    class Meta:
        default_permissions = ()
        ordering = ["name"]
        constraints = [models.UniqueConstraint(fields=["group", "name"], name="one_label_per_name")]
        indexes = [models.Index(fields=["name"], name="groups_by_label")]

    def __str__(self) -> str:
        return self.name
