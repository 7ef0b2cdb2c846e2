"""The history of one group as charts."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.views.decorators.http import require_safe

from checkpoints.domain.series import SPANS, find_span
from checkpoints.queries import groups
from checkpoints.queries import history as queries
from checkpoints.views.pages import render_page
from checkpoints.views.turns import by_turns


@require_safe
@permission_required("checkpoints.view_group", raise_exception=True)
@by_turns
def history(request: HttpRequest, pk: int) -> HttpResponse:
    """Show the history over `span`, of all shards or of one `shard`; `panel=1` is for the group page."""
    now = timezone.now()
    found = get_object_or_404(groups.find().select_related("history"), pk=pk)
    shard = request.GET.get("shard", "")
    view = queries.view(
        found,
        find_span(request.GET.get("span", "")),
        now=now,
        zone=timezone.get_current_timezone(),
        shard=int(shard) if shard.isascii() and shard.isdigit() and len(shard) < 10 else None,
    )
    fragment = "history/_panel.html" if request.GET.get("panel") else "history/_history.html"
    context = {"view": view, "group": found, "now": now, "spans": SPANS}
    return render_page(request, "history/page.html", fragment, context)
