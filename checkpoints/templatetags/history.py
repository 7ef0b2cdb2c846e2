"""What charts say about lags, counts and rates; what is not known is never 0."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils import timezone
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from checkpoints.queries.history import Row
from checkpoints.templatetags.checkpoints import duration, grouped

register = template.Library()


@register.filter
def quantity(value: float | None, unit: str) -> str | SafeString:
    """Show a value of a chart: {{ 90|quantity:"duration" }} is 1m 30s."""
    if value is None or unit == "count":
        return grouped(None if value is None else round(value))
    return duration(value) if unit == "duration" else f"{value:,.1f}/s"


@register.filter
def as_rows(rows: Iterable[Row]) -> SafeString:
    """Show points as rows of a table; a hundred of them in a template would be half the time of the page."""
    return format_html_join(
        "",
        '<tr><td>{}</td><td class="num">{}</td><td class="num">{}</td><td class="num">{}</td>'
        '<td class="num">{}</td></tr>',
        (
            (
                f"{timezone.localtime(row.at):%Y-%m-%d %H:%M}",
                format_html("{}{}", "≥ " if row.point.at_least else "", quantity(row.point.lag, "duration")),
                quantity(row.point.backlog, "count"),
                quantity(row.point.drain_rate, "rate"),
                quantity(row.point.write_rate, "rate"),
            )
            for row in rows
        ),
    )
