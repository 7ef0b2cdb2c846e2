"""Alerts: list, one with what can be done about it; rules and channels are in alert_settings."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import wraps

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from checkpoints.forms.alerts import SilenceForm
from checkpoints.models import Alert
from checkpoints.queries import alerts as queries
from checkpoints.queries.alert_asking import ask
from checkpoints.services import alerts
from checkpoints.services.refusals import Refused
from checkpoints.views.pages import SeeOther, render_page
from checkpoints.views.requests import actor

ACTING = ("checkpoints.reset_checkpoint", "checkpoints.manage_endpoints")
may_see = permission_required("checkpoints.view_group", raise_exception=True)


def _may_act(view: Callable[[HttpRequest, int], HttpResponse]) -> Callable[[HttpRequest, int], HttpResponse]:
    """Let through who may reset checkpoints or manage endpoints."""

    @wraps(view)
    def checked(request: HttpRequest, pk: int) -> HttpResponse:
        if not any(request.user.has_perm(one) for one in ACTING):
            raise PermissionDenied
        return view(request, pk)

    return checked


@require_safe
@may_see
def listing(request: HttpRequest) -> HttpResponse:
    """List what the address asks for, without a state all that is not resolved; it asks for itself again."""
    now = timezone.now()
    view = queries.view(ask(request.GET.dict()), now=now)
    return render_page(request, "alerts/listing.html", "alerts/_fresh.html", {"view": view, "now": now})


@require_safe
@may_see
def alert(request: HttpRequest, pk: int) -> HttpResponse:
    """Show an alert with its notices and what can be done about it."""
    return _page(request, get_object_or_404(queries.find(), pk=pk))


@require_POST
@may_see
@_may_act
def acknowledge(request: HttpRequest, pk: int) -> HttpResponse:
    """Say that somebody is at it."""
    found = get_object_or_404(queries.find(), pk=pk)
    try:
        alerts.acknowledge(found, actor=actor(request), now=timezone.now())
    except Refused as refusal:
        return _page(request, found, refusal=refusal)
    messages.success(request, _("The alert was acknowledged."))
    return SeeOther("alert", pk)


@require_POST
@may_see
@_may_act
def silence(request: HttpRequest, pk: int) -> HttpResponse:
    """Tell nothing of an alert for a while."""
    found = get_object_or_404(queries.find(), pk=pk)
    form = SilenceForm(request.POST)
    if not form.is_valid():
        return _page(request, found, form=form)
    reason, span = form.cleaned_data["reason"], timedelta(seconds=form.cleaned_data["seconds"])
    try:
        alerts.silence(found, reason=reason, span=span, actor=actor(request), now=timezone.now())
    except Refused as refusal:
        return _page(request, found, form=form, refusal=refusal)
    messages.success(request, _("The alert was silenced."))
    return SeeOther("alert", pk)


@require_POST
@may_see
@_may_act
def unsilence(request: HttpRequest, pk: int) -> HttpResponse:
    """Let an alert be told of again."""
    found = get_object_or_404(queries.find(), pk=pk)
    alerts.unsilence(found, actor=actor(request), now=timezone.now())
    messages.success(request, _("The alert is no longer silenced."))
    return SeeOther("alert", pk)


def _page(
    request: HttpRequest, found: Alert, *, form: SilenceForm | None = None, refusal: Refused | None = None
) -> HttpResponse:
    context = {
        "alert": found,
        "now": timezone.now(),
        "notices": queries.notices_of(found),
        "form": form or SilenceForm(),
        "refusal": refusal,
        "may_act": any(request.user.has_perm(one) for one in ACTING),
        "is_silent": found.silenced_until is not None and found.silenced_until > timezone.now(),
    }
    return render(request, "alerts/alert.html", context, status=422 if request.method == "POST" else 200)
