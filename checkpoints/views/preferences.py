"""What a person prefers: the time zone in which times are shown."""

from django.contrib import messages
from django.contrib.auth.decorators import login_not_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils.translation import gettext as _
from django.views.decorators.http import require_POST

from checkpoints.views.requests import next_page, zone_named

YEAR_SECONDS = 365 * 24 * 3600


@require_POST
@login_not_required
def zone(request: HttpRequest) -> HttpResponse:
    """Remember the chosen time zone in a cookie; an unknown one changes nothing."""
    response = redirect(next_page(request))
    name = request.POST.get("zone", "").strip()
    if zone_named(name) is None:
        messages.error(request, _("There is no time zone “%(name)s”.") % {"name": name[:64]})
        return response
    response.set_cookie("zone", name, max_age=YEAR_SECONDS, secure=True, httponly=True, samesite="Lax")
    return response
