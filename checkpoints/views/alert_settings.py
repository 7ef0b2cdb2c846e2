"""Rules and channels of alerts: list, add, edit, remove, test."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.debug import sensitive_post_parameters
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from checkpoints.forms import suggested_rules
from checkpoints.forms.alerts import ChannelForm, Refusing, RuleForm
from checkpoints.models import AlertRule, Channel
from checkpoints.queries import alerts as queries
from checkpoints.services import alert_rules, channels
from checkpoints.services.endpoint_fields import Invalid
from checkpoints.services.sealing import Locked
from checkpoints.templatetags.wording import sentence
from checkpoints.views.requests import actor, posted

page_or_post = require_http_methods(["GET", "HEAD", "POST"])
may_manage = permission_required("checkpoints.manage_endpoints", raise_exception=True)
no_secret_in_reports = sensitive_post_parameters("url", "secret")


@require_safe
@may_manage
def rules(request: HttpRequest) -> HttpResponse:
    """List all rules, and suggest some for what none looks for."""
    found = queries.rules()
    return render(
        request, "alerts/rules.html", {"rules": found, "suggestions": suggested_rules.missing(found)}
    )


@page_or_post
@may_manage
def add_rule(request: HttpRequest) -> HttpResponse:
    """Store a new rule; `like` fills the form in for a condition."""
    form = RuleForm(posted(request), initial=suggested_rules.initial(request.GET.get("like", "")))
    if _stored(request, form, lambda: alert_rules.add(form.wanted, **_by(request))):
        return _to("alert-rules", request, _("The rule was added."))
    return _form(request, "alerts/rule.html", form)


@page_or_post
@may_manage
def rule(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a rule."""
    found = get_object_or_404(AlertRule, pk=pk)
    form = RuleForm(posted(request), rule=found)
    if _stored(request, form, lambda: alert_rules.edit(found, form.wanted, **_by(request))):
        return _to("alert-rules", request, _("The rule was saved."))
    return _form(request, "alerts/rule.html", form, rule=found)


@page_or_post
@may_manage
def remove_rule(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a rule, after a question."""
    found = get_object_or_404(AlertRule, pk=pk)
    if request.method == "POST":
        alert_rules.remove(found, **_by(request))
        return _to("alert-rules", request, _("The rule was removed."))
    return render(request, "alerts/remove.html", {"rule": found})


@require_safe
@may_manage
def listing(request: HttpRequest) -> HttpResponse:
    """List all channels."""
    return render(request, "alerts/channels.html", {"channels": queries.channels()})


@no_secret_in_reports
@page_or_post
@may_manage
def add_channel(request: HttpRequest) -> HttpResponse:
    """Store a new channel."""
    form = ChannelForm(posted(request))
    if _stored(request, form, lambda: channels.add(form.wanted, **_by(request))):
        return _to("alert-channels", request, _("The channel was added. Test it now."))
    return _form(request, "alerts/channel.html", form)


@no_secret_in_reports
@page_or_post
@may_manage
def channel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Change a channel; an empty address keeps the stored one."""
    found = get_object_or_404(Channel, pk=pk)
    form = ChannelForm(posted(request), channel=found)
    if _stored(request, form, lambda: channels.edit(found, form.wanted, **_by(request))):
        return _to("alert-channels", request, _("The channel was saved."))
    return _form(request, "alerts/channel.html", form, channel=found)


@page_or_post
@may_manage
def remove_channel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Forget a channel, after a question."""
    found = get_object_or_404(Channel, pk=pk)
    if request.method == "POST":
        channels.remove(found, **_by(request))
        return _to("alert-channels", request, _("The channel was removed."))
    return render(request, "alerts/remove.html", {"channel": found})


@require_POST
@may_manage
def test_channel(request: HttpRequest, pk: UUID) -> HttpResponse:
    """Send a test through a channel and say what became of it."""
    found = get_object_or_404(Channel, pk=pk)
    problem = channels.test(found, **_by(request))
    if problem is None:
        return _to(
            "alert-channels", request, _("%(name)s took the test. Look whether it arrived.") % {"name": found}
        )
    words = {"name": found.name, "problem": sentence(problem)}
    messages.error(request, _("The test of %(name)s failed. %(problem)s") % words)
    return _see("alert-channels")


def _by(request: HttpRequest) -> dict[str, Any]:
    return {"actor": actor(request), "now": timezone.now()}


def _stored(request: HttpRequest, form: Refusing, write: Callable[[], object]) -> bool:
    """Say whether what was sent is stored now; else the form shows why not."""
    if request.method != "POST" or not form.is_valid():
        return False
    try:
        write()
    except Invalid as invalid:
        form.refuse(invalid.errors)
        return False
    except Locked as locked:
        form.refuse({"": locked.message})
        return False
    return True


def _form(request: HttpRequest, template: str, form: Refusing, **more: object) -> HttpResponse:
    shown = {"form": form, "suggestions": suggested_rules.SUGGESTIONS, **more}
    return render(request, template, shown, status=422 if form.errors else 200)


def _to(name: str, request: HttpRequest, words: str) -> HttpResponse:
    messages.success(request, words)
    return _see(name)


def _see(name: str) -> HttpResponse:
    answer = redirect(name)
    answer.status_code = 303
    return answer
