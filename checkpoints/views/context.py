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
from checkpoints.queries import alerts
from checkpoints.services import approvals, sealing

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
    """An entry of the main navigation; `below` are the beginnings of the names of addresses below it."""

    name: str
    label: str | Promise
    permissions: tuple[str, ...]
    below: tuple[str, ...]


PLACES = (
    Place("overview", _("Overview"), ("view_group",), ("overview", "group", "snapshot")),
    Place("alerts", _("Alerts"), ("view_group",), ("alert",)),
    Place("resets", _("Resets"), ("view_reset",), ("reset", "plan", "group-reset", "peek")),
    Place("approvals", _("Approvals"), ("approve_reset",), ("approvals",)),
    Place("audit", _("Audit"), ("view_audit",), ("audit",)),
    Place("endpoints", _("Endpoints"), ("view_endpoint",), ("endpoint", "group-rule")),
)


@dataclass(frozen=True)
class Link:
    """One link of the navigation."""

    url: str
    label: str | Promise
    is_current: bool
    waiting: int = 0
    name: str = ""


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
    mine = [
        place for place in PLACES if any(user.has_perm(f"checkpoints.{one}") for one in place.permissions)
    ]
    here = max(mine, key=lambda place: _depth(name, place), default=None)
    return [
        Link(
            reverse(place.name),
            place.label,
            place is here and _depth(name, place) > 0,
            _waiting(place, user),
            place.name,
        )
        for place in mine
    ]


def _depth(name: str, place: Place) -> int:
    """Return how much of an address's name says that it lies below this place."""
    return max((len(begin) for begin in place.below if name.startswith(begin)), default=0)


def _waiting(place: Place, user: User | AnonymousUser) -> int:
    if place.name == "alerts":
        return alerts.firing()
    return len(approvals.open_for(user)) if place.name == "approvals" and isinstance(user, User) else 0


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
