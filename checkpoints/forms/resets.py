"""The form that confirms a plan."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

MINUTES = [(5, _("5 minutes")), (15, _("15 minutes")), (60, _("1 hour")), (180, _("3 hours"))]
ON_UNKNOWN = [("stop", _("Stop: send nothing more")), ("go-on", _("Go on with the rest"))]


class ConfirmForm(forms.Form):
    """Why a plan is applied, and with what in spite of whom."""

    reason = forms.CharField(
        label=_("Why (kept in the audit)"),
        max_length=500,
        error_messages={"required": _("Say why: the reason is kept in the audit.")},
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    ticket = forms.CharField(
        label=_("Ticket"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    on_unknown = forms.ChoiceField(
        label=_("When a write gets no answer"), choices=ON_UNKNOWN, required=False, initial="stop"
    )
    override = forms.BooleanField(label=_("Reset although somebody is consuming"), required=False)
    break_glass = forms.BooleanField(
        label=_("Break the glass: apply without the second person"), required=False
    )
    typed_name = forms.CharField(
        label=_("Type the group's name to go on all the same"),
        required=False,
        max_length=128,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
    minutes = forms.TypedChoiceField(
        label=_("Wait at most"), choices=MINUTES, coerce=int, empty_value=None, required=False, initial=15
    )

    def __init__(self, *args: Any, group_name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group_name = group_name

    def clean(self) -> dict[str, Any]:
        """An override, of consumers or of the second person, needs the name of the group."""
        found = super().clean() or self.cleaned_data
        forced = found.get("override") or found.get("break_glass")
        if forced and found.get("typed_name", "").strip() != self.group_name:
            self.add_error("typed_name", _("This is not the name of the group."))
        return found

    @property
    def words(self) -> dict[str, Any]:
        """Return what applying and waiting both take."""
        found = self.cleaned_data
        return {
            "reason": found["reason"],
            "ticket": found["ticket"],
            "stop_at_unknown": found["on_unknown"] != "go-on",
        }

    @property
    def within(self) -> timedelta:
        """Return how long to wait for quiet at most."""
        return timedelta(minutes=self.cleaned_data["minutes"] or 15)
