"""Endpoints: list, add, edit, test, disable, enable, remove."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_safe

from checkpoints.forms.endpoints import EndpointForm, RemoveForm
from checkpoints.models import Endpoint
from checkpoints.queries import endpoints as queries
from checkpoints.services import endpoints
from checkpoints.services.sealing import Locked
from checkpoints.views.requests import actor, posted

page_or_post = require_http_methods(["GET", "HEAD", "POST"])
may_see = permission_required("checkpoints.view_endpoint", raise_exception=True)
may_manage = permission_required("checkpoints.manage_endpoints", raise_exception=True)
no_secret_in_reports = sensitive_post_parameters("secret", "token")


@require_safe
@may_see
def listing(request: HttpRequest) -> HttpResponse:
    """List all endpoints with their health."""
    return render(request, "endpoints/listing.html", {"endpoints": queries.page(now=timezone.now())})


@no_secret_in_reports
@page_or_post
@may_manage
def add(request: HttpRequest) -> HttpResponse:
    """Store a new endpoint, then offer to test it."""
    form = EndpointForm(posted(request))
    if request.method == "POST" and form.is_valid():
        endpoint = _store(
            form, lambda wanted: endpoints.add(actor=actor(request), now=timezone.now(), **wanted)
        )
        if endpoint:
            messages.success(request, _("The endpoint was added. Test it now."))
            return redirect("endpoint-test", pk=endpoint.pk)
    return _form_page(request, form, None)


@no_secret_in_reports
@page_or_post
@may_manage
def edit(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change an endpoint; an empty secret keeps the stored one as long as it goes to the same host."""
    endpoint = _present(pk)
    form = EndpointForm(posted(request), endpoint=endpoint)
    if request.method == "POST" and form.is_valid():
        change = endpoints.edit
        if _store(form, lambda wanted: change(endpoint, actor=actor(request), now=timezone.now(), **wanted)):
            messages.success(request, _("The endpoint was saved."))
            return redirect("endpoints")
    return _form_page(request, form, _present(pk))


@page_or_post
@may_manage
def test(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Try each operation the product needs, on demand; nothing is written upstream."""
    endpoint = _present(pk)
    found: dict[str, Any] = {"endpoint": endpoint}
    if request.method == "POST":
        now = timezone.now()
        found |= {"verdicts": endpoints.test(endpoint, actor=actor(request), now=now), "tested_at": now}
    return render(request, "endpoints/test.html", found)


@page_or_post
@may_manage
def disable(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Stop reading and resetting through an endpoint, after a question."""
    endpoint = _present(pk)
    if request.method == "POST":
        endpoints.disable(endpoint, actor=actor(request), now=timezone.now())
        messages.success(request, _("The endpoint was disabled."))
        return redirect("endpoints")
    return render(request, "endpoints/disable.html", {"endpoint": endpoint})


@page_or_post
@may_manage
def enable(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Use a disabled endpoint again, after a question."""
    endpoint = _present(pk)
    if request.method == "POST":
        endpoints.enable(endpoint, actor=actor(request), now=timezone.now())
        messages.success(request, _("The endpoint was enabled."))
        return redirect("endpoints")
    return render(request, "endpoints/enable.html", {"endpoint": endpoint})


@page_or_post
@may_manage
def remove(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Forget an endpoint and its credentials, after its name was typed."""
    endpoint = _present(pk)
    form = RemoveForm(posted(request), endpoint=endpoint)
    if request.method == "POST" and form.is_valid():
        endpoints.remove(endpoint, actor=actor(request), now=timezone.now())
        messages.success(request, _("The endpoint was removed."))
        return redirect("endpoints")
    status = 422 if form.errors else 200
    return render(request, "endpoints/remove.html", {"endpoint": endpoint, "form": form}, status=status)


def _present(pk: UUID) -> Endpoint:
    return get_object_or_404(queries.present(), pk=pk)


def _store(form: EndpointForm, write: Any) -> Endpoint | None:
    """Return the stored endpoint; else the form shows why it cannot be stored."""
    try:
        stored: Endpoint = write(form.cleaned_data)
    except endpoints.Invalid as refused:
        form.refuse(refused.errors)
        return None
    except Locked as locked:
        form.refuse({"": locked.message})
        return None
    return stored


def _form_page(request: HttpRequest, form: EndpointForm, endpoint: Endpoint | None) -> HttpResponse:
    found = {"form": form, "endpoint": endpoint, "hosts": queries.known_hosts()}
    return render(request, "endpoints/form.html", found, status=422 if form.errors else 200)
