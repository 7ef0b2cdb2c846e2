"""Pages that make a plan: which shards, where to."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_http_methods

from checkpoints.forms.targets import TargetForm, zones
from checkpoints.models import ConsumerGroup, Plan
from checkpoints.queries import plans as queries
from checkpoints.services import resets
from checkpoints.views.pages import SeeOther
from checkpoints.views.requests import actor


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("checkpoints.reset_checkpoint", raise_exception=True)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose shards and a target; a POST makes the plan."""
    now = timezone.now()
    group = get_object_or_404(queries.find_group(pk))
    posted = request.method == "POST"
    form = TargetForm(request.POST if posted else None, now=now, initial=_initial(request))
    refusal = None
    if posted and form.is_valid():
        try:
            return SeeOther("plan", _make(request, group, form).pk)
        except resets.Refused as error:
            refusal = error
    ticked = request.POST.getlist("shard") if posted else request.GET.getlist("shard")
    context = {
        "group": group,
        "form": form,
        "refusal": refusal,
        "shards": queries.choices(group, ticked, now=now),
        "zones": zones(),
    }
    return render(request, "resets/start.html", context, status=422 if posted else 200)


def _initial(request: HttpRequest) -> dict[str, str]:
    typed = request.GET.get("text", "")
    return {"zone": timezone.get_current_timezone_name(), "text": typed, "to": "text" if typed else ""}


def _make(request: HttpRequest, group: ConsumerGroup, form: TargetForm) -> Plan:
    assert form.target is not None  # noqa: S101 - the form is valid
    return resets.plan(
        group,
        target=form.target,
        shards=form.cleaned_data["shards"],
        maker=request.user,  # type: ignore[arg-type]
        now=form.now,
        actor=actor(request),
        typed=form.typed,
    )
