"""The form that answers a request for approval."""

from __future__ import annotations

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

DECISIONS = [("approve", _("Approve")), ("deny", _("Deny"))]


class DecideForm(forms.Form):
    """Yes or no, and why; a no needs its reason."""

    decision = forms.ChoiceField(choices=DECISIONS, error_messages={"required": _("Approve or deny.")})
    words = forms.CharField(
        label=_("What to say about it (needed to deny)"),
        required=False,
        max_length=500,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        """A denial says why."""
        found = super().clean() or self.cleaned_data
        if found.get("decision") == "deny" and not found.get("words") and "words" not in self.errors:
            self.add_error("words", _("Say why: the maker of the plan wants to know."))
        return found
