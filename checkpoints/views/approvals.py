"""The second person: what waits for an answer, asking for one, and giving it."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST, require_safe

from checkpoints.forms.approvals import DecideForm
from checkpoints.forms.resets import ConfirmForm
from checkpoints.models import Approval, Plan
from checkpoints.queries import approvals as queries
from checkpoints.services import approvals, resets
from checkpoints.views.pages import SeeOther
from checkpoints.views.requests import actor
from checkpoints.views.resets import freshly_signed_in, plan_page


@require_safe
def listing(request: HttpRequest) -> HttpResponse:
    """List what waits for the reader's answer, and what the reader asked for."""
    user: Any = request.user
    if not (user.has_perm(approvals.MAY_ASK) or user.has_perm(queries.MAY_APPROVE)):
        raise PermissionDenied
    context = {"waiting": approvals.open_for(user, now=timezone.now()), "own": queries.own(user)}
    return render(request, "approvals/listing.html", context)


@require_POST
@permission_required(approvals.MAY_ASK, raise_exception=True)
@freshly_signed_in
def ask(request: HttpRequest, plan: Plan) -> HttpResponse:
    """Ask a second person to approve a plan."""
    form = ConfirmForm(request.POST, group_name=plan.group.name)
    if not form.is_valid():
        return plan_page(request, plan, form, status=422)
    try:
        approvals.ask(
            plan,
            user=request.user,  # type: ignore[arg-type]
            actor=actor(request),
            reason=form.cleaned_data["reason"],
            ticket=form.cleaned_data["ticket"],
            override_active=form.cleaned_data["override"],
            now=timezone.now(),
        )
    except resets.Refused as refusal:
        return _refused(request, plan, form, refusal)
    messages.success(request, _("The approval was asked for."))
    return SeeOther("plan", plan.pk)


@require_POST
@permission_required(queries.MAY_APPROVE, raise_exception=True)
@freshly_signed_in
def decide(request: HttpRequest, plan: Plan) -> HttpResponse:
    """Approve or deny the plan of somebody else."""
    approval = get_object_or_404(Approval, plan=plan)
    form = DecideForm(request.POST)
    confirm = ConfirmForm(None, group_name=plan.group.name)
    if not form.is_valid():
        for problems in form.errors.values():
            messages.error(request, " ".join(map(str, problems)))
        return plan_page(request, plan, confirm, status=422)
    try:
        _answer(request, approval, form)
    except resets.Refused as refusal:
        return _refused(request, plan, confirm, refusal)
    messages.success(request, _("Your answer was stored."))
    return SeeOther("plan", plan.pk)


def _answer(request: HttpRequest, approval: Approval, form: DecideForm) -> None:
    answer = approvals.approve if form.cleaned_data["decision"] == "approve" else approvals.deny
    answer(
        approval,
        user=request.user,  # type: ignore[arg-type]
        actor=actor(request),
        words=form.cleaned_data["words"],
        now=timezone.now(),
    )


def _refused(request: HttpRequest, plan: Plan, form: ConfirmForm, refusal: resets.Refused) -> HttpResponse:
    if isinstance(refusal, resets.PlanUsed):
        return SeeOther("reset", refusal.reset.pk)
    return plan_page(request, plan, form, refusal=refusal, status=409)
