"""Rules for groups by pattern: list and add, edit, remove."""

from __future__ import annotations

from django.contrib import messages
from django.contrib.auth.decorators import permission_required
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from checkpoints.forms.group_rules import RuleForm
from checkpoints.models import GroupRule
from checkpoints.queries import group_rules as queries
from checkpoints.services import group_rules
from checkpoints.services.endpoint_fields import Invalid
from checkpoints.views.requests import actor, posted

page_or_post = require_http_methods(["GET", "HEAD", "POST"])
may_manage = permission_required("checkpoints.manage_endpoints", raise_exception=True)


@page_or_post
@may_manage
def listing(request: HttpRequest) -> HttpResponse:
    """List all rules with the groups they match; a POST adds one."""
    form = RuleForm(posted(request))
    if request.method == "POST" and _stored(request, form, None):
        messages.success(request, _("The rule was added."))
        return _to_the_list()
    context = {"rows": queries.listing(), "form": form}
    return render(request, "group_rules/listing.html", context, status=422 if form.errors else 200)


@page_or_post
@may_manage
def edit(request: HttpRequest, pk: int) -> HttpResponse:
    """Change a rule."""
    rule = get_object_or_404(GroupRule, pk=pk)
    form = RuleForm(posted(request), rule=rule)
    if request.method == "POST" and _stored(request, form, rule):
        messages.success(request, _("The rule was saved."))
        return _to_the_list()
    context = {"rule": rule, "form": form}
    return render(request, "group_rules/form.html", context, status=422 if form.errors else 200)


@page_or_post
@may_manage
def remove(request: HttpRequest, pk: int) -> HttpResponse:
    """Forget a rule, after a question."""
    rule = get_object_or_404(GroupRule, pk=pk)
    if request.method == "POST":
        group_rules.remove(rule, actor=actor(request), now=timezone.now())
        messages.success(request, _("The rule was removed."))
        return _to_the_list()
    return render(request, "group_rules/remove.html", {"rule": rule})


def _stored(request: HttpRequest, form: RuleForm, rule: GroupRule | None) -> bool:
    """Store what the form says, as a new rule or over an old one; else the form shows why not."""
    if not form.is_valid():
        return False
    try:
        if rule is None:
            group_rules.add(form.wanted, actor=actor(request), now=timezone.now())
        else:
            group_rules.edit(rule, form.wanted, actor=actor(request), now=timezone.now())
    except Invalid as invalid:
        form.refuse(invalid.errors)
        return False
    return True


def _to_the_list() -> HttpResponse:
    answer = redirect("group-rules")
    answer.status_code = 303
    return answer
