"""The filters of the audit page, as they stand in its address."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from checkpoints.domain import moments
from checkpoints.queries import audit as queries

BIGGEST = 2**63 - 1
LIKE_THIS = {"placeholder": "2026-11-20 08:00", "autocomplete": "off"}


class MomentField(forms.CharField):
    """A point in time as people type it; without a zone it is of the chosen one."""

    def clean(self, value: Any) -> Any:
        """Return an aware time, None for nothing typed."""
        text: str = super().clean(value)
        try:
            return moments.parse(text, zone=timezone.get_current_timezone()) if text else None
        except moments.BadMoment:
            raise forms.ValidationError(
                _("This is not a time. Write it like 2026-11-20 08:00 or 2026-11-20T08:00:00Z.")
            ) from None


class FilterForm(forms.Form):
    """What to look for; `before` is the sequence number where the last page ended."""

    action = forms.ChoiceField(label=_("Action"), required=False)
    actor = forms.CharField(label=_("Who"), required=False, max_length=150)
    group = forms.CharField(label=_("Consumer group"), required=False, max_length=128)
    outcome = forms.ChoiceField(label=_("Outcome"), required=False)
    since = MomentField(
        label=_("From"), required=False, max_length=80, widget=forms.TextInput(attrs=LIKE_THIS)
    )
    until = MomentField(
        label=_("Until"), required=False, max_length=80, widget=forms.TextInput(attrs=LIKE_THIS)
    )
    object = forms.CharField(label=_("Object ID"), required=False, max_length=64)
    before = forms.IntegerField(required=False, min_value=1, max_value=BIGGEST, widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, values in [("action", queries.actions()), ("outcome", queries.outcomes())]:
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)  # noqa: S101 - declared above
            field.choices = [("", _("Any")), *((value, value) for value in values)]

    def filters(self) -> queries.Filters:
        """Return what is asked for; call it when the form is valid."""
        found = self.cleaned_data
        since: datetime | None = found["since"]
        until: datetime | None = found["until"]
        return queries.Filters(
            action=found["action"],
            actor=found["actor"],
            group=found["group"],
            outcome=found["outcome"],
            object_id=found["object"],
            since=since,
            until=until,
        )
