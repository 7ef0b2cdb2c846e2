"""The rules for the fields of an endpoint, each with a sentence for the person who typed it."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

from django.db.models import Q

from checkpoints import sls
from checkpoints.domain.messages import Message, say
from checkpoints.models import Endpoint, Region
from checkpoints.services.connections import network

T = TypeVar("T")

PROJECT = re.compile(r"[a-z0-9][a-z0-9-]{1,61}[a-z0-9]", re.ASCII)
REGION = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", re.ASCII)
VISIBLE = re.compile(r"[\x21-\x7e]+", re.ASCII)
SLS_HOST = re.compile(r"([a-z0-9-]+?)(-intranet|-internal|-share|-vpc)?\.(log|sls)\.aliyuncs\.com", re.ASCII)
LONGEST_NAME = 80
LONGEST_HOST = 255
LONGEST_KEY_ID = 128
LONGEST_SECRET = 256
LONGEST_TOKEN = 8192
MOST_PROJECTS = 1000
INTERVALS = (5, 3600)
RATES = (10, 10_000)
EMPTY = say("This is empty; it is needed.")
NOT_OFFERED = say("Choose one of the values offered.")


class Invalid(Exception):  # noqa: N818 - says what the input is
    """Some fields cannot be used; `errors` has one message per field."""

    def __init__(self, errors: dict[str, Message]) -> None:
        super().__init__("; ".join(f"{field}: {message}" for field, message in errors.items()))
        self.errors = errors


class Wrong(Exception):  # noqa: N818 - stays inside this module's callers
    """One value cannot be used."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


@dataclass(frozen=True)
class Fields:
    """Checked fields of an endpoint; `secret` and `token` are "" when they were left empty."""

    name: str
    scheme: str
    host: str
    region: str
    signature: str
    access_key_id: str
    secret: str
    token: str
    typed_projects: list[str]
    protection: str
    interval_seconds: int | None
    calls_per_second: int | None

    @property
    def identity(self) -> str:
        """Return what a secret is sealed for; the same form as Endpoint.identity."""
        return f"{self.scheme}://{self.host}"


class Checker:
    """Runs one rule per field and collects what is wrong."""

    def __init__(self) -> None:
        self.errors: dict[str, Message] = {}

    def take(self, field: str, rule: Callable[[], T], otherwise: T) -> T:
        try:
            return rule()
        except Wrong as wrong:
            self.errors.setdefault(field, wrong.message)
            return otherwise


def check(  # noqa: PLR0913 - the fields of one form
    *,
    name: str,
    scheme: str,
    host: str,
    region: str,
    signature: str,
    access_key_id: str,
    secret: str,
    token: str,
    typed_projects: Sequence[str],
    protection: str,
    interval_seconds: int | None = None,
    calls_per_second: int | None = None,
    but: Endpoint | None = None,
) -> Fields:
    """Return the fields in the form they are stored, or raise Invalid with every field that is wrong.

    `but` is the endpoint being edited, whose own name is free.
    """
    checker = Checker()
    scheme = checker.take("scheme", lambda: _scheme(scheme), "https")
    host = checker.take("host", lambda: _host(host), "")
    signature = checker.take("signature", lambda: _choice(signature, Endpoint.Signature.values), "v1")
    fields = Fields(
        name=checker.take("name", lambda: _name(name, but), ""),
        scheme=scheme,
        host=host,
        region=checker.take("region", lambda: _region(region, host, signature), ""),
        signature=signature,
        access_key_id=checker.take("access_key_id", lambda: _key_id(access_key_id), ""),
        secret=checker.take("secret", lambda: _visible(secret, LONGEST_SECRET), ""),
        token=checker.take("token", lambda: _visible(token, LONGEST_TOKEN), ""),
        typed_projects=checker.take("typed_projects", lambda: _projects(typed_projects), []),
        protection=checker.take("protection", lambda: _choice(protection, Endpoint.Protection.values), ""),
        interval_seconds=checker.take(
            "interval_seconds", lambda: _between(interval_seconds, INTERVALS), None
        ),
        calls_per_second=checker.take("calls_per_second", lambda: _between(calls_per_second, RATES), None),
    )
    if checker.errors:
        raise Invalid(checker.errors)
    return fields


def split_url(text: str) -> tuple[str, str]:
    """Return scheme and host of "https://host[:port]/" or of a host alone, unchecked."""
    scheme, mark, rest = text.strip().partition("://")
    if not mark:
        return "https", text.strip()
    return scheme.lower(), rest.removesuffix("/")


def region_of(host: str) -> str:
    """Return the region a host belongs to, by the list of regions or by the form of the name; else ""."""
    listed = Region.objects.filter(
        Q(public_host=host) | Q(intranet_host=host) | Q(internal_host=host)
    ).first()
    if listed is not None:
        return listed.id
    named = SLS_HOST.fullmatch(host)
    return named[1] if named and named[1] != "log-global" else ""


def _name(text: str, but: Endpoint | None) -> str:
    text = _short(text, LONGEST_NAME)
    if not text:
        raise Wrong(EMPTY)
    if not text.isprintable():
        raise Wrong(say("A name has no control characters."))
    same = Endpoint.objects.filter(name=text, removed_at=None)
    if (same.exclude(pk=but.pk) if but else same).exists():
        raise Wrong(say("There is an endpoint with this name already."))
    return text


def _scheme(text: str) -> str:
    text = _choice(text, Endpoint.Scheme.values)
    try:
        network().check_scheme(text)
    except sls.HostRefused:
        raise Wrong(
            say(
                "http:// sends data unprotected and is not allowed here; use https://, or set SLS_ALLOW_HTTP."
            )
        ) from None
    return text


def _host(text: str) -> str:
    text = _short(text, LONGEST_HOST).lower()
    if not text:
        raise Wrong(EMPTY)
    if "://" in text:
        raise Wrong(say("Give the host alone, without https://."))
    if not VISIBLE.fullmatch(text):
        raise Wrong(say("A host is written in plain ASCII letters, digits, dots and hyphens."))
    if "@" in text:
        raise Wrong(say("A host has no user name before it."))
    if set(text) & set("/\\?#"):
        raise Wrong(say("A host has no path behind it."))
    try:
        network().check_host(text)
    except sls.HostRefused as refused:
        raise Wrong(_refused(text, refused)) from None
    return text


def _refused(host: str, refused: sls.HostRefused) -> Message:
    if "is not a host of SLS" in refused.message:
        return say(
            "%(host)s is not a host of SLS: it must end in .log.aliyuncs.com or .sls.aliyuncs.com,"
            " or be listed in SLS_ALLOWED_HOSTS.",
            host=host,
        )
    return say("The host may not be called: %(words)s", words=refused.message)


def _region(text: str, host: str, signature: str) -> str:
    text = _short(text, 64).lower() or region_of(host)
    if not text and signature == Endpoint.Signature.V4 and host:
        raise Wrong(say("Signature v4 needs the region, and the host does not tell it."))
    if text and not REGION.fullmatch(text):
        raise Wrong(say("A region ID is written like cn-hangzhou: small letters, digits and hyphens."))
    return text


def _key_id(text: str) -> str:
    text = _visible(text, LONGEST_KEY_ID)
    if not text:
        raise Wrong(EMPTY)
    return text


def _visible(text: str, longest: int) -> str:
    text = _short(text, longest)
    if text and not VISIBLE.fullmatch(text):
        raise Wrong(say("Only plain ASCII characters without blanks are possible here."))
    return text


def _projects(names: Sequence[str]) -> list[str]:
    kept = list(dict.fromkeys(name.strip() for name in names if name.strip()))
    if len(kept) > MOST_PROJECTS:
        raise Wrong(say("There are more than %(most)d projects.", most=MOST_PROJECTS))
    for name in kept:
        if not PROJECT.fullmatch(name):
            shown = "".join(letter if letter.isprintable() else "?" for letter in name[:63])
            raise Wrong(
                say(
                    "%(name)s is not a project name: 3 to 63 small letters, digits and hyphens,"
                    " with a letter or digit at both ends.",
                    name=shown,
                )
            )
    return kept


def _choice(text: str, allowed: Sequence[str]) -> str:
    if text not in allowed:
        raise Wrong(NOT_OFFERED)
    return text


def _between(number: int | None, bounds: tuple[int, int]) -> int | None:
    """Return the number, or None for the usual one."""
    least, most = bounds
    if number is not None and not least <= number <= most:
        raise Wrong(say("This is not between %(least)d and %(most)d.", least=least, most=most))
    return number


def _short(text: str, longest: int) -> str:
    """Return the text without blanks around it, at most `longest` characters."""
    text = text.strip(" \t\r\n")
    if len(text) > longest:
        raise Wrong(say("This is longer than %(longest)d characters.", longest=longest))
    return text
