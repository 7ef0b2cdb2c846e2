"""What only the overview says: its rows, its columns, and addresses of the same view.

The rows are made here, not by a template: fifty of them would be more than half the time of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any

from django import template
from django.template.loader import get_template
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from checkpoints.domain.messages import Message
from checkpoints.domain.sparks import Spark
from checkpoints.queries.asking import WORDS, Asked
from checkpoints.queries.group_lines import GroupLine
from checkpoints.queries.overview import Overview, Row
from checkpoints.templatetags.checkpoints import ago, at_least, badge, duration, grouped, loss
from checkpoints.templatetags.markup import EMPTY, cell, html, in_one_language, joined, once_per_language
from checkpoints.templatetags.wording import sentence

register = template.Library()
Text = str | SafeString
Content = Callable[[Row, datetime], Text]
USUAL, PINNED = SafeString("<tr>"), SafeString('<tr class="pinned">')


@register.simple_tag
def columns() -> list[tuple[str, Message]]:
    """Return the columns one can choose from, with their heads."""
    return list(WORDS.items())


@register.simple_tag
def group_rows(view: Overview, now: datetime) -> SafeString:
    """Show the rows of the table; on a narrow screen each cell tells its own label."""
    asked = view.asked
    wanted = [(_begin_of_cell(name), CELLS[name][1]) for name in asked.cols]
    with in_one_language():
        return joined([_row(row, asked, wanted, now) for row in view.rows])


def _row(row: Row, asked: Asked, wanted: list[tuple[SafeString, Content]], now: datetime) -> SafeString:
    group = row.group
    cells = [cell(begin, content(row, now)) for begin, content in wanted]
    return html(
        '{}{}<td class="keep">{}{}</td>{}</tr>{}',
        PINNED if row.is_pinned else USUAL,
        _name(row, asked),
        badge("verdict", group.verdict),
        _code(group.problem) if group.problem else EMPTY,
        joined(cells),
        _problem(group, group.problem, len(asked.cols) + 2) if group.problem else EMPTY,
    )


@once_per_language
def _begin_of_cell(name: str) -> SafeString:
    return html('<td class="{}" data-label="{}">', CELLS[name][0], gettext(WORDS[name].text))


def _name(row: Row, asked: Asked) -> SafeString:
    group, endpoint = row.group, row.group.endpoint
    place = endpoint.name, group.project, group.logstore
    name = _named(group.pk, group.name, place, endpoint.enabled, row.is_pinned)
    return html("{}{}</td>", name, _labels(row, asked) if row.labels else EMPTY)


@once_per_language
def _named(pk: int, name: str, place: tuple[str, str, str], is_enabled: bool, is_pinned: bool) -> SafeString:
    off = EMPTY if is_enabled else html(" · {}", gettext("endpoint disabled"))
    names = html("{} / {} / {}", *place)
    return html(
        '<td class="name">{}<a class="clip" id="group-{}" href="{}" title="{}"><b>{}</b></a>'
        '<small class="clip" title="{}">{}{}</small>',
        _pin(pk, name, is_pinned), pk, reverse("group", args=[pk]), name, name, names, names, off,
    )  # fmt: skip


def _pin(pk: int, name: str, is_pinned: bool) -> SafeString:
    does, pressed = ("unpin", "true") if is_pinned else ("pin", "false")
    title = gettext("Unpin") if is_pinned else gettext("Pin: show first")
    return html(
        '<button class="pin" form="pinning" id="pin-{}" name="{}" value="{}" aria-pressed="{}"'
        ' aria-label="{}" title="{}"></button>',
        pk, does, pk, pressed, gettext("Pin %(name)s") % {"name": name}, title,
    )  # fmt: skip


def _labels(row: Row, asked: Asked) -> SafeString:
    return html('<small class="labels">{}</small>', joined(_label(asked, name) for name in row.labels))


@lru_cache(maxsize=1024)
def _label(asked: Asked, name: str) -> SafeString:
    return html('<a class="label" href="{}">{}</a>', asked.address(label=name), name)


def _code(problem: Mapping[str, Any]) -> SafeString:
    return html('<small class="trouble">{}</small>', problem.get("code"))


def _problem(group: GroupLine, problem: Mapping[str, Any], width: int) -> SafeString:
    """Return a row of its own for trouble that is not the endpoint's, which stands above the table."""
    of_endpoint = group.endpoint.problem or {}
    if problem.get("code") == of_endpoint.get("code"):
        return EMPTY
    context = {"problem": problem, "at": group.problem_at, "width": width}
    return SafeString(get_template("overview/_problem_row.html").render(context))


def _lag(row: Row, _now: datetime) -> SafeString:
    return _lag_of(row.group.lag_seconds, row.group.lag_is_lower_bound)


@once_per_language
def _lag_of(seconds: float | None, is_bound: bool) -> SafeString:
    return html("<b>{}</b>", _bound(seconds, duration(seconds), is_bound))


def _unread(row: Row, _now: datetime) -> Text:
    return _bound(row.unread_age, duration(row.unread_age), row.group.is_partial)


def _backlog(row: Row, _now: datetime) -> Text:
    return _bound(row.group.backlog, grouped(row.group.backlog), row.group.is_partial)


def _bound(figure: object, shown: Text, is_bound: bool) -> Text:
    """Mark a figure that is only a lower bound; a dash says already that it is not known."""
    return at_least(shown) if is_bound and figure is not None else shown


def _trend(row: Row, _now: datetime) -> SafeString:
    return _drawn(row.spark)


@once_per_language
def _drawn(spark: Spark) -> SafeString:
    if not spark.path:
        return html('<span class="none" title="{}">—</span>', sentence(spark.title))
    return html(
        '<svg class="spark" width="{}" height="{}" role="img"><title>{}</title><path d="{}"/></svg>'
        ' <span class="trend {}">{}</span>',
        spark.width, spark.height, sentence(spark.title), spark.path, spark.trend.value, sentence(spark.word),
    )  # fmt: skip


def _loss(row: Row, _now: datetime) -> Text:
    return loss(row.group.lost, duration(row.data_loss_in), row.risk)


def _commit(row: Row, now: datetime) -> Text:
    at, read_at = row.group.last_commit_at, row.group.read_at
    return ago(at, now) if at or not read_at else _muted(gettext("never"))


def _read(row: Row, now: datetime) -> Text:
    at = row.group.read_at
    return ago(at, now) if at else _muted(gettext("never read"))


def _muted(words: str) -> SafeString:
    return html('<span class="muted">{}</span>', words)


def _consumers(row: Row, _now: datetime) -> SafeString:
    return html("{} / {}", grouped(row.group.consumer_count), grouped(row.group.shard_count))


CELLS: dict[str, tuple[str, Content]] = {
    "lag": ("num lead", _lag),
    "unread": ("num", _unread),
    "backlog": ("num", _backlog),
    "trend": ("keep", _trend),
    "eta": ("eta", lambda row, _now: sentence(row.caught_up) or grouped(None)),
    "loss": ("num", _loss),
    "consumers": ("num", _consumers),
    "commit": ("keep", _commit),
    "read": ("keep", _read),
}
