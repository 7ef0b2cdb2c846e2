"""What templates say about times, spans, counts, checkpoints and states; what is not known is never 0."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

from django import template
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from checkpoints.domain import durations, positions
from checkpoints.domain.tide import Tide
from checkpoints.templatetags import wording

register = template.Library()


@register.filter
def msg(message: object) -> str:
    """Translate a Message or its JSON form."""
    return wording.sentence(message)


@register.filter
def when(at: datetime | str | None, now: datetime | None = None) -> SafeString:
    """Show a time in the chosen zone and relative to now; UTC stands in the title and in the small text."""
    moment = _moment(at)
    if moment is None:
        return _dash()
    utc = moment.astimezone(UTC)
    local = timezone.localtime(moment)
    small = "" if local.utcoffset() == timedelta(0) else f"{_utc_text(local, utc)} · "
    return format_html(
        '<time class="when" datetime="{}" title="{} UTC">{} <small>{}{}</small></time>',
        utc.isoformat(),
        f"{utc:%Y-%m-%d %H:%M:%S}",
        f"{local:%Y-%m-%d %H:%M:%S}",
        small,
        _relative(moment, now),
    )


@register.filter
def asked(text: str) -> str | SafeString:
    """Show what was asked of a shard: a time as a time, anything else as it was typed."""
    try:
        return when(text) if text[:4].isdigit() else text
    except ValueError:
        return text


@register.filter
def ago(at: datetime | str | None, now: datetime | None = None) -> SafeString:
    """Show how long ago or how far ahead a time lies, with zone time and UTC in the title."""
    moment = _moment(at)
    return _dash() if moment is None else _time(moment, _relative(moment, now))


@register.filter
def clock(at: datetime | str | None) -> SafeString:
    """Show a time of today as 14:02:11, another with its date, in the chosen zone."""
    moment = _moment(at)
    if moment is None:
        return _dash()
    local = timezone.localtime(moment)
    today = local.date() == timezone.localtime().date()
    return _time(moment, f"{local:%H:%M:%S}" if today else f"{local:%Y-%m-%d %H:%M:%S}")


@register.filter
def duration(span: timedelta | float | None) -> str | SafeString:
    """Show a span, or a number of seconds, by its two largest units."""
    if span is None:
        return _dash()
    return durations.in_words(span if isinstance(span, timedelta) else timedelta(seconds=span))


@register.filter
def grouped(count: int | None) -> str | SafeString:
    """Show a count as 1,204."""
    return _dash() if count is None else f"{count:,}"


@register.filter
def short(checkpoint: str | None) -> str:
    """Shorten a checkpoint to its first and last characters."""
    return positions.shorten(checkpoint or "")


@register.filter
def span_text(span: Any) -> str:
    """Show a span as plain text for a title or an attribute."""
    return "—" if span is None else durations.in_words(span)


@register.simple_tag
def badge(kind: str, value: str) -> SafeString:
    """Show a state, a verdict or an outcome as a word with a tone: {% badge "state" "behind" %}."""
    name, tone = wording.word(kind, str(value))
    return format_html('<span class="badge {}">{}</span>', tone, name)


@register.simple_tag
def wordof(kind: str, value: str) -> str:
    """Return the word alone."""
    return wording.word(kind, str(value))[0]


@register.simple_tag
def toneof(kind: str, value: str) -> str:
    """Return the tone alone: ok, warn, bad or nothing."""
    return wording.word(kind, str(value))[1]


@register.inclusion_tag("_tide.html")
def tide(row: Any) -> dict[str, object]:
    """Draw the bar "retained · read · unread" of a row with .tide, or of a Tide itself, as SVG.

    A row's `tone` colours the unread part.
    """
    bar: Tide | None = row if isinstance(row, Tide) else getattr(row, "tide", None)
    if bar is None:
        return {"bar": None}
    at = bar.at_x
    tip = None if at is None or bar.to_x is None else bar.to_x + (3 if bar.to_x < at else -3)
    return {"bar": bar, "tone": getattr(row, "tone", ""), "tip_x": tip}


def _moment(at: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(at) if isinstance(at, str) and at else at or None


def _relative(at: datetime, now: datetime | None) -> str:
    return wording.sentence(durations.relative(at, now or timezone.now()))


def _utc_text(local: datetime, utc: datetime) -> str:
    return f"{utc:%H:%M:%S} UTC" if local.date() == utc.date() else f"{utc:%m-%d %H:%M:%S} UTC"


def _time(at: datetime, text: str) -> SafeString:
    utc = at.astimezone(UTC)
    title = f"{timezone.localtime(at):%Y-%m-%d %H:%M:%S %Z} · {utc:%Y-%m-%d %H:%M:%S} UTC"
    return format_html('<time datetime="{}" title="{}">{}</time>', utc.isoformat(), title, text)


def _dash() -> SafeString:
    return format_html('<span class="none" title="{}">—</span>', _("not known"))


@register.filter
def plain(number: float) -> str:
    """Show a number for SVG: a point, no grouping, whatever the language."""
    return f"{number:g}"


@register.simple_tag
def page_url(asked: Any, page: int) -> str:
    """Return the address of another page of the same overview."""
    return str(asked.address(page=page))


@register.simple_tag
def order_url(asked: Any, order: str) -> str:
    """Return the address of the same overview in another order."""
    return str(asked.address(order=order))
