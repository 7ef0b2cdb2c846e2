"""What one user sees first: pinned groups and saved views. Nobody else sees it, so it is not audited."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db import transaction

from checkpoints.domain.messages import say
from checkpoints.models import ConsumerGroup, Pin, SavedView
from checkpoints.services.refusals import Refused

MOST_PINS = 30
MOST_VIEWS = 30
LONGEST_NAME = 60
LONGEST_QUERY = 1000


class TooMany(Refused):
    """There is no room for another pin or view."""

    code = "too_many"


class BadView(Refused):
    """A name or an address that makes no saved view."""

    code = "bad_view"


def pin(group: ConsumerGroup, *, user: User) -> None:
    """Let a group stand first for a user. Raises TooMany."""
    with transaction.atomic():
        others = Pin.objects.filter(user=user).exclude(group=group)
        if others.count() >= MOST_PINS:
            raise TooMany(say("At most %(most)d groups can be pinned. Unpin one first.", most=MOST_PINS))
        Pin.objects.get_or_create(user=user, group=group)


def unpin(group: ConsumerGroup, *, user: User) -> None:
    """Let a group stand where it belongs."""
    Pin.objects.filter(user=user, group=group).delete()


def save_view(name: str, query: str, *, user: User) -> SavedView:
    """Keep a query of the overview under a name, over an older one of that name. Raises BadView, TooMany."""
    wanted = " ".join(name.split())
    if not wanted or len(wanted) > LONGEST_NAME or not wanted.isprintable():
        raise BadView(say("A name is one line of 1 to %(most)d characters.", most=LONGEST_NAME))
    if len(query) > LONGEST_QUERY:
        raise BadView(say("This view is too long to be saved."))
    with transaction.atomic():
        if SavedView.objects.filter(user=user).exclude(name=wanted).count() >= MOST_VIEWS:
            raise TooMany(say("At most %(most)d views can be saved. Remove one first.", most=MOST_VIEWS))
        saved, _ = SavedView.objects.update_or_create(user=user, name=wanted, defaults={"query": query})
    return saved


def remove_view(pk: int, *, user: User) -> None:
    """Forget a view of this user."""
    SavedView.objects.filter(user=user, pk=pk).delete()
