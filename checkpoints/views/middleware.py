"""What every request passes: readable input, safe headers, sessions that end, the chosen time zone."""

from __future__ import annotations

import time
from collections.abc import Callable
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

from django.conf import settings
from django.contrib.auth import logout
from django.http import HttpRequest, HttpResponse, HttpResponseBadRequest
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from checkpoints.services import denials
from checkpoints.views import requests

Handler = Callable[[HttpRequest], HttpResponse]

SAFE = {
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Cross-Origin-Embedder-Policy": "require-corp",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}
LOOPBACK = {"localhost", "127.0.0.1", "::1"}

client_ip = requests.client_ip


def sane_input(get_response: Handler) -> Handler:
    """Refuse what no person types: control characters, bytes that are not UTF-8, endless queries."""

    def middleware(request: HttpRequest) -> HttpResponse:
        problem = requests.problem_of(request)
        if not problem:
            return get_response(request)
        with translation.override(translation.get_language_from_request(request)):
            return HttpResponseBadRequest(_(problem) + "\n", content_type="text/plain; charset=utf-8")

    return middleware


def safe_headers(get_response: Handler) -> Handler:
    """Keep pages out of caches and other sites; let cookies work over plain http on this machine only."""

    def middleware(request: HttpRequest) -> HttpResponse:
        response = get_response(request)
        for name, value in SAFE.items():
            response.headers.setdefault(name, value)
        if not request.is_secure() and _is_loopback(request):
            for cookie in response.cookies.values():
                cookie["secure"] = ""
        return response

    return middleware


def absolute_session(get_response: Handler) -> Handler:
    """End a session hours after the sign-in, however busy it is; audit what signed-in users are denied."""

    def middleware(request: HttpRequest) -> HttpResponse:
        if request.user.is_authenticated and _signed_in_too_long_ago(request):
            logout(request)
        if request.user.is_authenticated and "HX-Request" not in request.headers:
            # A visit keeps the session alive; a table that refreshes itself in a forgotten tab does not.
            _keep_alive(request)
        response = get_response(request)
        if response.status_code == 403 and request.user.is_authenticated:
            denials.record(request.method or "", request.path, actor=requests.actor(request))
        return response

    return middleware


def chosen_zone(get_response: Handler) -> Handler:
    """Show times in the zone of the cookie, or in that of the settings when there is no usable one."""

    def middleware(request: HttpRequest) -> HttpResponse:
        with timezone.override(requests.zone_named(request.COOKIES.get("zone", "")) or _default_zone()):
            return get_response(request)

    return middleware


def _default_zone() -> ZoneInfo:
    return ZoneInfo(settings.TIME_ZONE)


def _signed_in_too_long_ago(request: HttpRequest) -> bool:
    signed_in_at: float = request.session.setdefault("signed_in_at", time.time())
    return time.time() - signed_in_at > settings.SESSION_ABSOLUTE_SECONDS


def _keep_alive(request: HttpRequest) -> None:
    """Put the end of the session off; once a minute is enough, and saves each visit a write to the disk."""
    kept_at: float = request.session.get("kept_at", 0)
    if abs(time.time() - kept_at) >= settings.SESSION_KEPT_EVERY:
        request.session["kept_at"] = time.time()


def _is_loopback(request: HttpRequest) -> bool:
    try:
        return urlsplit(f"//{request.META.get('HTTP_HOST', '')}").hostname in LOOPBACK
    except ValueError:  # a Host that is no host; Django has answered it with 400
        return False
