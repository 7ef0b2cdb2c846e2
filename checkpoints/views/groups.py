"""The page of one group, and its labels."""

from __future__ import annotations

from datetime import datetime
from functools import cache

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from checkpoints.models import ConsumerGroup
from checkpoints.queries import groups as queries
from checkpoints.queries import pace
from checkpoints.queries.timeline import timeline
from checkpoints.services import collector, intervals, leases
from checkpoints.services import labels as service
from checkpoints.services.refusals import Refused
from checkpoints.templatetags import wording
from checkpoints.views import snapshots
from checkpoints.views.pages import SeeOther, render_page
from checkpoints.views.requests import actor
from checkpoints.views.turns import by_turns

LABELLERS = ("checkpoints.reset_checkpoint", "checkpoints.manage_endpoints")


@require_safe
@permission_required("checkpoints.view_group", raise_exception=True)
def group(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the last reading at once; `fresh=1` reads anew when it is older than ten seconds."""
    now = timezone.now()
    found = get_object_or_404(_find(), pk=pk)
    if request.GET.get("fresh"):
        collector.refresh(found, now=now)
    return _page(request, found, now)


@by_turns
def _page(request: HttpRequest, found: ConsumerGroup, now: datetime) -> HttpResponse:
    if request.GET.get("fresh") and not queries.is_as_stored(found):
        found = get_object_or_404(_find(), pk=found.pk)
    only_late = request.GET.get("only") == "late"
    view = queries.view(found, now=now, only_late=only_late, is_stale=_is_stale(found, now))
    context = {
        "view": view,
        "is_young": view.as_of is not None and now - view.as_of <= leases.YOUNG,
        "group": found,
        "now": now,
        "only_late": only_late,
        "fresh_url": "?fresh=1&only=late" if only_late else "?fresh=1",
        "kept": queries.kept(found, request.user),
        "may_label": _may_label(request),
        **_past(request, found),
        **_news(view, now),
        **snapshots.panel(found),
    }
    return render_page(request, "groups/page.html", "groups/_group.html", context)


@require_POST
@permission_required("checkpoints.view_group", raise_exception=True)
def labels(request: HttpRequest, pk: int) -> HttpResponse:
    """Give a group the labels typed, and no others."""
    found = get_object_or_404(queries.find(), pk=pk)
    if not _may_label(request):
        raise PermissionDenied
    try:
        service.replace(found, request.POST.get("labels", ""), actor=actor(request), now=timezone.now())
    except Refused as refusal:
        messages.error(request, wording.sentence(refusal.message))
    return SeeOther("group", found.pk)


def _news(view: queries.GroupView, now: datetime) -> dict[str, object]:
    """Return in how long the group has caught up, and why it was not read lately."""
    return {"caught_up": pace.caught_up(view.group, now=now), "trouble": queries.trouble(view)}


def _find() -> QuerySet[ConsumerGroup]:
    return queries.find().select_related("history")


def _is_stale(found: ConsumerGroup, now: datetime) -> bool:
    return found.read_at is not None and intervals.is_stale(found, now)


def _may_label(request: HttpRequest) -> bool:
    return any(request.user.has_perm(name) for name in LABELLERS)


def _past(request: HttpRequest, group: ConsumerGroup) -> dict[str, object]:
    """Return what reads the timeline this user may see; nothing is read before it is shown, and then once."""
    may_audit = request.user.has_perm("checkpoints.view_audit")
    read = cache(lambda: timeline(group, audited=may_audit))
    return {"changes": lambda: read().changes, "timeline": lambda: read().entries}
