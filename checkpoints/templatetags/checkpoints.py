"""What templates say about times, spans, counts, checkpoints and states; what is not known is never 0."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta, tzinfo
from functools import lru_cache
from typing import Any

from django import template
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from checkpoints.domain import durations, positions
from checkpoints.domain.messages import Message
from checkpoints.domain.tide import Tide
from checkpoints.templatetags import wording
from checkpoints.templatetags.markup import EMPTY, html, joined, once_per_language

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
    begin = _begin_of_when(moment, timezone.get_current_timezone())
    return html("{}<span>{}</span></small></time>", begin, _relative(moment, now))


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
    if moment is None:
        return _dash()
    return html("{}{}</time>", _begin_of_age(moment, timezone.get_current_timezone()), _relative(moment, now))


@register.simple_tag
def age_words() -> str:
    """Return the words for ages as JSON for the script of the page: now, past, then future."""
    return json.dumps([wording.sentence(one).replace("0", "#") for one in durations.AGES])


@register.filter
def since(at: datetime, now: datetime) -> SafeString:
    """Show the age of something as a span, its time in the title; what is from the future has none."""
    return _time(at, durations.in_words(max(timedelta(0), now - at)))


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


@once_per_language
def at_least(shown: str | SafeString) -> SafeString:
    """Mark a figure as a lower bound."""
    return html('<span title="{}">≥ </span>{}', _("at least"), shown)


@once_per_language
def at_most(shown: str | SafeString) -> SafeString:
    """Mark a figure as an upper bound."""
    return html('<span title="{}">≤ </span>{}', _("at most"), shown)


@once_per_language
def loss(lost: int | None, left: str | SafeString, risk: str) -> str | SafeString:
    """Show how many log groups were lost, or else how long until that; `risk` is "", warn or bad."""
    if lost:
        words = _("%(lost)s lost") % {"lost": grouped(lost)}
        return html('<span class="badge bad">{}</span><small>{}</small>', words, _("log groups"))
    return html('<span class="badge {}">{}</span>', risk, left) if risk else left


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
    return _badge(kind, str(value))


@register.simple_tag
def wordof(kind: str, value: str) -> str:
    """Return the word alone."""
    return wording.word(kind, str(value))[0]


@register.simple_tag
def toneof(kind: str, value: str) -> str:
    """Return the tone alone: ok, warn, bad or nothing."""
    return wording.word(kind, str(value))[1]


@register.simple_tag
def tide(row: Any) -> SafeString:
    """Draw the bar "retained · read · unread · lost" of a row with .tide, or of a Tide itself, as SVG.

    A row's `tone` colours the unread part.
    """
    bar: Tide | None = row if isinstance(row, Tide) else getattr(row, "tide", None)
    return draw(bar, getattr(row, "tone", ""))


def draw(bar: Tide | None, tone: str) -> SafeString:
    """Draw a bar, or say that its range is not known."""
    if bar is None:
        return html('<span class="none">—</span>')
    return html(
        '<svg class="tide" width="{}" height="18" viewBox="0 0 {} 18" preserveAspectRatio="none" role="img">'
        "<title>{}</title>{}{}{}{}{}</svg>",
        bar.width, bar.width, msg(bar.title),
        _stretch("kept", bar.kept_x, bar.kept_w),
        _stretch(f"unread {tone}", bar.unread_x, bar.unread_w) if bar.unread_w else EMPTY,
        _gone(bar) if bar.lost_w else EMPTY,
        _stroke("at", bar.at_x),
        joined([_stroke("to", bar.to_x), _arrow(bar)]),
    )  # fmt: skip


def _stretch(name: str, x: float, width: float) -> SafeString:
    return html('<rect class="{}" x="{}" y="6" width="{}" height="7" rx="3"/>', name, plain(x), plain(width))


def _gone(bar: Tide) -> SafeString:
    return html(
        '<g><title>{}</title><rect class="lost" x="{}" y="3" width="{}" height="13"/></g>',
        msg(bar.lost_title), plain(bar.lost_x), plain(bar.lost_w),
    )  # fmt: skip


def _stroke(name: str, x: float | None) -> SafeString:
    if x is None:
        return EMPTY
    return html('<line class="{}" x1="{}" x2="{}" y1="2" y2="17"/>', name, plain(x), plain(x))


def _arrow(bar: Tide) -> SafeString:
    """Join the checkpoint with the target; the line ends a little before it."""
    if bar.at_x is None or bar.to_x is None:
        return EMPTY
    return html(
        '<path d="M{} 3 L{} 3"/>', plain(bar.at_x), plain(bar.to_x + (3 if bar.to_x < bar.at_x else -3))
    )


def _moment(at: datetime | str | None) -> datetime | None:
    return datetime.fromisoformat(at) if isinstance(at, str) and at else at or None


@once_per_language
def _badge(kind: str, value: str) -> SafeString:
    name, tone = wording.word(kind, value)
    return html('<span class="badge {}">{}</span>', tone, name)


def _relative(at: datetime, now: datetime | None) -> str:
    message = durations.relative(at, now or timezone.now())
    return _counted(message.text, *message.values.values())


@once_per_language
def _counted(text: str, *count: object) -> str:
    """Say "3 min ago": a table says it a hundred times, and there are some two hundred of them."""
    return wording.sentence(Message(text, {"count": count[0]} if count else {}))


def _utc_text(local: datetime, utc: datetime) -> str:
    return f"{utc:%H:%M:%S} UTC" if local.date() == utc.date() else f"{utc:%m-%d %H:%M:%S} UTC"


def _time(at: datetime, text: str) -> SafeString:
    return html("{}{}</time>", _begin_of_time(at, timezone.get_current_timezone()), text)


@lru_cache(maxsize=8192)
def _begin_of_when(at: datetime, zone: tzinfo) -> SafeString:
    utc, local = at.astimezone(UTC), at.astimezone(zone)
    small = "" if local.utcoffset() == timedelta(0) else f"{_utc_text(local, utc)} · "
    return html(
        '<time class="when" datetime="{}" title="{} UTC">{} <small>{}',
        utc.isoformat(),
        f"{utc:%Y-%m-%d %H:%M:%S}",
        f"{local:%Y-%m-%d %H:%M:%S}",
        small,
    )


@lru_cache(maxsize=8192)
def _begin_of_time(at: datetime, zone: tzinfo) -> SafeString:
    """Return the opening tag: a page that refreshes itself shows most times again and again."""
    return _open_time(at, zone, EMPTY)


@lru_cache(maxsize=8192)
def _begin_of_age(at: datetime, zone: tzinfo) -> SafeString:
    """Return the opening tag of an age, which the script of the page lets go on (static/js/ages.js)."""
    return _open_time(at, zone, SafeString(' class="age"'))


def _open_time(at: datetime, zone: tzinfo, more: SafeString) -> SafeString:
    utc = at.astimezone(UTC)
    title = f"{at.astimezone(zone):%Y-%m-%d %H:%M:%S %Z} · {utc:%Y-%m-%d %H:%M:%S} UTC"
    return html('<time{} datetime="{}" title="{}">', more, utc.isoformat(), title)


@once_per_language
def _dash() -> SafeString:
    return html('<span class="none" title="{}">—</span>', _("not known"))


@register.filter
def plain(number: float) -> str:
    """Show a number for SVG: a point, no grouping, whatever the language."""
    return f"{number:g}"


@register.simple_tag
def page_url(asked: Any, page: int) -> str:
    """Return the address of another page of the same overview."""
    return str(asked.address(page=page))
