"""The overview of all groups: the page, its export, and what each user keeps of it."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.contrib.auth.models import User
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_POST, require_safe

from checkpoints.queries import groups, overview
from checkpoints.queries.asking import Asked, ask
from checkpoints.services import overview_export, personal, staleness
from checkpoints.services.refusals import Refused
from checkpoints.templatetags import wording
from checkpoints.views.pages import render_page, wants_fragment
from checkpoints.views.requests import actor, next_page
from checkpoints.views.turns import by_turns

TYPES = {"csv": "text/csv; charset=utf-8", "json": "application/json"}
may_see = permission_required("checkpoints.view_group", raise_exception=True)


@require_safe
@may_see
@by_turns
def page(request: HttpRequest) -> HttpResponse:
    """Show the last readings at once; the table asks for itself again.

    While no worker marks old readings, a refresh does, and the next one counts them as what they are.
    """
    now = timezone.now()
    view = overview.view(_asked(request.GET), now=now, user=request.user)
    if view.is_late and wants_fragment(request):
        staleness.mark(now)
    return render_page(request, "overview/page.html", "overview/_fresh.html", {"view": view, "now": now})


@require_safe
@may_see
def export(request: HttpRequest, form: str) -> HttpResponse:
    """Send all groups that the filters in the address leave."""
    now = timezone.now()
    text = overview_export.export(_asked(request.GET), form, actor=actor(request), now=now)
    named = {"Content-Disposition": f'attachment; filename="groups-{now:%Y%m%dT%H%M%SZ}.{form}"'}
    return HttpResponse(text, content_type=TYPES[form], headers=named)


@require_POST
@may_see
def pin(request: HttpRequest) -> HttpResponse:
    """Pin the group named by `pin`, or unpin the one named by `unpin`."""
    wanted = "unpin" if "unpin" in request.POST else "pin"
    number = request.POST.get(wanted, "")
    known = number.isascii() and number.isdigit() and len(number) < 19
    group = get_object_or_404(groups.find(), pk=int(number) if known else 0)
    try:
        (personal.unpin if wanted == "unpin" else personal.pin)(group, user=_user(request))
    except Refused as refusal:
        messages.error(request, wording.sentence(refusal.message))
    return see_other(next_page(request))


@require_POST
@may_see
def save_view(request: HttpRequest) -> HttpResponse:
    """Keep the view the form was sent from under a name."""
    asked = _asked(QueryDict(request.POST.get("query", "")[:4000]))
    try:
        personal.save_view(request.POST.get("name", ""), asked.query, user=_user(request))
    except Refused as refusal:
        messages.error(request, wording.sentence(refusal.message))
    return see_other(reverse("overview") + asked.address())


@require_POST
@may_see
def remove_view(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a saved view."""
    personal.remove_view(pk, user=_user(request))
    return see_other(next_page(request))


def see_other(url: str) -> HttpResponse:
    """Go on to an address of ours after a POST."""
    return HttpResponse(status=303, headers={"Location": url})


def _asked(values: QueryDict) -> Asked:
    """Read the address; the boxes of a form send one `cols` each."""
    one_each = {name: str(values[name]) for name in values}
    return ask(one_each | {"cols": ",".join(values.getlist("cols"))})


def _user(request: HttpRequest) -> User:
    """Return who is signed in: nobody else comes past the check of permissions."""
    assert isinstance(request.user, User)  # noqa: S101 - as said above
    return request.user
