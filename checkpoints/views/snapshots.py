"""Pages of snapshots: of one group, of one snapshot, and what the page of a group shows of them."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from checkpoints.forms.snapshots import ScheduleForm, SnapshotForm
from checkpoints.models import ConsumerGroup
from checkpoints.queries import groups
from checkpoints.queries import snapshots as queries
from checkpoints.services import snapshots
from checkpoints.services.refusals import Refused
from checkpoints.views.pages import SeeOther
from checkpoints.views.requests import actor, posted

RESET = "checkpoints.reset_checkpoint"
PER_PAGE = 100
may_see = permission_required("checkpoints.view_group", raise_exception=True)


def panel(group: ConsumerGroup) -> dict[str, Any]:
    """Return what templates/groups/_snapshots.html needs; nothing is read before it is shown."""
    return {"snapshots": queries.listing(group)[: queries.NEWEST], "take_form": SnapshotForm()}


@require_http_methods(["GET", "HEAD", "POST"])
@may_see
def listing(request: HttpRequest, pk: int) -> HttpResponse:
    """List the snapshots of a group; a POST takes one and shows it."""
    group = get_object_or_404(groups.find(), pk=pk)
    form = SnapshotForm(posted(request))
    if request.method != "POST":
        return _listing_page(request, group, take_form=form)
    if not request.user.has_perm(RESET):
        raise PermissionDenied
    if not form.is_valid():
        return _listing_page(request, group, take_form=form)
    name = form.cleaned_data["name"]
    try:
        taken = snapshots.take(group, name=name, actor=actor(request), now=timezone.now())
    except Refused as refusal:
        return _listing_page(request, group, take_form=form, refusal=refusal)
    return SeeOther("snapshot", taken.pk)


@require_POST
@may_see
@permission_required(RESET, raise_exception=True)
def schedule(request: HttpRequest, pk: int) -> HttpResponse:
    """Take snapshots of a group every so many hours, or no longer."""
    group = get_object_or_404(groups.find(), pk=pk)
    form = ScheduleForm(request.POST)
    if not form.is_valid():
        return _listing_page(request, group, schedule_form=form)
    snapshots.schedule(group, form.cleaned_data["hours"], actor=actor(request), now=timezone.now())
    return SeeOther("group-snapshots", group.pk)


@require_safe
@may_see
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what a snapshot keeps."""
    snapshot = get_object_or_404(queries.find(), pk=pk)
    context = {"snapshot": snapshot, "group": snapshot.group, "saved": queries.saved(snapshot)}
    return render(request, "snapshots/detail.html", context)


@require_safe
@may_see
def as_csv(_request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the cursors of a snapshot as a file for `reset plan --to file:`."""
    snapshot = get_object_or_404(queries.find(), pk=pk)
    named = {"Content-Disposition": f'attachment; filename="snapshot-{snapshot.pk}.csv"'}
    return HttpResponse(queries.as_csv(snapshot), content_type="text/csv; charset=utf-8", headers=named)


def _listing_page(
    request: HttpRequest,
    group: ConsumerGroup,
    *,
    take_form: SnapshotForm | None = None,
    schedule_form: ScheduleForm | None = None,
    refusal: Refused | None = None,
) -> HttpResponse:
    context = {
        "group": group,
        "page": Paginator(queries.listing(group), PER_PAGE).get_page(request.GET.get("page")),
        "take_form": take_form or SnapshotForm(),
        "schedule_form": schedule_form or ScheduleForm(initial={"hours": group.snapshot_hours}),
        "refusal": refusal,
    }
    status = 422 if request.method == "POST" else 200
    return render(request, "snapshots/listing.html", context, status=status)
