"""What the timeline of a group says: what was done, in words, and what came of each shard of a reset."""

from __future__ import annotations

from collections.abc import Iterable

from django import template
from django.utils.functional import Promise
from django.utils.safestring import SafeString
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from checkpoints.domain.positions import ranges
from checkpoints.queries.timeline import RESET, Told
from checkpoints.templatetags import wording
from checkpoints.templatetags.markup import html, joined

register = template.Library()
DEEDS: dict[str, str | Promise] = {
    RESET: _("Reset"),
    "reset.refused": _("Asked for a reset, which was refused"),
    "plan.made": _("Planned a reset"),
    "approval.asked": _("Asked a second person for approval"),
    "approval.approved": _("Approved a reset"),
    "approval.denied": _("Denied a reset"),
    "wait.asked": _("Let a reset wait until consumers are quiet"),
    "wait.ended": _("A reset that waited is no longer waiting"),
    "snapshot.taken": _("Took a snapshot"),
    "snapshot.scheduled": _("Set how often a snapshot is taken"),
    "logs.peeked": _("Looked at log lines"),
    "group.labelled": _("Changed the labels"),
    "group.changed": _("A setting was seen to change"),
    "alert.acknowledged": _("Acknowledged an alert"),
    "alert.silenced": _("Silenced an alert"),
    "alert.unsilenced": _("Ended the silence of an alert"),
    "access.denied": _("Tried what is not allowed"),
}
"""By the actions of the audit log that name a group."""


@register.filter
def deed(action: str) -> str:
    """Return what was done in words."""
    return str(DEEDS.get(action) or gettext("Something else"))


@register.filter
def outcome_known(outcome: str) -> bool:
    """Tell whether an outcome has a word."""
    return outcome in wording.OUTCOMES


@register.filter
def told(lines: Iterable[Told]) -> SafeString:
    """Show what came of the shards of a reset: "Confirmed: 0-2, 5 · Held: 0-2"."""
    return joined(
        html("<span>{}: {}</span> ", wording.word("outcome", one.outcome)[0], ranges(one.shards))
        for one in lines
    )
