"""What templates say about alerts: states and severities as words with a tone, limits as they are typed."""

from __future__ import annotations

from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from checkpoints.domain import conditions, durations
from checkpoints.domain.alerting import OPEN, State
from checkpoints.domain.conditions import Condition
from checkpoints.models import Alert, AlertRule, Notice

register = template.Library()
TONES = {
    "firing": "bad", "pending": "warn", "acknowledged": "warn", "resolved": "ok",
    "critical": "bad", "warning": "warn",
    "sent": "ok", "waiting": "warn", "given_up": "bad",
}  # fmt: skip
ABOVE = (Condition.LAG, Condition.UNREAD, Condition.BACKLOG, Condition.NO_READING)
"""Conditions that hold while a figure is above its limit."""


@register.filter
def state_badge(thing: Alert | Notice) -> SafeString:
    """Show the state of an alert or a notice."""
    return _badge(thing.state, thing.get_state_display())


@register.filter
def severity_badge(rule: AlertRule) -> SafeString:
    """Show how serious a rule is."""
    return _badge(rule.severity, rule.get_severity_display())


@register.simple_tag
def severity_word(severity: str) -> SafeString:
    """Show how serious something is that is no rule yet."""
    return _badge(severity, str(AlertRule.Severity(severity).label))


@register.filter
def limit(rule: AlertRule) -> str:
    """Show the limit of a rule, "" for one without."""
    return conditions.show_limit(Condition(rule.condition), rule.limit)


@register.filter
def progress(alert: Alert) -> str:
    """Say how far a pending alert is from firing, or an open one from being resolved; "" for neither."""
    count = {"count": alert.streak, "samples": alert.rule.samples}
    if alert.state == State.PENDING:
        return (
            ngettext(
                "%(count)d of %(samples)d sample", "%(count)d of %(samples)d samples", alert.rule.samples
            )
            % count
        )
    if alert.state not in OPEN or not alert.streak:
        return ""
    if alert.rule.condition in ABOVE:
        return _("Back within the limit for %(count)d of %(samples)d samples.") % count
    return _("No longer so for %(count)d of %(samples)d samples.") % count


@register.filter
def lasted(alert: Alert, now: datetime) -> str:
    """Say for how long it has been so, or was so until it was resolved."""
    if alert.since is None:
        return ""
    if alert.state != State.RESOLVED:
        return _("for %(span)s") % {"span": durations.in_words(now - alert.since)}
    until = alert.resolved_at or now
    return _("it lasted %(span)s") % {"span": durations.in_words(until - alert.since)}


@register.filter
def state_name(state: str) -> str:
    """Return the word for a state of alerts."""
    return str(Alert.State(state).label)


@register.filter
def state_tone(state: str) -> str:
    """Return its tone: ok, warn, bad or nothing."""
    return TONES.get(state, "")


@register.filter
def is_held(notice: Notice) -> bool:
    """Tell whether a notice was not tried because its channel fails; `trouble` comes from queries.alerts."""
    return (
        notice.state == Notice.State.WAITING
        and not notice.attempts
        and bool(getattr(notice, "trouble", None))
    )


def _badge(word: str, name: str) -> SafeString:
    return format_html('<span class="badge {}">{}</span>', TONES.get(word, ""), name)
