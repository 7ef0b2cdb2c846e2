"""What charts say about lags, counts and rates; what is not known is never 0."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.template.defaultfilters import date
from django.utils import timezone
from django.utils.formats import get_format
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from checkpoints.domain.charts import XTick
from checkpoints.queries.history import Row
from checkpoints.templatetags.checkpoints import duration, grouped, plain
from checkpoints.templatetags.markup import html, joined

register = template.Library()


@register.filter
def quantity(value: float | None, unit: str) -> str | SafeString:
    """Show a value of a chart: {{ 90|quantity:"duration" }} is 1m 30s."""
    if value is None or unit == "count":
        return grouped(None if value is None else round(value))
    return duration(value) if unit == "duration" else f"{value:,.1f}/s"


@register.simple_tag
def time_axis(ticks: Iterable[XTick], height: int) -> SafeString:
    """Draw the times below a chart."""
    days = _day_format()
    return joined(
        html(
            '<line class="axis" x1="{}%" x2="{}%" y1="{}" y2="{}"/>'
            '<text class="{}{}" x="{}%" y="{}">{}</text>',
            plain(tick.x), plain(tick.x), height, height + 4, tick.anchor, " minor" if tick.is_minor else "",
            plain(tick.x), height + 17, date(tick.at, days if tick.is_day else "H:i"),
        )
        for tick in ticks
    )  # fmt: skip


def _day_format() -> str:
    """Return how the language of the page writes a day without its year: "Nov 26", "11月26日"."""
    return str(get_format("MONTH_DAY_FORMAT")).replace("F", "M")


@register.simple_tag
def shard_options(shards: Iterable[int], chosen: int | None) -> SafeString:
    """Offer each shard; a group may have hundreds."""
    words = gettext("Shard %(shard)s")
    return joined(
        html(
            '<option value="{}"{}>{}</option>',
            shard, SafeString(" selected") if shard == chosen else "", words % {"shard": shard},
        )
        for shard in shards
    )  # fmt: skip


@register.filter
def as_rows(rows: Iterable[Row]) -> SafeString:
    """Show points as rows of a table; a hundred of them in a template would be half the time of the page."""
    zone = timezone.get_current_timezone()
    return joined(
        html(
            '<tr><td>{}</td><td class="num">{}{}</td><td class="num">{}</td><td class="num">{}</td>'
            '<td class="num">{}</td></tr>',
            row.at.astimezone(zone).isoformat(" ", "minutes")[:16],
            "≥ " if row.point.at_least else "",
            quantity(row.point.lag, "duration"),
            quantity(row.point.backlog, "count"),
            quantity(row.point.drain_rate, "rate"),
            quantity(row.point.write_rate, "rate"),
        )
        for row in rows
    )
