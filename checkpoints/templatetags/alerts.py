"""What templates say about alerts: states and severities as words with a tone, limits as they are typed."""

from __future__ import annotations

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString

from checkpoints.domain import conditions
from checkpoints.domain.conditions import Condition
from checkpoints.models import Alert, AlertRule, Notice

register = template.Library()
TONES = {
    "firing": "bad", "pending": "warn", "acknowledged": "warn", "resolved": "ok",
    "critical": "bad", "warning": "warn",
    "sent": "ok", "waiting": "warn", "given_up": "bad",
}  # fmt: skip


@register.filter
def state_badge(thing: Alert | Notice) -> SafeString:
    """Show the state of an alert or a notice."""
    return _badge(thing.state, thing.get_state_display())


@register.filter
def severity_badge(rule: AlertRule) -> SafeString:
    """Show how serious a rule is."""
    return _badge(rule.severity, rule.get_severity_display())


@register.filter
def limit(rule: AlertRule) -> str:
    """Show the limit of a rule, "" for one without."""
    return conditions.show_limit(Condition(rule.condition), rule.limit)


def _badge(word: str, name: str) -> SafeString:
    return format_html('<span class="badge {}">{}</span>', TONES.get(word, ""), name)
