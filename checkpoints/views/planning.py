"""Pages that make a plan: which shards, where to."""

from __future__ import annotations

import re
from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.utils.http import content_disposition_header
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_http_methods, require_safe

from checkpoints.domain import cursor_files, moments
from checkpoints.forms.targets import TargetForm, zones
from checkpoints.models import ConsumerGroup, Plan
from checkpoints.queries import plans as queries
from checkpoints.queries import starting
from checkpoints.services import resets
from checkpoints.views.pages import SeeOther
from checkpoints.views.requests import actor

PICKS = [
    ("15m ago", _("15 min ago")),
    ("1h ago", _("1 h ago")),
    ("3h ago", _("3 h ago")),
    ("24h ago", _("24 h ago")),
]


@require_http_methods(["GET", "HEAD", "POST"])
@permission_required("checkpoints.reset_checkpoint", raise_exception=True)
def start(request: HttpRequest, pk: int) -> HttpResponse:
    """Choose shards and a target; a POST makes the plan."""
    group = get_object_or_404(queries.find_group(pk))
    posted, refusal = request.method == "POST", None
    sent = (request.POST, request.FILES) if posted else ()
    form = _form(group, *sent, initial=_initial(request))
    if posted and form.is_valid():
        try:
            return SeeOther("plan", _make(request, group, form).pk)
        except resets.Refused as error:
            refusal = error
    context = {
        "group": group,
        "form": form,
        "refusal": refusal,
        "zones": zones(),
        "echo": (form if posted else _form(group, form.initial)).echo(),
        **_ticked(group, form, (request.POST if posted else request.GET).getlist("shard")),
    }
    return render(request, "resets/start.html", context, status=422 if posted else 200)


@require_safe
@permission_required("checkpoints.reset_checkpoint", raise_exception=True)
def echo(request: HttpRequest, pk: int) -> HttpResponse:
    """Say in words where a target leads that is just being typed."""
    group = get_object_or_404(queries.find_group(pk))
    return render(request, "resets/_echo.html", {"echo": _form(group, request.GET).echo()})


@require_safe
@permission_required("checkpoints.view_group", raise_exception=True)
def checkpoints_csv(_request: HttpRequest, pk: int) -> HttpResponse:
    """Send the checkpoints of the last reading as the CSV that a plan can be made from."""
    group = get_object_or_404(queries.find_group(pk))
    name = re.sub(r"[^0-9A-Za-z_-]", "_", f"{group.logstore.name}-{group.name}") + ".csv"
    response = HttpResponse(
        cursor_files.write(starting.cursors(group)), content_type="text/csv; charset=utf-8"
    )
    response["Content-Disposition"] = content_disposition_header(as_attachment=True, filename=name)
    return response


def _form(group: ConsumerGroup, *sent: Any, **more: Any) -> TargetForm:
    kept = [(str(one.pk), f"{one.name} · {moments.utc(one.taken_at)}") for one in starting.snapshots(group)]
    others = starting.other_groups(group)
    return TargetForm(*sent, now=timezone.now(), snapshots=kept, groups=others, **more)


def _initial(request: HttpRequest) -> dict[str, str]:
    typed = request.GET.get("text", "")
    return {"zone": timezone.get_current_timezone_name(), "text": typed, "to": "text" if typed else ""}


def _address(text: str, ticked: list[str]) -> str:
    """Return the address of this page with a target typed and the same shards ticked."""
    return "?" + urlencode([("text", text), *(("shard", shard) for shard in ticked)])


def _ticked(group: ConsumerGroup, form: TargetForm, ticked: list[str]) -> dict[str, Any]:
    """Return the shards to choose from, and the quick picks, which keep the choice."""
    own = form.own
    return {
        "shards": queries.choices(group, ticked, own=own.texts, errors=own.errors, now=form.now),
        "picks": [(text, label, _address(text, ticked)) for text, label in PICKS],
    }


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
        each=form.each,
    )
