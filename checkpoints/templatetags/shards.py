"""The rows of the table of shards, and the buttons that show log lines.

They are made here, not by a template: a group may have hundreds of shards, and a template takes a millisecond
for each.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from django import template
from django.template.context import Context
from django.urls import reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext, gettext_noop, ngettext

from checkpoints.domain.lag import ShardLag, State
from checkpoints.domain.tide import Tide
from checkpoints.queries.shards import ShardRow
from checkpoints.templatetags.checkpoints import (
    ago,
    at_least,
    badge,
    draw,
    duration,
    grouped,
    loss,
    short,
    span_text,
    when,
    wordof,
)
from checkpoints.templatetags.markup import EMPTY, cell, html, in_one_language, joined, once_per_language

register = template.Library()
Text = str | SafeString


@register.simple_tag
def shard_rows(
    rows: Iterable[ShardRow], as_of: datetime | None, now: datetime, may_reset: bool
) -> SafeString:
    """Show a row for each shard; on a narrow screen each cell tells its own label."""
    table = _Table(as_of, now, may_reset=bool(may_reset))
    with in_one_language():
        return joined([table.row(row) for row in rows])


@register.simple_tag(takes_context=True)
def look(context: Context, group: int, shard: int, plan: object) -> SafeString:
    """Show the button that asks for the log lines of one shard of a plan, and room for them."""
    return _look(group, shard, html('{}<input type="hidden" name="plan" value="{}">', _token(context), plan))


@register.simple_tag(takes_context=True)
def looks(context: Context, group: int, rows: Iterable[ShardRow]) -> SafeString:
    """Show that button for each shard of a group."""
    token, named = _token(context), gettext("Shard %(shard)s")
    shards = [row.facts.shard for row in rows]
    return joined(
        html("<li><b>{}</b> {}</li>", named % {"shard": shard}, _look(group, shard, token))
        for shard in shards
    )


def _token(context: Context) -> SafeString:
    return html('<input type="hidden" name="csrfmiddlewaretoken" value="{}">', context["csrf_token"])


def _look(group: int, shard: int, hidden: SafeString) -> SafeString:
    return html("{}{}{}", _begin_of_look(group, shard), hidden, _rest_of_look(shard))


@once_per_language
def _begin_of_look(group: int, shard: int) -> SafeString:
    url = reverse("peek", args=[group, shard])
    return html(
        '<form class="look" method="post" action="{}" hx-post="{}" hx-target="#lines-{}">', url, url, shard
    )


@once_per_language
def _rest_of_look(shard: int) -> SafeString:
    return html(
        '\n<button class="btn tiny" title="{}" aria-label="{}">{}</button></form>'
        '<div id="lines-{}" aria-live="polite"></div>',
        gettext("Each look is recorded."),
        gettext("See the log lines of shard %(shard)s") % {"shard": shard},
        gettext("See the log lines"),
        shard,
    )


@dataclass(frozen=True)
class _Table:
    """What all rows of a table have in common."""

    as_of: datetime | None
    now: datetime
    may_reset: bool

    def row(self, row: ShardRow) -> SafeString:
        """Show one shard, and what is wrong with it in a row of its own."""
        facts, lag = row.facts, row.lag
        kept = None if row.kept_for is None else span_text(row.kept_for)
        return html(
            '<tr id="shard-{}">\n{}{}{}{}{}{}\n</tr>{}',
            facts.shard,
            _pick(facts.shard) if self.may_reset else EMPTY,
            _number(facts.shard, tuple(row.parents), tuple(row.children)),
            _state(row.word, facts.readonly, tuple(row.waits_for)),
            _bar(row.tide, row.tone, kept),
            _cell("until", gettext_noop("Consumed until"), self._until(lag)),
            joined([*_figures(row), _owner(row), self._commit(row), _saved(row)]),
            self._problem(row) if facts.error else EMPTY,
        )

    def _until(self, lag: ShardLag) -> Text:
        """Tell until when this shard was consumed, or why that is not known."""
        if lag.consumed_until:
            return when(lag.consumed_until, self.now)
        return when(self.as_of, self.now) if lag.state is State.CAUGHT_UP else _why_unknown(lag.state)

    def _commit(self, row: ShardRow) -> SafeString:
        at = row.facts.updated_at
        shown = ago(at, self.now) if at else _nothing(row, gettext_noop("never"))
        return _cell("keep", gettext_noop("Last commit"), shown)

    def _problem(self, row: ShardRow) -> SafeString:
        known, before = row.last_known, EMPTY
        if known is not None:
            before = html(
                " <small>{} {}, {} {}, {} {} · {}</small>",
                gettext("Last known:"),
                wordof("state", known.state),
                gettext("backlog"),
                grouped(known.backlog),
                gettext("lag"),
                duration(known.lag),
                ago(row.last_known_at, self.now),
            )
        return html(
            '<tr class="problem"><td colspan="12" class="wide">{} {}{}</td></tr>',
            gettext("Shard %(shard)s:") % {"shard": row.facts.shard}, row.facts.error, before,
        )  # fmt: skip


def _cell(tone: str, head: str, content: object) -> SafeString:
    return cell(_begin_of_cell(tone, head), content)


@once_per_language
def _begin_of_cell(tone: str, head: str) -> SafeString:
    return html('<td class="{}" data-label="{}">', tone, gettext(head))


@once_per_language
def _muted(words: str) -> SafeString:
    return html('<span class="muted">{}</span>', gettext(words))


def _nothing(row: ShardRow, words: str) -> SafeString:
    """Say that there is nothing; of a checkpoint that could not be read that is not known."""
    return _muted(gettext_noop("unknown") if row.facts.checkpoint is None else words)


@once_per_language
def _pick(shard: int) -> SafeString:
    return html(
        '<td class="pick"><input type="checkbox" form="pick" name="shard" id="pick-{}" value="{}" data-pick'
        ' aria-label="{}"></td>',
        shard, shard, gettext("Choose shard %(shard)s") % {"shard": shard},
    )  # fmt: skip


@once_per_language
def _number(shard: int, parents: tuple[int, ...], children: tuple[int, ...]) -> SafeString:
    above = _related(gettext("from %(shards)s"), parents) if parents else EMPTY
    below = _related(gettext("now %(shards)s"), children) if children else EMPTY
    return html('<td class="num shard"><b>{}</b>{}{}</td>', shard, above, below)


def _related(words: str, shards: Iterable[int]) -> SafeString:
    return html("<small>{}</small>", words % {"shards": ", ".join(map(str, shards))})


@once_per_language
def _state(word: str, is_readonly: bool, waits_for: tuple[int, ...]) -> SafeString:
    access = gettext("read-only") if is_readonly else gettext("read/write")
    waits = EMPTY
    if waits_for:
        words = ngettext("waits for shard %(shards)s", "waits for shards %(shards)s", len(waits_for))
        waits = _related(words, waits_for)
    return html('<td class="keep state">{}{}<small>{}</small></td>', badge("shard", word), waits, access)


@once_per_language
def _bar(bar: Tide | None, tone: str, kept: str | None) -> SafeString:
    age, lost = EMPTY, EMPTY
    if kept is not None:
        age = html("<small>{}</small>", gettext("oldest kept: %(age)s old") % {"age": kept})
    if bar is not None and bar.lost_w:
        lost = html('<small class="lost">{}</small>', gettext("lost"))
    return html('<td class="wide bar">{}{}{}</td>', draw(bar, tone), lost, age)


@once_per_language
def _why_unknown(state: State) -> SafeString:
    words = {
        State.NEVER_SAVED: gettext_noop("never saved"),
        State.EXPIRED: gettext_noop("before what is kept"),
        State.AT_BEGIN: gettext_noop("before what is kept"),
        State.FINISHED: gettext_noop("all of it"),
        State.EMPTY: gettext_noop("nothing to read"),
        State.INVALID: gettext_noop("not of this shard"),
    }
    return _muted(words.get(state) or gettext_noop("unknown"))


def _figures(row: ShardRow) -> list[SafeString]:
    lag = row.lag
    late = (
        at_least(duration(lag.lag)) if lag.lag_is_lower_bound and lag.lag is not None else duration(lag.lag)
    )
    older = lag.state is State.EXPIRED and lag.unread_age is not None
    return [
        _cell("num lead", gettext_noop("Lag"), html("<b>{}</b>", late)),
        _cell(
            "num", gettext_noop("Unread age"), html("{}{}", "≥ " if older else "", duration(lag.unread_age))
        ),
        _cell("num", gettext_noop("Backlog"), grouped(lag.backlog)),
        _cell("num", gettext_noop("Data loss in"), _loss(row)),
    ]


def _loss(row: ShardRow) -> Text:
    lag = row.lag
    if row.lost_for is not None:
        title = gettext("%(lost)s log groups lost") % {"lost": grouped(lag.lost)}
        words = gettext("%(time)s lost") % {"time": span_text(row.lost_for)}
        return html('<span class="badge bad" title="{}">{}</span>', title, words)
    if lag.state is State.EXPIRED and not lag.lost:
        return html('<span class="badge bad">{}</span>', gettext("lost"))
    return loss(lag.lost, duration(lag.data_loss_in), row.risk)


def _owner(row: ShardRow) -> SafeString:
    name = row.facts.consumer
    return _cell(
        "owner", gettext_noop("Owner"), _named(name) if name else _nothing(row, gettext_noop("nobody"))
    )


def _named(name: str) -> SafeString:
    return html('<span class="clip" title="{}">{}</span>', name, name)


def _saved(row: ShardRow) -> SafeString:
    shard, checkpoint, position = row.facts.shard, row.facts.checkpoint, row.lag.position
    saved = _copied(shard, checkpoint, position) if checkpoint else _nothing(row, gettext_noop("none"))
    return _cell("saved", gettext_noop("Checkpoint"), saved)


@once_per_language
def _copied(shard: int, checkpoint: str, position: int | None) -> SafeString:
    named = gettext("Copy the checkpoint of shard %(shard)s") % {"shard": shard}
    return html(
        '<span class="copy"><code title="{}">{}</code> <button type="button" class="btn tiny" hidden'
        ' id="copy-{}" data-copy="{}" data-copied="{}" aria-label="{}">{}</button></span>'
        '<small class="mono" title="{}">{}</small>',
        checkpoint, short(checkpoint), shard, checkpoint, gettext("Copied"), named, gettext("Copy"),
        gettext("position"), "—" if position is None else position,
    )  # fmt: skip
