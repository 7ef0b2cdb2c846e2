"""The audit log, newest first."""

from __future__ import annotations

from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from checkpoints.forms.audit import FilterForm
from checkpoints.queries import audit


@require_safe
@permission_required("checkpoints.view_audit", raise_exception=True)
def listing(request: HttpRequest) -> HttpResponse:
    """Show the rows that fit the filters in the address, a page at a time by sequence number."""
    form = FilterForm(request.GET)
    if not form.is_valid():
        return render(request, "audit/listing.html", {"form": form, "page": None}, status=400)
    page = audit.page(form.filters(), before=form.cleaned_data["before"])
    return render(request, "audit/listing.html", {"form": form, "page": page, "older": _older(request, page)})


def _older(request: HttpRequest, page: audit.Page) -> str:
    """Return the query of the next page, or nothing at the end."""
    if page.older is None:
        return ""
    query = request.GET.copy()
    query["before"] = str(page.older)
    return query.urlencode()
