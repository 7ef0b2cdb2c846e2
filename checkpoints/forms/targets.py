"""The form that asks which shards should go where."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from checkpoints.domain import moments, targets
from checkpoints.domain.messages import Message, Refusal

TO = [
    ("earliest", _("The oldest log group kept: everything still retained is consumed again")),
    ("latest", _("The end: everything unread is skipped and never consumed by this group")),
    ("time", _("A time: consume what was received from then on")),
    ("text", _("Typed: 2h ago, -30m, +10groups, cursor:…, group:…, undo:…")),
]


def words(message: Message) -> str:
    """Return a message in the language of the page."""
    return gettext(message.text) % message.values


class TargetForm(forms.Form):
    """Which shards, and where to; nothing is chosen beforehand."""

    shards_text = forms.CharField(
        label=_("Shards by number"),
        required=False,
        max_length=20_000,
        widget=forms.TextInput(attrs={"placeholder": "0,2-5", "autocomplete": "off"}),
    )
    to = forms.ChoiceField(
        label=_("Where to"),
        choices=TO,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose where the checkpoints should go.")},
    )
    when = forms.CharField(
        label=_("Time"),
        required=False,
        max_length=80,
        widget=forms.TextInput(attrs={"type": "datetime-local", "step": "1"}),
    )
    zone = forms.CharField(
        label=_("Time zone"), required=False, max_length=64, widget=forms.TextInput(attrs={"list": "zones"})
    )
    text = forms.CharField(
        label=_("Target"),
        required=False,
        max_length=200,
        widget=forms.TextInput(attrs={"placeholder": "2h ago", "autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, now: datetime, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        self.target: targets.Target | None = None
        self.typed = ""

    def clean(self) -> dict[str, Any]:
        """Make the target and the shards; every refusal lands at its field."""
        found = super().clean() or self.cleaned_data
        self._clean_target(found)
        found["shards"] = self._clean_shards(found)
        return found

    def _clean_target(self, found: dict[str, Any]) -> None:
        to = found.get("to")
        if to == "time":
            self._try("when", lambda: self._take_time(found))
        elif to == "text":
            self._try("text", lambda: self._take(found.get("text", ""), self._zone(found)))
        elif to:
            self._try("to", lambda: self._take(to, None))

    def _take_time(self, found: dict[str, Any]) -> None:
        text = found.get("when", "")
        if not text:
            self.add_error("when", _("Choose the time."))
            return
        zone = self._zone(found)
        if zone is not None:
            self._take(text, zone)
            self.typed = f"{text.replace('T', ' ')} {zone.key}"

    def _zone(self, found: dict[str, Any]) -> ZoneInfo | None:
        name = found.get("zone") or timezone.get_current_timezone_name()
        try:
            return moments.parse_zone(name)
        except Refusal as refusal:
            self.add_error("zone", words(refusal.message))
            return None

    def _take(self, text: str, zone: ZoneInfo | None) -> None:
        target = targets.parse(text, zone=zone, now=self.now)
        if isinstance(target, targets.FromFile):
            self.add_error("text", _("A file is only read by the command, not by this page."))
            return
        self.target, self.typed = target, text.strip()

    def _try(self, field: str, step: Any) -> None:
        try:
            step()
        except Refusal as refusal:
            self.add_error(field, words(refusal.message))

    def _clean_shards(self, found: dict[str, Any]) -> tuple[int, ...] | None:
        """Return the shards ticked and typed; None stands for all an undo speaks of."""
        parts = [*self.ticked(), *filter(None, [found.get("shards_text", "").strip()])]
        if not parts:
            if not isinstance(self.target, targets.Undo):
                self.add_error("shards_text", _("Choose at least one shard."))
            return None
        try:
            return targets.parse_shards(",".join(parts))
        except Refusal as refusal:
            self.add_error("shards_text", words(refusal.message))
            return None

    def ticked(self) -> list[str]:
        """Return the values of the ticked boxes as they were sent."""
        sent: Any = self.data
        return list(sent.getlist("shard")) if hasattr(sent, "getlist") else []


def zones() -> Iterable[str]:
    """Return zones worth offering; any other name may be typed."""
    return ["UTC", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Europe/Berlin", "America/New_York"]
