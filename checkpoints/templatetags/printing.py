"""What stands on top of a page only when it is on paper: of which site, whose, when, and what was chosen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from django import template
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from checkpoints.models import Alert, AlertRule
from checkpoints.templatetags import wording

register = template.Library()
NAMES: dict[str, str | Promise] = {
    "q": _("Search"),
    "endpoint": _("Endpoint"),
    "label": _("Label"),
    "verdict": _("Verdict"),
    "state": _("State"),
    "severity": _("Severity"),
    "rule": _("Rule"),
    "shard": _("Shard"),
    "action": _("Action"),
    "actor": _("Who"),
    "group": _("Consumer group"),
    "outcome": _("Outcome"),
    "since": _("From"),
    "until": _("Until"),
    "object": _("Object ID"),
}
"""Names in addresses that choose what a page shows; the span of a history shows itself."""


@register.simple_tag(takes_context=True)
def printed(context: dict[str, Any]) -> SafeString:
    """Say where this page is from and what was chosen in its address; shown on paper only."""
    request = context.get("request")
    if request is None:  # a template that is rendered by itself
        return format_html("")
    parts = [gettext("Checkpoints"), request.get_host()]
    if getattr(request, "user", None) and request.user.is_authenticated:
        parts.append(request.user.get_username())
    parts.append(f"{timezone.localtime():%Y-%m-%d %H:%M:%S} {timezone.get_current_timezone_name()}")
    return format_html('<p class="printed">{}</p>', " · ".join([*parts, *_chosen(request.GET)]))


def _chosen(asked: Any) -> Iterator[str]:
    for name, words in NAMES.items():
        if value := asked.get(name, "")[:200]:
            yield gettext("%(name)s: %(value)s") % {"name": words, "value": _word(name, value)}


def _word(name: str, value: str) -> str:
    """Return what a value is called; what is not known stands as it is."""
    if name in ("verdict", "outcome"):
        return wording.word(name, value)[0]
    known = {"state": Alert.State, "severity": AlertRule.Severity}.get(name)
    return str(dict(known.choices).get(value, value)) if known else value
