"""What only the overview says: its rows, its columns, and addresses of the same view.

The rows are made here, not by a template: fifty of them would be more than half the time of the page.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from functools import lru_cache
from typing import Any
from urllib.parse import urlencode

from django import template
from django.template.loader import get_template
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext

from checkpoints.domain.alerting import State
from checkpoints.domain.messages import Message
from checkpoints.domain.sparks import Spark
from checkpoints.queries.asking import WORDS, Asked
from checkpoints.queries.group_lines import GroupLine
from checkpoints.queries.overview import Overview, Row
from checkpoints.templatetags.checkpoints import ago, at_least, at_most, badge, duration, grouped, loss
from checkpoints.templatetags.markup import EMPTY, cell, html, in_one_language, joined, once_per_language
from checkpoints.templatetags.wording import sentence

register = template.Library()
Text = str | SafeString
Content = Callable[[Row, datetime], Text]
BEGINS = {
    (False, False): SafeString("<tr>"),
    (True, False): SafeString('<tr class="pinned">'),
    (False, True): SafeString('<tr class="stale">'),
    (True, True): SafeString('<tr class="pinned stale">'),
}
"""How a row begins that is pinned, and one whose reading is too old."""
GROWING = {"name", "loss"}
"""Orders that begin with the least; the others begin with the greatest, the worst or the latest."""
SLOT = "\ue000"
"""Stands for HTML while a sentence is translated."""


@register.simple_tag
def columns() -> list[tuple[str, Message]]:
    """Return the columns one can choose from, with their heads."""
    return list(WORDS.items())


@register.simple_tag
def head(asked: Asked, order: str, words: str, title: str = "") -> SafeString:
    """Show the head of a column as a link that orders by it, and the other way where that is so already."""
    is_num = CELLS[order][0].startswith("num") if order in CELLS else False
    return html(
        '<th scope="col"{}{}><a id="by-{}" href="{}"{}>{}</a></th>',
        SafeString(' class="num"') if is_num else EMPTY,
        _aria_sort(asked.order, order),
        order,
        asked.address(order=asked.turned(order)),
        html(' title="{}"', title) if title else EMPTY,
        words,
    )


def _aria_sort(chosen: str, order: str) -> SafeString:
    """Say which way a column is ordered, by what it shows: the oldest unread has the greatest age."""
    if chosen.removeprefix("-") != order:
        return EMPTY
    grows = (order in GROWING) != chosen.startswith("-")
    return html(' aria-sort="{}"', "ascending" if grows else "descending")


@register.simple_tag
def group_rows(view: Overview, now: datetime) -> SafeString:
    """Show the rows of the table; on a narrow screen each cell tells its own label."""
    asked = view.asked
    wanted = [(_begin_of_cell(name), CELLS[name][1]) for name in asked.cols]
    with in_one_language():
        return joined([_row(row, asked, wanted, now) for row in view.rows])


def _row(row: Row, asked: Asked, wanted: list[tuple[SafeString, Content]], now: datetime) -> SafeString:
    cells = [cell(begin, content(row, now)) for begin, content in wanted]
    return html(
        '{}{}<td class="keep">{}</td>{}</tr>{}',
        BEGINS[row.is_pinned, row.is_stale],
        _name(row, asked),
        _verdict(row, now),
        joined(cells),
        _below(row, len(asked.cols) + 2),
    )


def _verdict(row: Row, now: datetime) -> SafeString:
    group = row.group
    parts = [
        badge("verdict", row.verdict),
        _alert(group) if group.has_alert else EMPTY,
        _last_read(group.read_at, now) if row.is_stale else EMPTY,
        _code(group.problem) if group.problem else EMPTY,
    ]
    return joined(parts)


def _last_read(at: datetime | None, now: datetime) -> SafeString:
    when = gettext("Last read %(when)s") % {"when": SLOT}
    before, _, after = when.partition(SLOT)
    return html("<small>{}{}{}</small>", before, ago(at, now), after)


def _alert(group: GroupLine) -> SafeString:
    """Return a link to what fires of a group, found by its names."""
    names = f"{group.name} {group.logstore} {group.project}"
    address = f"{reverse('alerts')}?{urlencode({'q': names, 'state': State.FIRING.value})}"
    return html('<small><a class="alert" href="{}">{}</a></small>', address, gettext("Alert"))


def _below(row: Row, width: int) -> SafeString:
    """Return the rows below that of a group: which of its shards were not read, and its own trouble."""
    group = row.group
    unread = EMPTY
    if row.unread:
        words = sentence(row.unread)
        unread = html('<tr class="problem mild"><td colspan="{}" class="wide">{}</td></tr>', width, words)
    return joined([unread, _problem(group, group.problem, width) if group.problem else EMPTY])


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
    lost, left, is_bound = row.group.lost, row.data_loss_in, row.group.is_partial
    shown = loss(lost, duration(left), row.risk)
    if lost:
        return _bound(lost, shown, is_bound)
    return at_most(shown) if is_bound and left is not None else shown


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
