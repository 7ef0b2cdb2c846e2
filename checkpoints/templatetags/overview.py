"""What only the overview says: its cells, its columns, and addresses of the same view.

The cells are made here, not by a template: fifty rows of them would be more than half the time of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import gettext

from checkpoints.domain.messages import Message
from checkpoints.queries.asking import WORDS, Asked
from checkpoints.queries.overview import Row
from checkpoints.templatetags.checkpoints import ago, duration, grouped
from checkpoints.templatetags.wording import sentence

register = template.Library()
Text = str | SafeString


@register.simple_tag
def label_url(asked: Asked, label: str) -> str:
    """Return the address of the same overview with the groups of one label only."""
    return asked.address(label=label)


@register.simple_tag
def columns() -> list[tuple[str, Message]]:
    """Return the columns one can choose from, with their heads."""
    return list(WORDS.items())


@register.simple_tag
def cells(row: Row, cols: Iterable[str], now: datetime) -> SafeString:
    """Show the chosen columns of a row; on a narrow screen each cell tells its own label."""
    made = (_cell(name, *CELLS[name], row, now) for name in cols)
    return mark_safe("".join(made))  # noqa: S308 - every part comes from format_html


def _cell(name: str, tone: str, content: Callable[[Row, datetime], Text], row: Row, now: datetime) -> str:
    head = gettext(WORDS[name].text)
    return format_html('<td class="{}" data-label="{}">{}</td>', tone, head, content(row, now))


def _lag(row: Row, _now: datetime) -> SafeString:
    group = row.group
    return format_html("<b>{}</b>", _at_least(duration(group.lag_seconds), group.lag_is_lower_bound))


def _at_least(shown: Text, is_bound: bool) -> Text:
    """Mark a figure that is only a lower bound; a dash says already that it is not known."""
    if not is_bound or "—" in shown:
        return shown
    return format_html('<span title="{}">≥ </span>{}', gettext("at least"), shown)


def _trend(row: Row, _now: datetime) -> SafeString:
    spark = row.spark
    if not spark.path:
        return format_html('<span class="none" title="{}">—</span>', sentence(spark.title))
    return format_html(
        '<svg class="spark" width="{}" height="{}" role="img"><title>{}</title><path d="{}"/></svg>'
        ' <span class="trend {}">{}</span>',
        spark.width, spark.height, sentence(spark.title), spark.path, spark.trend.value, sentence(spark.word),
    )  # fmt: skip


def _loss(row: Row, _now: datetime) -> Text:
    lost, left = row.group.lost, duration(row.data_loss_in)
    if lost:
        words = gettext("%(lost)s lost") % {"lost": grouped(lost)}
        return format_html('<span class="badge bad">{}</span>', words)
    return format_html('<span class="badge {}">{}</span>', row.risk, left) if row.risk else left


def _commit(row: Row, now: datetime) -> Text:
    at, read_at = row.group.last_commit_at, row.group.read_at
    return ago(at, now) if at or not read_at else _muted(gettext("never"))


def _read(row: Row, now: datetime) -> Text:
    at = row.group.read_at
    return ago(at, now) if at else _muted(gettext("never read"))


def _muted(words: str) -> SafeString:
    return format_html('<span class="muted">{}</span>', words)


def _consumers(row: Row, _now: datetime) -> SafeString:
    return format_html("{} / {}", grouped(row.group.consumer_count), grouped(row.group.shard_count))


CELLS: dict[str, tuple[str, Callable[[Row, datetime], Text]]] = {
    "lag": ("num lead", _lag),
    "unread": ("num", lambda row, _now: _at_least(duration(row.unread_age), row.group.is_partial)),
    "backlog": ("num", lambda row, _now: _at_least(grouped(row.group.backlog), row.group.is_partial)),
    "trend": ("keep", _trend),
    "eta": ("eta", lambda row, _now: sentence(row.caught_up) or grouped(None)),
    "loss": ("num", _loss),
    "consumers": ("num", _consumers),
    "commit": ("keep", _commit),
    "read": ("keep", _read),
}
