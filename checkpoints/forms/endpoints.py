"""Forms of the endpoint pages. What an endpoint may be is decided in services.endpoints."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from checkpoints.domain.messages import Message
from checkpoints.models import Endpoint
from checkpoints.queries import endpoints as queries

HTTPS_ONLY = [(Endpoint.Scheme.HTTPS.value, Endpoint.Scheme.HTTPS.label)]
NOT_REMEMBERED = {"autocomplete": "new-password", "spellcheck": "false"}
PLAIN = {"autocomplete": "off", "autocapitalize": "none", "spellcheck": "false"}


class EndpointForm(forms.Form):
    """Where and as whom to connect, and how resets are protected. Secrets go in and never come out."""

    name = forms.CharField(label=_("Name"), max_length=80, help_text=_("As your team calls it."))
    region = forms.ChoiceField(label=_("Region"), required=False)
    host = forms.CharField(
        label=_("Host"),
        max_length=255,
        required=False,
        help_text=_("Empty: the public host of the region."),
        widget=forms.TextInput(
            attrs={**PLAIN, "list": "hosts", "placeholder": "cn-hangzhou.log.aliyuncs.com"}
        ),
    )
    scheme = forms.ChoiceField(label=_("Scheme"), choices=HTTPS_ONLY, initial="https")
    signature = forms.ChoiceField(label=_("Signature"), choices=Endpoint.Signature.choices, initial="v4")
    access_key_id = forms.CharField(
        label=_("AccessKey ID"), max_length=128, widget=forms.TextInput(attrs=PLAIN)
    )
    secret = forms.CharField(
        label=_("AccessKey secret"),
        max_length=256,
        required=False,
        strip=True,
        widget=forms.PasswordInput(attrs=NOT_REMEMBERED),
    )
    token = forms.CharField(
        label=_("STS token"),
        max_length=8192,
        required=False,
        help_text=_("Only for temporary keys; it ends when they do."),
        widget=forms.PasswordInput(attrs=NOT_REMEMBERED),
    )
    typed_projects = forms.CharField(
        label=_("Projects"),
        required=False,
        max_length=20_000,
        help_text=_(
            "One per line. Needed when the key may not list projects; listed ones are added by themselves."
        ),
        widget=forms.Textarea(attrs={**PLAIN, "rows": 4}),
    )
    protection = forms.ChoiceField(
        label=_("Protection"), choices=Endpoint.Protection.choices, initial=Endpoint.Protection.REASON.value
    )

    interval_seconds = forms.IntegerField(
        label=_("Seconds between readings"), required=False, min_value=5, max_value=3600
    )
    calls_per_second = forms.IntegerField(
        label=_("Most calls per second"), required=False, min_value=10, max_value=10_000
    )

    def __init__(self, *args: Any, endpoint: Endpoint | None = None, **kwargs: Any) -> None:
        if endpoint:
            kwargs["initial"] = _initial(endpoint)
        super().__init__(*args, **kwargs)
        usual = _("Empty: %(usual)d, as set for all endpoints.")
        self.fields["interval_seconds"].help_text = usual % {"usual": settings.COLLECT_INTERVAL}
        self.fields["calls_per_second"].help_text = usual % {"usual": settings.SLS_RATE}
        self.fields["region"].choices = queries.region_choices(endpoint.region if endpoint else "")  # type: ignore[attr-defined]
        if settings.SLS_ALLOW_HTTP:
            self.fields["scheme"].choices = Endpoint.Scheme.choices  # type: ignore[attr-defined]

    def clean_typed_projects(self) -> list[str]:
        lines = (line.strip() for line in self.cleaned_data["typed_projects"].splitlines())
        return list(dict.fromkeys(line for line in lines if line))

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        if not cleaned.get("host") and "host" not in self.errors:
            cleaned["host"] = queries.public_host(cleaned.get("region", ""))
            if not cleaned["host"]:
                self.add_error("host", _("Choose a region or write a host."))
        return cleaned

    def refuse(self, problems: Mapping[str, Message]) -> None:
        """Show what the service said beside the fields it is about."""
        for name, message in problems.items():
            self.add_error(name if name in self.fields else None, gettext(message.text) % message.values)


class RemoveForm(forms.Form):
    """The name of the endpoint, typed, so that nobody removes the wrong one."""

    name = forms.CharField(
        label=_("Type the name of the endpoint"), max_length=80, widget=forms.TextInput(attrs=PLAIN)
    )

    def __init__(self, *args: Any, endpoint: Endpoint, **kwargs: Any) -> None:
        self.endpoint = endpoint
        super().__init__(*args, **kwargs)

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"]
        if name != self.endpoint.name:
            raise forms.ValidationError(_("This is not the name of the endpoint."))
        return name


def _initial(endpoint: Endpoint) -> dict[str, Any]:
    names = ["name", "region", "host", "scheme", "signature", "access_key_id", "protection"]
    names += ["interval_seconds", "calls_per_second"]
    projects = "\n".join(endpoint.typed_projects)
    return {name: getattr(endpoint, name) for name in names} | {"typed_projects": projects}
