"""Receipts of resets, for the incident document: as Markdown, as JSON, and on the page of the reset.

They are in English whatever the language of the page: the document is shared.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any
from uuid import UUID

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.shortcuts import get_object_or_404
from django.urls import reverse
from django.utils import timezone
from django.views.decorators.http import require_safe

from checkpoints.models import Reset
from checkpoints.queries import receipts, resets
from checkpoints.queries.receipt_text import as_markdown
from checkpoints.queries.receipts import Receipt

may_see = permission_required("checkpoints.view_reset", raise_exception=True)


@require_safe
@may_see
def markdown(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the receipt as Markdown."""
    reset = get_object_or_404(resets.find_resets(), pk=pk)
    return HttpResponse(
        as_markdown(_receipt(request, reset)),
        content_type="text/markdown; charset=utf-8",
        headers=_named(reset, "md"),
    )


@require_safe
@may_see
def as_json(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Give the receipt in its machine form."""
    reset = get_object_or_404(resets.find_resets(), pk=pk)
    found, named = _receipt(request, reset), _named(reset, "json")
    return JsonResponse(found, json_dumps_params={"ensure_ascii": False, "indent": 2}, headers=named)


def panel(request: HttpRequest, reset: Reset) -> Callable[[], dict[str, Any]]:
    """Return what makes the content of templates/resets/_receipt.html, once that is shown."""
    return partial(_shown, request, reset)


def _shown(request: HttpRequest, reset: Reset) -> dict[str, Any]:
    found = _receipt(request, reset)
    lines = {"do_lines": found["do"], "undo_lines": found["undo"]}
    return {"url": found["url"], "markdown": as_markdown(found), "lines": lines}


def _receipt(request: HttpRequest, reset: Reset) -> Receipt:
    url = request.build_absolute_uri(reverse("reset", args=[reset.pk]))
    return receipts.receipt(reset, url=url, now=timezone.now())


def _named(reset: Reset, ending: str) -> dict[str, str]:
    return {"Content-Disposition": f'attachment; filename="receipt-{reset.pk}.{ending}"'}
