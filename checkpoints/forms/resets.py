"""The form that confirms a plan."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _


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
    override = forms.BooleanField(label=_("Reset although somebody is consuming"), required=False)
    typed_name = forms.CharField(
        label=_("Type the group's name to override the running consumers"),
        required=False,
        max_length=128,
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )

    def __init__(self, *args: Any, group_name: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.group_name = group_name

    def clean(self) -> dict[str, Any]:
        """An override needs the name of the group."""
        found = super().clean() or self.cleaned_data
        if found.get("override") and found.get("typed_name", "").strip() != self.group_name:
            self.add_error("typed_name", _("This is not the name of the group."))
        return found
