"""Labels of groups: short words that everybody sees and filters by."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction

from checkpoints.domain.messages import say
from checkpoints.models import ConsumerGroup, Label
from checkpoints.services import audit
from checkpoints.services.audit import Actor
from checkpoints.services.refusals import Refused

MOST = 8
LONGEST = 40


class BadLabels(Refused):
    """Labels that are too many, too long or not printable."""

    code = "bad_labels"


def replace(group: ConsumerGroup, text: str, *, actor: Actor, now: datetime) -> list[str]:
    """Give a group the labels of a text with commas, and no others; returns them. Raises BadLabels."""
    wanted = _read(text)
    with transaction.atomic():
        ConsumerGroup.objects.select_for_update().get(pk=group.pk)  # one after the other
        before = list(Label.objects.filter(group=group).values_list("name", flat=True))
        if before == wanted:
            return wanted
        Label.objects.filter(group=group).exclude(name__in=wanted).delete()
        new = [Label(group=group, name=name) for name in wanted if name not in before]
        Label.objects.bulk_create(new)
        audit.record(
            "group.labelled", actor=actor, outcome="done", group=group, before=before, after=wanted, at=now
        )
    return wanted


def _read(text: str) -> list[str]:
    """Return the labels, sorted; the same word twice, in whatever case, is one."""
    words = {name.casefold(): name for part in text.split(",") if (name := " ".join(part.split()))}
    if len(words) > MOST:
        raise BadLabels(say("A group has at most %(most)d labels.", most=MOST))
    for name in words.values():
        if len(name) > LONGEST or not name.isprintable():
            raise BadLabels(say("A label has at most %(most)d characters, on one line.", most=LONGEST))
    return sorted(words.values())
