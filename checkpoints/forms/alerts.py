"""Forms of alerts. What rules and channels may be is decided in their services."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from checkpoints.domain import conditions
from checkpoints.domain.conditions import Condition
from checkpoints.domain.messages import Message
from checkpoints.models import AlertRule, Channel, Endpoint
from checkpoints.queries import endpoints as queries
from checkpoints.services import alert_rules, channels

PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}
SPANS = [
    ("1800", _("30 minutes")),
    ("7200", _("2 hours")),
    ("28800", _("8 hours")),
    ("86400", _("1 day")),
    ("604800", _("7 days")),
]


class WriteOnly(forms.PasswordInput):
    """A text that is seen while it is typed and never sent back."""

    input_type = "text"


class Refusing(forms.Form):
    """A form that shows what the service said beside the fields it is about."""

    def refuse(self, problems: Mapping[str, Message]) -> None:
        """Add the sentences to their fields."""
        for name, message in problems.items():
            self.add_error(name if name in self.fields else None, gettext(message.text) % message.values)


class SilenceForm(forms.Form):
    """Why and for how long nothing is told of an alert."""

    reason = forms.CharField(label=_("Reason"), max_length=500)
    seconds = forms.TypedChoiceField(label=_("For"), choices=SPANS, coerce=int, initial="7200")


class RuleForm(Refusing):
    """What to look for, in which groups, and whom to tell."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("It stands in every notice."))
    endpoint = forms.ModelChoiceField(
        label=_("Endpoint"),
        queryset=Endpoint.objects.none(),
        required=False,
        empty_label=_("All endpoints"),
    )
    pattern = forms.CharField(
        label=_("Pattern"),
        max_length=255,
        initial="*",
        help_text=_(
            "The group's name, or project/logstore/group. * is anything, ? one character,"
            " [ab] one of some; case counts."
        ),
        widget=forms.TextInput(attrs=PLAIN),
    )
    condition = forms.ChoiceField(
        label=_("Condition"),
        choices=AlertRule.Condition.choices,
        widget=forms.Select(attrs={"aria-describedby": "id_condition_helptext"}),
    )
    limit = forms.CharField(
        label=_("Limit"),
        max_length=40,
        required=False,
        help_text=_("A duration, such as"),
        widget=forms.TextInput(attrs=PLAIN),
    )
    samples = forms.IntegerField(
        label=_("Samples in a row"),
        min_value=1,
        max_value=60,
        initial=3,
        help_text=_("So many readings in a row must say so before it fires, and before it is resolved."),
    )
    severity = forms.ChoiceField(
        label=_("Severity"),
        choices=AlertRule.Severity.choices,
        initial=AlertRule.Severity.WARNING.value,
    )
    channels = forms.ModelMultipleChoiceField(
        label=_("Channels"),
        queryset=Channel.objects.none(),
        required=False,
        help_text=_("Without a channel the alert is only seen here."),
        widget=forms.CheckboxSelectMultiple,
    )
    enabled = forms.BooleanField(label=_("Look for this"), required=False, initial=True)

    def __init__(self, *args: Any, rule: AlertRule | None = None, **kwargs: Any) -> None:
        if rule:
            names = ["name", "endpoint", "pattern", "condition", "samples", "severity", "enabled"]
            kwargs["initial"] = {name: getattr(rule, name) for name in names} | {
                "limit": conditions.show_limit(Condition(rule.condition), rule.limit),
                "channels": rule.channels.all(),
            }
        super().__init__(*args, **kwargs)
        self.fields["endpoint"].queryset = queries.present()  # type: ignore[attr-defined]
        self.fields["channels"].queryset = Channel.objects.all()  # type: ignore[attr-defined]

    @property
    def limited(self) -> str:
        """The conditions that have a limit, for the script that shows only what is needed."""
        return " ".join(one for one in Condition if one not in conditions.WITHOUT_LIMIT)

    @property
    def timed(self) -> str:
        """Those of them whose limit is a duration."""
        return self.limited.replace(Condition.BACKLOG, "")

    @property
    def wanted(self) -> alert_rules.Fields:
        """Return what was typed, as the service takes it."""
        return alert_rules.Fields(**self.cleaned_data)


class ChannelForm(Refusing):
    """Where notices go. Addresses of webhooks and secrets go in and never come out."""

    name = forms.CharField(label=_("Name"), max_length=80)
    kind = forms.ChoiceField(label=_("Kind"), choices=Channel.Kind.choices)
    url = forms.CharField(
        label=_("Address of the webhook"),
        max_length=1000,
        required=False,
        help_text=_("Stored sealed and never shown again."),
        widget=WriteOnly(attrs=PLAIN),
    )
    secret = forms.CharField(
        label=_("Secret"),
        max_length=256,
        required=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password", "spellcheck": "false"}),
    )
    addresses = forms.CharField(
        label=_("E-mail addresses"),
        max_length=1000,
        required=False,
        help_text=_("Commas between them."),
        widget=forms.TextInput(attrs=PLAIN),
    )
    enabled = forms.BooleanField(label=_("Use this channel"), required=False, initial=True)

    def __init__(self, *args: Any, channel: Channel | None = None, **kwargs: Any) -> None:
        if channel:
            addresses = channel.place if channel.kind == Channel.Kind.EMAIL else ""
            kwargs["initial"] = {"addresses": addresses} | {
                name: getattr(channel, name) for name in ("name", "kind", "enabled")
            }
        super().__init__(*args, **kwargs)

    @property
    def wanted(self) -> channels.Fields:
        """Return what was typed, as the service takes it."""
        return channels.Fields(**self.cleaned_data)
