"""Signing in and out, giving the password again, and the first administrator."""

from __future__ import annotations

import time
from hashlib import sha256
from typing import Any

from django.conf import settings
from django.contrib import auth
from django.contrib.auth.decorators import login_not_required
from django.contrib.auth.models import User
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST

from checkpoints.forms.signing_in import ConfirmPasswordForm, SetupForm, SignInForm
from checkpoints.services import accounts
from checkpoints.services import setup as first_setup
from checkpoints.views.requests import actor, client_ip, next_page, posted

BACKEND = "checkpoints.queries.access.Backend"


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def login(request: HttpRequest) -> HttpResponse:
    """Ask for name and password; go on to the page that was wanted."""
    if request.user.is_authenticated and request.method != "POST":
        return redirect(next_page(request))
    form = SignInForm(request, data=posted(request))
    if request.method == "POST" and form.is_valid():
        _start_session(request, form.get_user())
        return redirect(next_page(request))
    if form.non_field_errors() and not getattr(request, "axes_locked_out", False):
        accounts.failed(request.POST.get("username", ""), source_ip=client_ip(request))
    return _page(request, "signing_in/login.html", form)


@require_POST
def logout(request: HttpRequest) -> HttpResponse:
    """End the session and ask the browser to forget the pages it has seen."""
    accounts.signed_out(actor=actor(request))
    auth.logout(request)
    response = redirect("login")
    response["Clear-Site-Data"] = '"cache", "storage"'
    return response


@sensitive_post_parameters("password")
@require_http_methods(["GET", "HEAD", "POST"])
def confirm_password(request: HttpRequest) -> HttpResponse:
    """Ask for the password again; afterwards the sign-in counts as fresh."""
    form = ConfirmPasswordForm(request, posted(request))
    if request.method == "POST" and form.is_valid():
        request.session.cycle_key()
        request.session["signed_in_at"] = time.time()
        accounts.signed_in(actor=actor(request), details={"kind": "password confirmed"})
        return redirect(next_page(request))
    if form.errors and not getattr(request, "axes_locked_out", False):
        accounts.failed(request.user.get_username(), source_ip=client_ip(request))
    return _page(request, "signing_in/confirm_password.html", form)


@sensitive_post_parameters("password", "repeated")
@require_http_methods(["GET", "HEAD", "POST"])
@login_not_required
def setup(request: HttpRequest, token: str) -> HttpResponse:
    """Make the first administrator, once."""
    try:
        first_setup.check(token)
        return _setup(request, token)
    except first_setup.Closed:
        return render(request, "signing_in/setup_closed.html", status=404)


def locked_out(request: HttpRequest, _response: object, credentials: dict[str, str] | None) -> HttpResponse:
    """Answer an attempt after too many failures; audited once per lock."""
    name, address = (credentials or {}).get("username", ""), client_ip(request)
    minutes = round(settings.AXES_COOLOFF_TIME * 60)
    if cache.add(_lock_key(name, address), value=True, timeout=minutes * 60):
        accounts.locked(name, source_ip=address)
    page = render(request, "signing_in/locked_out.html", {"minutes": minutes}, status=429)
    page["Retry-After"] = str(minutes * 60)
    return page


def _lock_key(name: str, address: str) -> str:
    return "locked:" + sha256(f"{address} {name}".encode()).hexdigest()


def _setup(request: HttpRequest, token: str) -> HttpResponse:
    form = SetupForm(posted(request))
    if request.method == "POST" and form.is_valid():
        name, password = form.cleaned_data["name"], form.cleaned_data["password"]
        user = first_setup.first_administrator(token, name, password, source_ip=client_ip(request))
        _start_session(request, user)
        return redirect("overview")
    return _page(request, "signing_in/setup.html", form)


def _start_session(request: HttpRequest, user: User) -> None:
    auth.login(request, user, backend=BACKEND)
    request.session["signed_in_at"] = time.time()
    accounts.signed_in(actor=actor(request))


def _page(request: HttpRequest, template: str, form: Any) -> HttpResponse:
    status = 422 if form.errors else 200
    return render(request, template, {"form": form, "next": next_page(request)}, status=status)
