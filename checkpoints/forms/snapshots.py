"""The forms that take a snapshot and put a group on a schedule."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _


class SnapshotForm(forms.Form):
    """What the snapshot is called; services.snapshots says what a name may be."""

    name = forms.CharField(
        label=_("Name of the snapshot"),
        max_length=100,
        error_messages={"required": _("Give the snapshot a name.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "placeholder": _("before the deploy")}),
    )


class ScheduleForm(forms.Form):
    """How often; nothing is no schedule."""

    hours = forms.IntegerField(
        label=_("A snapshot every so many hours"),
        required=False,
        min_value=1,
        max_value=168,
        help_text=_("1 to 168; empty: none. The newest 60 of a schedule are kept."),
        widget=forms.NumberInput(attrs={"inputmode": "numeric"}),
    )
