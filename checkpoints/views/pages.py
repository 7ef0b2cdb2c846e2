"""One address serves a page, or the fragment of it that htmx asks for."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render


def render_page(
    request: HttpRequest, template: str, fragment: str, context: dict[str, Any], *, status: int = 200
) -> HttpResponse:
    """Return the fragment for a request of htmx, the whole page otherwise."""
    wanted = fragment if getattr(request, "htmx", None) else template
    return render(request, wanted, context, status=status)
