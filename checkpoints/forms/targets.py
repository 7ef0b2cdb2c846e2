"""The form that asks which shards should go where."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.core.files.uploadedfile import UploadedFile
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from checkpoints.domain import cursor_files, moments, targets
from checkpoints.domain.messages import Message, Refusal
from checkpoints.forms.own_targets import OwnTargets, read, words

TO = [
    ("earliest", _("The oldest log group kept: everything still retained is consumed again")),
    ("latest", _("The end: everything unread is skipped and never consumed by this group")),
    ("time", _("A time: consume what was received from then on")),
    ("text", _("Typed: 2h ago, -30m, +10groups, cursor:…, group:…, snapshot:…")),
    ("file", _("A CSV file with the columns shard and cursor")),
    ("snapshot", _("A snapshot of this group")),
    ("group", _("Where another group of this Logstore is")),
]
SPEAKS_FOR_SHARDS = (targets.Undo, targets.Rest, targets.FromSnapshot, targets.Keep)
"""Targets that name shards themselves, so that none has to be ticked."""
PLAIN = {"autocomplete": "off", "spellcheck": "false"}


class TargetForm(forms.Form):
    """Which shards, and where to: one target for all, and others for single shards; nothing is preselected.

    After is_valid(): `target`, `typed`, `each` by shard, and the shards in `cleaned_data`, None for all that
    the target speaks of.
    """

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
        widget=forms.TextInput(attrs={"placeholder": "2h ago", **PLAIN}),
    )
    file = forms.FileField(
        label=_("File"), required=False, widget=forms.FileInput(attrs={"accept": ".csv,text/csv"})
    )
    snapshot = forms.ChoiceField(label=_("Snapshot"), required=False)
    group = forms.ChoiceField(label=_("Group"), required=False)

    def __init__(
        self,
        *args: Any,
        now: datetime,
        snapshots: Sequence[tuple[str, str]] = (),
        groups: Sequence[str] = (),
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.now = now
        self._offer(snapshot=snapshots, group=[(name, name) for name in groups])
        self.target: targets.Target | None = None
        self.typed = ""
        self.chosen_zone: ZoneInfo | None = None
        self.cursors: dict[int, targets.Exact] | None = None
        self.own = OwnTargets(self.data)
        self.each: dict[int, targets.Target] = {}

    def _offer(self, **kinds: Sequence[tuple[str, str]]) -> None:
        """Offer what there is; a way with nothing to choose from is no way."""
        fields: dict[str, Any] = self.fields
        for kind, choices in kinds.items():
            fields[kind].choices = [("", "—"), *choices]
        fields["to"].choices = [(way, label) for way, label in TO if kinds.get(way, True)]

    def clean(self) -> dict[str, Any]:
        """Make the target, the shards and the targets of single shards; every refusal lands at its field."""
        found = super().clean() or self.cleaned_data
        self.chosen_zone = self._zone(found)
        self._clean_target(found)
        found["shards"] = self._clean_shards(found)
        self._clean_each(found)
        return found

    def echo(self) -> Message | str:
        """Return in words where the target goes, or what is wrong with it; "" while there is none."""
        self.is_valid()
        if "to" in self.errors:
            return ""
        if self.target is not None and self.chosen_zone is not None:
            return targets.echo(self.target, self.chosen_zone, self.typed, now=self.now)
        wrong = (self.errors[name] for name in ("zone", "when", "text") if name in self.errors)
        return next((str(errors[0]) for errors in wrong), "")

    def _clean_target(self, found: dict[str, Any]) -> None:
        ways: dict[str, tuple[str, Callable[[], None]]] = {
            "time": ("when", lambda: self._take_time(found)),
            "text": ("text", lambda: self._take(found.get("text", ""))),
            "file": ("file", lambda: self._take_file(found.get("file"))),
            "snapshot": ("snapshot", lambda: self._take_chosen("snapshot", found)),
            "group": ("group", lambda: self._take_chosen("group", found)),
        }
        if to := found.get("to"):
            field, step = ways.get(to, ("to", lambda: self._take(to)))
            self._try(field, step)

    def _take_time(self, found: dict[str, Any]) -> None:
        text = found.get("when", "")
        if not text:
            self._miss("when", gettext("Choose the time."))
        elif self.chosen_zone is not None:
            self._take(text)
            self.typed = f"{text.replace('T', ' ')} {self.chosen_zone.key}"

    def _take_file(self, sent: UploadedFile[bytes] | None) -> None:
        if sent is None:
            self._miss("file", gettext("Choose the file."))
            return
        self.cursors = cursor_files.read(sent.read(cursor_files.LARGEST + 1))
        self.target, self.typed = targets.Keep(), f"file: {sent.name}"

    def _take_chosen(self, kind: str, found: dict[str, Any]) -> None:
        if found.get(kind):
            self._take(f"{kind}:{found[kind]}")
        else:
            self._miss(kind, gettext("Choose one."))

    def _miss(self, field: str, words: str) -> None:
        """Say what is missing, unless what was sent is wrong already."""
        if field not in self.errors:
            self.add_error(field, words)

    def _zone(self, found: dict[str, Any]) -> ZoneInfo | None:
        name = found.get("zone") or timezone.get_current_timezone_name()
        try:
            return moments.parse_zone(name)
        except Refusal as refusal:
            self.add_error("zone", words(refusal.message))
            return None

    def _take(self, text: str) -> None:
        self.target, self.typed = read(text, self.chosen_zone, self.now), text.strip()

    def _try(self, field: str, step: Callable[[], None]) -> None:
        try:
            step()
        except Refusal as refusal:
            self.add_error(field, words(refusal.message))

    def _clean_shards(self, found: dict[str, Any]) -> tuple[int, ...] | None:
        """Return the shards ticked and typed; None stands for all that the target speaks of."""
        parts = [*self.ticked(), *filter(None, [found.get("shards_text", "").strip()])]
        if not parts:
            if not isinstance(self.target, SPEAKS_FOR_SHARDS):
                self.add_error("shards_text", _("Choose at least one shard."))
            return None
        try:
            return targets.parse_shards(",".join(parts))
        except Refusal as refusal:
            self.add_error("shards_text", words(refusal.message))
            return None

    def _clean_each(self, found: dict[str, Any]) -> None:
        """Read the targets of single shards; one that says what the target of all says is none of its own."""
        shards = found["shards"]
        own = self.own.read(zone=self.chosen_zone, now=self.now, shards=shards)
        if self.own.errors:
            self.add_error(None, words(self.own.refusal()))
        if self.cursors is None:
            same = self.target if shards is not None else None
            self.each = {shard: target for shard, target in own.items() if target != same}
            return
        wanted = None if shards is None else [shard for shard in shards if shard not in own]
        cursors = self.cursors
        self._try("file", lambda: self.each.update(cursor_files.chosen(cursors, wanted)))
        self.each |= own

    def ticked(self) -> list[str]:
        """Return the values of the ticked boxes as they were sent."""
        sent: Any = self.data
        return list(sent.getlist("shard")) if hasattr(sent, "getlist") else []


def zones() -> Iterable[str]:
    """Return zones worth offering; any other name may be typed."""
    return ["UTC", "Asia/Shanghai", "Asia/Singapore", "Asia/Tokyo", "Europe/Berlin", "America/New_York"]
