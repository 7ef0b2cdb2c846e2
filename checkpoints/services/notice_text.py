"""What a notice says: its facts, stored with the event, and the words people read, made when it is sent."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django.conf import settings
from django.urls import reverse
from django.utils import timezone, translation
from django.utils.translation import gettext as _

from checkpoints.domain import messages
from checkpoints.domain.alerting import Event
from checkpoints.domain.messages import Message, say
from checkpoints.domain.moments import iso
from checkpoints.models import Alert, AlertRule

TEST = "test"


@dataclass(frozen=True)
class Text:
    """A notice as people read it."""

    title: str
    lines: list[str]


def facts(alert: Alert, event: Event, *, now: datetime) -> dict[str, Any]:
    """Return what a notice of an event tells, as JSON; the body of a generic webhook."""
    group = alert.group
    return {
        "event": event.value,
        "rule": alert.rule.name,
        "severity": alert.rule.severity,
        "condition": alert.rule.condition,
        "endpoint": group.endpoint.name,
        "project": group.project.name,
        "logstore": group.logstore.name,
        "consumer_group": group.name,
        "at": iso(now),
        "link": f"{settings.PUBLIC_URL}{reverse('alert', args=[alert.pk])}" if settings.PUBLIC_URL else "",
        "words": alert.words,
    }


def test_facts(*, now: datetime) -> dict[str, Any]:
    """Return what a test tells."""
    words = say("This is a test: this channel works. Nothing is wrong.")
    return {"event": TEST, "at": iso(now), "link": settings.PUBLIC_URL, "words": words.dump()}


def text(body: dict[str, Any]) -> Text:
    """Return a notice in the language of this site."""
    with translation.override(settings.LANGUAGE_CODE):
        lines = [_said(messages.load(body["words"]))]
        if body["event"] == TEST:
            title = _("Test of a channel")
        else:
            title = _title(body)
            place = " / ".join(body[name] for name in ("endpoint", "project", "logstore", "consumer_group"))
            lines = [place, *lines, _clock(body["at"])]
        return Text(title, [*lines, *([body["link"]] if body["link"] else [])])


def _title(body: dict[str, Any]) -> str:
    names = {"rule": body["rule"], "group": body["consumer_group"]}
    if body["event"] == Event.RESOLVED:
        return _("Resolved: %(rule)s, %(group)s") % names
    severity = str(AlertRule.Severity(body["severity"]).label)
    return _("%(severity)s: %(rule)s, %(group)s") % (names | {"severity": severity})


def _clock(at: str) -> str:
    """Return a stored time as people read it, in the zone of this site."""
    local = timezone.localtime(datetime.fromisoformat(at), ZoneInfo(settings.TIME_ZONE))
    return f"{local:%Y-%m-%d %H:%M:%S} {settings.TIME_ZONE}"


def _said(message: Message) -> str:
    return _(message.text) % message.values
