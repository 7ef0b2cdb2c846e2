"""Rendering: the whole page for a visit, its fragment alone when htmx asks."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.cache import patch_vary_headers


def render_page(
    request: HttpRequest,
    template: str,
    fragment: str,
    context: Mapping[str, Any] | None = None,
    *,
    status: int = 200,
) -> HttpResponse:
    """Render `fragment` for a request of htmx and `template`, which includes it, for any other."""
    response = render(request, fragment if wants_fragment(request) else template, context, status=status)
    patch_vary_headers(response, ["HX-Request"])
    return response


def wants_fragment(request: HttpRequest) -> bool:
    """Say whether htmx asked for a part of the page."""
    htmx = getattr(request, "htmx", None)
    if not htmx:
        return False
    return not htmx.boosted and not htmx.history_restore_request


class SeeOther(HttpResponse):
    """Redirect after a POST."""

    status_code = 303

    def __init__(self, name: str, pk: object) -> None:
        super().__init__(headers={"Location": reverse(name, args=[pk])})
