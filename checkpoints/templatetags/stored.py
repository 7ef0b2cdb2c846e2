"""Texts that were stored by somebody: a time among them is shown as one, in the chosen zone."""

from __future__ import annotations

import re
from datetime import UTC, datetime

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString

from checkpoints.templatetags.checkpoints import when

register = template.Library()
_ISO = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d{1,6})?)?(Z|[+-]\d\d:\d\d)", re.ASCII)


@register.filter
def fact(text: str) -> SafeString:
    """Show a stored text as it is, a time with its zone and its age."""
    return when(_time(text)) if _time(text) else format_html("<code>{}</code>", text)


@register.filter
def moment(text: str) -> str | SafeString:
    """Show a stored text as it is, a time with its date in the chosen zone."""
    at = _time(text)
    if at is None:
        return text
    local, utc = timezone.localtime(at), at.astimezone(UTC)
    return format_html(
        '<time datetime="{}" title="{}">{}</time>',
        utc.isoformat(),
        f"{utc:%Y-%m-%d %H:%M:%S} UTC",
        f"{local:%Y-%m-%d %H:%M:%S}",
    )


def _time(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text) if _ISO.fullmatch(text) else None
    except ValueError:  # the thirtieth of February
        return None
