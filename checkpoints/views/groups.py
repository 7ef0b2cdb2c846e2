"""The page of one group."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from checkpoints.queries import groups as queries
from checkpoints.services import collector
from checkpoints.views import snapshots
from checkpoints.views.pages import render_page


@require_safe
@permission_required("checkpoints.view_group", raise_exception=True)
def group(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the last reading at once; `fresh=1` reads anew when it is older than ten seconds."""
    now = timezone.now()
    found = get_object_or_404(queries.find(), pk=pk)
    if request.GET.get("fresh"):
        collector.refresh(found, now=now)
        found.refresh_from_db()
    only_late = request.GET.get("only") == "late"
    context = {
        "view": queries.view(found, now=now, only_late=only_late),
        "group": found,
        "now": now,
        "only_late": only_late,
        "fresh_url": "?fresh=1&only=late" if only_late else "?fresh=1",
        **snapshots.panel(found),
    }
    return render_page(request, "groups/page.html", "groups/_group.html", context)
