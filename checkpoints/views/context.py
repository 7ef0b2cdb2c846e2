"""What every page shows around its content: navigation, who is signed in, zone, banners.

Whatever needs the database is a callable, so that a fragment that does not show it does not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any
from zoneinfo import available_timezones

from django.contrib.auth.models import AnonymousUser, User
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy as _

from checkpoints.models import Endpoint
from checkpoints.services import sealing

COMMON_ZONES = (
    "Asia/Shanghai", "UTC", "Asia/Singapore", "Asia/Tokyo", "Asia/Kolkata", "Asia/Dubai",
    "Europe/Berlin", "Europe/London", "America/New_York", "America/Los_Angeles",
)  # fmt: skip
_AREAS = (
    "Africa/",
    "America/",
    "Antarctica/",
    "Asia/",
    "Atlantic/",
    "Australia/",
    "Europe/",
    "Indian/",
    "Pacific/",
)


@dataclass(frozen=True)
class Place:
    """An entry of the main navigation; `belongs` are the names of the addresses below it."""

    name: str
    label: str | Promise
    permission: str
    belongs: tuple[str, ...]


PLACES = (
    Place("overview", _("Overview"), "checkpoints.view_group", ("overview", "group")),
    Place("resets", _("Resets"), "checkpoints.view_reset", ("resets", "reset", "plan", "group-reset")),
    Place("audit", _("Audit"), "checkpoints.view_audit", ("audit",)),
    Place("endpoints", _("Endpoints"), "checkpoints.view_endpoint", ("endpoints", "endpoint")),
)


@dataclass(frozen=True)
class Link:
    """One link of the navigation."""

    url: str
    label: str | Promise
    is_current: bool


def page(request: HttpRequest) -> dict[str, Any]:
    """Give templates `nav`, `roles`, `zone`, `zones`, `sealing_locked` and `http_endpoints`."""
    user: User | AnonymousUser = getattr(request, "user", AnonymousUser())
    return {
        "zone": timezone.get_current_timezone_name(),
        "zones": _zone_options,
        "roles": _once(lambda: _roles(user)),
        "nav": _once(lambda: _nav(request, user)),
        "sealing_locked": _once(lambda: user.is_authenticated and sealing.state() == "locked"),
        "http_endpoints": _once(lambda: _http_endpoints(user)),
    }


def _once(call: Callable[[], Any]) -> Callable[[], Any]:
    return cache(call)


def _nav(request: HttpRequest, user: User | AnonymousUser) -> list[Link]:
    match = request.resolver_match
    name = match.url_name if match and match.url_name else ""
    return [
        Link(reverse(place.name), place.label, _belongs(name, place))
        for place in PLACES
        if user.has_perm(place.permission)
    ]


def _belongs(name: str, place: Place) -> bool:
    return name in place.belongs or (place.name == "endpoints" and name.startswith("endpoint-"))


def _roles(user: User | AnonymousUser) -> str:
    return ", ".join(user.groups.order_by("name").values_list("name", flat=True)) if user.pk else ""


def _http_endpoints(user: User | AnonymousUser) -> list[str]:
    if not user.has_perm("checkpoints.view_endpoint"):
        return []
    plain = Endpoint.objects.filter(scheme=Endpoint.Scheme.HTTP, removed_at=None, enabled=True)
    return list(plain.order_by("name").values_list("name", flat=True))


@cache
def _zone_options() -> SafeString:
    """Return the options of all zones, the common ones first; the same text for everybody, so made once."""
    names = sorted(name for name in available_timezones() if name.startswith(_AREAS))
    rest = [name for name in names if name not in COMMON_ZONES]
    return format_html_join("", "<option>{}</option>", ((name,) for name in [*COMMON_ZONES, *rest]))
