"""Log lines around the places of a shard, and what a plan would cost: both read from the service."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from checkpoints.models import ConsumerGroup, Plan
from checkpoints.queries import plans as planned
from checkpoints.services import costing, peeking, resets
from checkpoints.views.pages import render_page, wants_fragment
from checkpoints.views.requests import actor
from checkpoints.views.resets import visible_plan

HIGHEST_SHARD = 2**31 - 1
STATUS = {"upstream": 502, "not_recorded": 503}


@require_POST
@permission_required("checkpoints.peek_logs", raise_exception=True)
def peek(request: HttpRequest, pk: int, shard: int) -> HttpResponse:
    """Show log lines around the checkpoint of a shard and the target of a plan; a POST, as it is recorded."""
    if shard > HIGHEST_SHARD:
        raise Http404
    group = get_object_or_404(planned.find_group(pk))
    plan = _plan(request, request.POST.get("plan", ""), group)
    user: Any = request.user
    context: dict[str, Any] = {"group": group, "shard": shard, "plan": plan}
    try:
        context["peek"] = peeking.peek(
            group, shard, user=user, actor=actor(request), now=timezone.now(), plan=plan
        )
    except resets.Refused as refusal:
        context["refusal"] = refusal
    return _answer(request, "resets/peek.html", "resets/_peek_lines.html", context)


def _plan(request: HttpRequest, text: str, group: ConsumerGroup) -> Plan | None:
    """Return the plan named, to whoever may see it; raises Http404 or PermissionDenied."""
    try:
        found = visible_plan(request, UUID(text)) if text else None
    except ValueError:
        raise Http404 from None
    if found is not None and found.group_id != group.pk:
        raise Http404
    return found


@require_safe
def costs(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Show what a plan would cost to whoever may see the plan."""
    plan = visible_plan(request, pk)
    context: dict[str, Any] = {"plan": plan, "group": plan.group}
    try:
        context["costs"] = costing.estimate(plan, now=timezone.now())
    except resets.Refused as refusal:
        context["refusal"] = refusal
    return _answer(request, "resets/costs.html", "resets/_costs.html", context)


def _answer(request: HttpRequest, page: str, fragment: str, context: dict[str, Any]) -> HttpResponse:
    """Render page or fragment; htmx shows a refusal only when the request as such succeeded."""
    refusal = context.setdefault("refusal", None)
    status = 200 if refusal is None or wants_fragment(request) else STATUS.get(refusal.code, 409)
    return render_page(request, page, fragment, context, status=status)
