"""The overview of all groups."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.views.decorators.http import require_safe

from checkpoints.queries import overview as queries
from checkpoints.views.pages import render_page


@require_safe
@permission_required("checkpoints.view_group", raise_exception=True)
def overview(request: HttpRequest) -> HttpResponse:
    """Show the last readings at once; the table asks for itself again."""
    now = timezone.now()
    view = queries.view(queries.ask(request.GET.dict()), now=now)
    return render_page(request, "overview/page.html", "overview/_fresh.html", {"view": view, "now": now})
