"""Targets of single shards: one field of text per shard, named target-SHARD."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from datetime import datetime
from zoneinfo import ZoneInfo

from django.utils.translation import gettext

from checkpoints.domain import targets
from checkpoints.domain.messages import Message, Refusal, say

FIELD = re.compile(r"target-([0-9]{1,9})", re.ASCII)


def words(message: Message) -> str:
    """Return a message in the language of the page."""
    return gettext(message.text) % message.values


def read(text: str, zone: ZoneInfo | None, now: datetime) -> targets.Target:
    """Return a target as a page takes it; raises BadTarget."""
    target = targets.parse(text, zone=zone, now=now)
    if isinstance(target, targets.FromFile):
        raise targets.BadTarget(say("A file is only read by the command; here it is sent as a CSV file."))
    return target


class OwnTargets:
    """What was typed for single shards; `errors` tell by shard what cannot be taken."""

    def __init__(self, sent: Mapping[str, object]) -> None:
        fields = ((FIELD.fullmatch(name), str(text).strip()) for name, text in sent.items())
        self.texts = {int(found[1]): text for found, text in fields if found and text}
        self.errors: dict[int, str] = {}

    def read(
        self, *, zone: ZoneInfo | None, now: datetime, shards: Collection[int] | None
    ) -> dict[int, targets.Target]:
        """Return the targets; one for a shard that was not chosen is an error, unless it keeps that shard."""
        found = {}
        for shard, text in self.texts.items():
            try:
                found[shard] = self._checked(text, shard, zone, now, shards)
            except Refusal as refusal:
                self.errors[shard] = words(refusal.message)
        return found

    def refusal(self) -> Message:
        """Return the sentence that names the shards with an error."""
        named = ", ".join(str(shard) for shard in sorted(self.errors))
        return say("Look at the targets of these shards: %(shards)s.", shards=named)

    def _checked(
        self, text: str, shard: int, zone: ZoneInfo | None, now: datetime, shards: Collection[int] | None
    ) -> targets.Target:
        target = read(text, zone, now)
        if shards is not None and shard not in shards and not isinstance(target, targets.Keep):
            raise targets.BadTarget(say("Tick this shard, or clear its target."))
        return target
