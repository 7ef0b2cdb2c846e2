"""The form of a rule for groups. What a rule may be is decided in services.group_rules."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from checkpoints.domain.messages import Message
from checkpoints.models import Endpoint, GroupRule
from checkpoints.queries import endpoints as queries
from checkpoints.services.group_rules import Fields

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class RuleForm(forms.Form):
    """Which groups, how protected, and whose they are."""

    endpoint = forms.ModelChoiceField(
        label=_("Endpoint"),
        queryset=Endpoint.objects.none(),
        required=False,
        empty_label=_("All endpoints"),
    )
    pattern = forms.CharField(
        label=_("Pattern"),
        max_length=255,
        help_text=_(
            "The group's name, or project/logstore/group. * is anything, ? one character,"
            " [ab] one of some; case counts."
        ),
        widget=forms.TextInput(attrs=PLAIN | {"placeholder": "pay-*"}),
    )
    protection = forms.ChoiceField(
        label=_("Protection"),
        choices=Endpoint.Protection.choices,
        initial=Endpoint.Protection.TWO_PERSON.value,
    )
    service_owned = forms.BooleanField(
        label=_("The service owns these groups: a reset warns of harm"), required=False
    )
    note = forms.CharField(label=_("Note"), max_length=255, required=False)

    def __init__(self, *args: Any, rule: GroupRule | None = None, **kwargs: Any) -> None:
        if rule:
            names = ["endpoint", "pattern", "protection", "service_owned", "note"]
            kwargs["initial"] = {name: getattr(rule, name) for name in names}
        super().__init__(*args, **kwargs)
        self.fields["endpoint"].queryset = queries.present()  # type: ignore[attr-defined]

    @property
    def wanted(self) -> Fields:
        """Return what was typed, as the service takes it."""
        return Fields(**self.cleaned_data)

    def refuse(self, problems: Mapping[str, Message]) -> None:
        """Show what the service said beside the fields it is about."""
        for name, message in problems.items():
            self.add_error(name, gettext(message.text) % message.values)
