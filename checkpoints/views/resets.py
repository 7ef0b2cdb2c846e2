"""Pages of resets: the plan and its confirmation, what came of it, and the list."""

from __future__ import annotations

from datetime import timedelta
from typing import Any
from urllib.parse import urlencode
from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_http_methods, require_safe

from checkpoints.forms.resets import ConfirmForm
from checkpoints.models import Plan
from checkpoints.queries import plans as planned
from checkpoints.queries import resets as queries
from checkpoints.services import resets
from checkpoints.views.pages import SeeOther, render_page
from checkpoints.views.requests import actor, is_fresh

LOOK_AGE = timedelta(seconds=2)


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("checkpoints.reset_checkpoint", raise_exception=True)
def plan(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show a plan to its maker; a POST applies it, once."""
    found = get_object_or_404(planned.plans(), pk=pk, maker=request.user)
    if not is_fresh(request):
        return redirect(f"{reverse('confirm-password')}?{urlencode({'next': request.path})}")
    form = ConfirmForm(request.POST or None, group_name=found.group.name)
    if request.method != "POST":
        return _plan_page(request, found, form)
    if not form.is_valid():
        return _plan_page(request, found, form, status=422)
    try:
        return SeeOther("reset", _apply(request, found, form.cleaned_data))
    except resets.PlanUsed as used:
        return SeeOther("reset", used.reset.pk)
    except resets.Moved as moved:
        context = {"moved": moved, "plan": found, "group": found.group}
        return render(request, "resets/moved.html", context, status=409)
    except resets.NotRecorded as refusal:
        return _plan_page(request, found, form, refusal=refusal, status=503)
    except resets.Refused as refusal:
        return _plan_page(request, found, form, refusal=refusal, status=409)


def _apply(request: HttpRequest, found: Plan, answers: dict[str, Any]) -> UUID:
    reset = resets.apply(
        found,
        user=request.user,  # type: ignore[arg-type]
        actor=actor(request),
        reason=answers["reason"],
        ticket=answers["ticket"],
        override_active=answers["override"],
        now=timezone.now(),
    )
    return reset.pk


def _plan_page(
    request: HttpRequest,
    found: Plan,
    form: ConfirmForm,
    *,
    refusal: resets.Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    view = planned.plan_view(found, now=timezone.now())
    active = view.active or isinstance(refusal, resets.ConsumersActive)
    context = {"view": view, "group": found.group, "form": form, "refusal": refusal, "active": active}
    return render(request, "resets/plan.html", context, status=status)


@require_safe
@permission_required("checkpoints.view_reset", raise_exception=True)
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what came of a reset; fragment and "look" ask the service, every 2 s at most."""
    reset = get_object_or_404(queries.find_resets(), pk=pk)
    if request.headers.get("HX-Request") or "look" in request.GET:
        resets.look(reset, now=timezone.now(), max_age=LOOK_AGE)
        reset = get_object_or_404(queries.find_resets(), pk=pk)
    context = {"view": queries.reset_view(reset), "group": reset.group, "reset": reset}
    return render_page(request, "resets/detail.html", "resets/_outcome.html", context)


@require_safe
@permission_required("checkpoints.view_reset", raise_exception=True)
def listing(request: HttpRequest) -> HttpResponse:
    """List the newest resets, of one group when the address names it."""
    asked = request.GET.get("group", "")
    group = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 18 else None
    return render(request, "resets/listing.html", {"resets": queries.listing(group)})
