"""What a request says about itself: readable or not, from where, by whom, how fresh, where to go next."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Iterator
from ipaddress import ip_address, ip_network
from urllib.parse import unquote_to_bytes
from zoneinfo import ZoneInfo

from django.conf import settings
from django.http import HttpRequest, QueryDict
from django.shortcuts import resolve_url
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.translation import gettext_noop

from checkpoints.services.audit import Actor

LONGEST_QUERY = 4000
BROKEN = re.compile(r"%[89A-Fa-f][0-9A-Fa-f]")  # Django leaves bytes that are not UTF-8 like this in a path
CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]")
CONTROL_IN_TEXT = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")  # a text may have lines and tabs

NOT_UTF8 = gettext_noop("The request is not valid UTF-8 text.")
HAS_CONTROL = gettext_noop("The request contains control characters. Remove them and try again.")
QUERY_TOO_LONG = gettext_noop("The address is too long.")


def problem_of(request: HttpRequest) -> str:
    """Return the sentence that says why the request cannot be read, or nothing."""
    query = request.META.get("QUERY_STRING", "")
    if len(query) > LONGEST_QUERY:
        return QUERY_TOO_LONG
    asked = _decoded(query.encode("latin-1", "replace"))
    if BROKEN.search(request.path) or not all(_is_utf8(raw) for raw in [asked, *_raw_form(request)]):
        return NOT_UTF8
    single = [request.path, *_names_and_values(request.GET.lists()), *request.POST]
    texts = (value for _, values in request.POST.lists() for value in values)
    if any(CONTROL.search(text) for text in single) or any(CONTROL_IN_TEXT.search(text) for text in texts):
        return HAS_CONTROL
    return ""


def client_ip(request: HttpRequest) -> str:
    """Return the address of the client; X-Forwarded-For is believed as far as trusted proxies wrote it."""
    address = request.META.get("REMOTE_ADDR", "")
    forwarded = request.META.get("HTTP_X_FORWARDED_FOR", "").split(",")
    while forwarded and _is_trusted(address):
        further = forwarded.pop().strip()
        if not _is_address(further):
            break
        address = further
    return address if _is_address(address) else ""


def actor(request: HttpRequest) -> Actor:
    """Return who acts by this request, for the audit log."""
    return Actor.of(request.user, source_ip=client_ip(request))


def posted(request: HttpRequest) -> QueryDict | None:
    """Return the form that was sent, also an empty one; None when only the page was asked for."""
    return request.POST if request.method == "POST" else None


def is_fresh(request: HttpRequest) -> bool:
    """Say whether the password was given so recently that a reset may be applied."""
    signed_in_at: float = request.session.get("signed_in_at", 0)
    return time.time() - signed_in_at <= settings.FRESH_SIGN_IN_SECONDS


def next_page(request: HttpRequest, default: str = "overview") -> str:
    """Return the page to go on to: "next" when it is one of ours, else the default."""
    wanted = request.POST.get("next") or request.GET.get("next") or ""
    hosts = {request.get_host()}
    if url_has_allowed_host_and_scheme(wanted, allowed_hosts=hosts, require_https=request.is_secure()):
        return wanted
    return resolve_url(default)


def zone_named(name: str) -> ZoneInfo | None:
    """Return the time zone with this name, if there is one."""
    try:
        return ZoneInfo(name) if name else None
    except (ValueError, OSError, KeyError):
        return None


def _is_utf8(raw: bytes) -> bool:
    try:
        raw.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _decoded(raw: bytes) -> bytes:
    return unquote_to_bytes(raw.replace(b"+", b" "))


def _raw_form(request: HttpRequest) -> Iterator[bytes]:
    """Return the form as sent; Django would replace what it cannot read."""
    if request.content_type == "application/x-www-form-urlencoded":
        yield _decoded(request.body)
    elif any("\ufffd" in text for text in _names_and_values(request.POST.lists())):
        yield b"\xff"


def _names_and_values(pairs: Iterable[tuple[str, list[str]]]) -> list[str]:
    return [text for name, values in pairs for text in (name, *values)]


def _is_address(text: str) -> bool:
    try:
        ip_address(text)
    except ValueError:
        return False
    return True


def _is_trusted(address: str) -> bool:
    if not _is_address(address):
        return False
    return any(ip_address(address) in ip_network(proxy, strict=False) for proxy in settings.TRUSTED_PROXIES)
