"""Pages of resets: the plan and its confirmation, what came of it, and the list."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import wraps
from typing import Any
from urllib.parse import urlencode
from uuid import UUID
from zoneinfo import ZoneInfo

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from checkpoints.forms.resets import ConfirmForm
from checkpoints.models import Plan, Wait
from checkpoints.queries import plans as planned
from checkpoints.queries import resets as queries
from checkpoints.queries.activity import activity_view, wait_view
from checkpoints.services import approvals, background, evidence, group_rules, plans, resets, waiting
from checkpoints.views import receipts
from checkpoints.views.pages import SeeOther, render_page
from checkpoints.views.requests import actor, is_fresh

LOOK_AGE = timedelta(seconds=2)
View = Callable[..., HttpResponse]


def visible_plan(request: HttpRequest, pk: UUID) -> Plan:
    """Return a plan to its maker, or to an approver who was asked; raises PermissionDenied or Http404."""
    user: Any = request.user
    may_make, may_approve = (
        user.has_perm(f"checkpoints.{name}") for name in ("reset_checkpoint", "approve_reset")
    )
    if not may_make and not may_approve:
        raise PermissionDenied
    found: Plan = get_object_or_404(planned.plans(), pk=pk)
    if may_approve and hasattr(found, "approval"):
        return found
    if not may_make:
        raise PermissionDenied
    if found.maker_id != user.pk:
        raise Http404
    return found


def freshly_signed_in(view: View) -> View:
    """Ask for the password again before a page of a plan when the last sign-in is too long ago."""

    @wraps(view)
    def wrapped(request: HttpRequest, pk: UUID) -> HttpResponse:
        found = visible_plan(request, pk)
        if is_fresh(request):
            return view(request, found)
        return redirect(f"{reverse('confirm-password')}?{urlencode({'next': reverse('plan', args=[pk])})}")

    return wrapped


@require_http_methods(["GET", "HEAD", "POST"])
@freshly_signed_in
def plan(request: HttpRequest, found: Plan) -> HttpResponse:
    """Show a plan; a POST of its maker applies it, once."""
    form = ConfirmForm(request.POST or None, group_name=found.group.name)
    if request.method != "POST":
        return plan_page(request, found, form)
    if not form.is_valid():
        return plan_page(request, found, form, status=422)
    return _answered(request, found, form, lambda: SeeOther("reset", _apply(request, found, form)))


def _apply(request: HttpRequest, found: Plan, form: ConfirmForm) -> UUID:
    return resets.apply(
        found,
        user=request.user,  # type: ignore[arg-type]
        actor=actor(request),
        override_active=form.cleaned_data["override"],
        break_glass=form.cleaned_data["break_glass"],
        now=timezone.now(),
        run=background.run,
        **form.words,
    ).pk


def _answered(
    request: HttpRequest, found: Plan, form: ConfirmForm, work: Callable[[], HttpResponse]
) -> HttpResponse:
    """Do the work, and show a refusal where it belongs."""
    try:
        return work()
    except resets.PlanUsed as used:
        return SeeOther("reset", used.reset.pk)
    except resets.Moved as moved:
        context = {"moved": moved, "plan": found, "group": found.group}
        return render(request, "resets/moved.html", context, status=409)
    except resets.NotRecorded as refusal:
        return plan_page(request, found, form, refusal=refusal, status=503)
    except resets.Refused as refusal:
        return plan_page(request, found, form, refusal=refusal, status=409)


def plan_page(
    request: HttpRequest,
    found: Plan,
    form: ConfirmForm,
    *,
    refusal: resets.Refused | None = None,
    status: int = 200,
) -> HttpResponse:
    """Render the page of a plan."""
    context = _plan_context(found, request.user, timezone.now())
    context["active"] = context["view"].active or isinstance(refusal, resets.ConsumersActive)
    return render(request, "resets/plan.html", context | {"form": form, "refusal": refusal}, status=status)


def _plan_context(found: Plan, user: Any, now: datetime) -> dict[str, Any]:
    """Return what the page of a plan tells of it to a user."""
    wait = Wait.objects.filter(plan=found).first()
    zone = ZoneInfo(timezone.get_current_timezone_name())
    return {
        "view": planned.plan_view(found, now=now, zone=zone),
        "plan": found,
        "group": found.group,
        "seen": activity_view(found.body["activity"]),
        "wait": None if wait is None else wait_view(wait),
        "rules": group_rules.rules_of(found.group),
        "approval": getattr(found, "approval", None),
        "may_break_glass": approvals.may_break_glass(user),
        "mine": found.maker_id == user.pk,
    }


@require_POST
@freshly_signed_in
def again(request: HttpRequest, found: Plan) -> HttpResponse:
    """Make the same plan from how things are now."""
    if found.maker_id != request.user.pk:
        raise PermissionDenied
    form = ConfirmForm(group_name=found.group.name)

    def made() -> HttpResponse:
        new = plans.again(found, user=request.user, now=timezone.now(), actor=actor(request))  # type: ignore[arg-type]
        return SeeOther("plan", new.pk)

    return _answered(request, found, form, made)


@require_safe
@freshly_signed_in
def activity(request: HttpRequest, found: Plan) -> HttpResponse:
    """Tell who is consuming just now, for the page of a plan that refreshes this part."""
    now = timezone.now()
    seen = activity_view(evidence.just_now(found, now=now))
    context = {"view": planned.plan_view(found, now=now), "group": found.group, "plan": found, "seen": seen}
    return render(request, "resets/_activity.html", context)


@require_http_methods(["GET", "HEAD", "POST"])
@freshly_signed_in
def wait(request: HttpRequest, found: Plan) -> HttpResponse:
    """Have a plan applied once nobody consumes; a GET only tells how far that is."""
    if request.method == "POST":
        form = ConfirmForm(request.POST, group_name=found.group.name)
        if not form.is_valid():
            return plan_page(request, found, form, status=422)
        return _answered(request, found, form, lambda: _ask_to_wait(request, found, form))
    asked = get_object_or_404(Wait, plan=found)
    if not request.headers.get("HX-Request"):
        return SeeOther("plan", found.pk)
    context = {"wait": wait_view(asked), "group": found.group, "plan": found}
    answer = render(request, "resets/_wait.html", context)
    if asked.state not in waiting.OPEN:
        answer["HX-Refresh"] = "true"  # what else the page says of this plan has changed as well
    return answer


def _ask_to_wait(request: HttpRequest, found: Plan, form: ConfirmForm) -> HttpResponse:
    waiting.ask(
        found,
        user=request.user,  # type: ignore[arg-type]
        actor=actor(request),
        within=form.within,
        now=timezone.now(),
        **form.words,
    )
    return SeeOther("plan", found.pk)


@require_POST
@freshly_signed_in
def cancel_wait(request: HttpRequest, found: Plan) -> HttpResponse:
    """End a wait before it applied anything."""
    asked = get_object_or_404(Wait, plan=found)
    try:
        ended = waiting.cancel(asked, user=request.user, actor=actor(request), now=timezone.now())  # type: ignore[arg-type]
    except resets.NotAllowed:
        raise PermissionDenied from None
    if not ended:
        messages.warning(request, _("It is being applied just now, or has ended: see what this page says."))
    return SeeOther("plan", found.pk)


@require_safe
@permission_required("checkpoints.view_reset", raise_exception=True)
def detail(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what came of a reset; fragment and "look" ask the service, every 2 s at most."""
    reset = get_object_or_404(queries.find_resets(), pk=pk)
    if request.headers.get("HX-Request") or "look" in request.GET:
        resets.look(reset, now=timezone.now(), max_age=LOOK_AGE)
        reset = get_object_or_404(queries.find_resets(), pk=pk)
    context = {"view": queries.reset_view(reset), "group": reset.group, "reset": reset}
    context["receipt"] = receipts.panel(request, reset)
    return render_page(request, "resets/detail.html", "resets/_outcome.html", context)


@require_POST
@permission_required("checkpoints.reset_checkpoint", raise_exception=True)
def end_watch(request: HttpRequest, pk: UUID) -> HttpResponse:
    """End a watch by hand."""
    reset = get_object_or_404(queries.find_resets(), pk=pk)
    resets.end_watch(reset, actor=actor(request), now=timezone.now())
    return SeeOther("reset", pk)


@require_safe
@permission_required("checkpoints.view_reset", raise_exception=True)
def listing(request: HttpRequest) -> HttpResponse:
    """List the newest resets, of one group when the address names it."""
    asked = request.GET.get("group", "")
    group = int(asked) if asked.isascii() and asked.isdigit() and len(asked) < 18 else None
    return render(request, "resets/listing.html", {"resets": queries.listing(group)})
