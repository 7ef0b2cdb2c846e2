"""Channels of alerts: add, edit, remove and test; every change is audited, addresses and secrets sealed."""

from __future__ import annotations

import re
import uuid
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from checkpoints import sls
from checkpoints.domain.messages import Message, say
from checkpoints.models import Channel, Notice
from checkpoints.services import audit, notice_text, posting, sealing
from checkpoints.services.audit import Actor
from checkpoints.services.endpoint_fields import EMPTY, NOT_OFFERED, Invalid

VISIBLE = re.compile(r"[\x21-\x7e]*", re.ASCII)
LONGEST_URL, LONGEST_SECRET, MOST_ADDRESSES = 1000, 256, 20
EMAIL = Channel.Kind.EMAIL


@dataclass(frozen=True)
class Fields:
    """The fields of a channel as typed: `url` of a webhook, `addresses` of e-mail."""

    name: str
    kind: str
    url: str = ""
    addresses: str = ""
    secret: str = ""
    enabled: bool = True

    def __repr__(self) -> str:
        return f"Fields({self.name!r}, {self.kind!r})"


def add(wanted: Fields, *, actor: Actor, now: datetime) -> Channel:
    """Store a new channel; raises endpoint_fields.Invalid with a sentence per field, or sealing.Locked."""
    channel = Channel()
    _take_over(channel, wanted)
    with transaction.atomic():
        channel.save()
        _record("channel.added", channel, actor, now, after=describe(channel))
    return channel


def edit(channel: Channel, wanted: Fields, *, actor: Actor, now: datetime) -> Channel:
    """Change a channel; an empty address keeps the stored one, and then an empty secret the stored secret.

    With a new address only the secret typed beside it counts: a stored one never goes to another place.
    """
    with transaction.atomic():
        row = Channel.objects.select_for_update().filter(pk=channel.pk).first()
        if row is None:
            raise Invalid({"name": say("This channel was removed.")})
        before = describe(row)
        _take_over(row, wanted)
        row.save()
        if row.kind == Channel.Kind.WEBHOOK:  # a program is told of each group by itself
            row.notices.filter(state=Notice.State.WAITING).update(lead=None)
        _record("channel.changed", row, actor, now, before=before, after=describe(row))
    return row


def remove(channel: Channel, *, actor: Actor, now: datetime) -> None:
    """Forget a channel with its notices; nothing happens when somebody did before."""
    with transaction.atomic():
        for row in Channel.objects.select_for_update().filter(pk=channel.pk):
            _record("channel.removed", row, actor, now, before=describe(row))
            row.delete()


def test(channel: Channel, *, actor: Actor, now: datetime) -> Message | None:
    """Send a test at once, also through a channel that is switched off; returns why it failed, if so."""
    body = {"id": str(uuid.uuid4())} | notice_text.test_facts(now=now)
    problem: Message | None = None
    try:
        posting.post(channel, notice_text.text(body), body, now=now)
    except posting.Undelivered as refused:
        problem = refused.message
    outcome = "failed" if problem else "passed"
    with transaction.atomic():
        _record("channel.tested", channel, actor, now, outcome=outcome, details={"problem": problem})
    return problem


def describe(channel: Channel) -> dict[str, Any]:
    """Return a channel as the audit keeps it: never its whole address, never its secret."""
    return {
        "name": channel.name,
        "kind": channel.kind,
        "place": channel.place,
        "secret": "set" if channel.sealed_secret else "not set",
        "enabled": channel.enabled,
    }


def _take_over(channel: Channel, wanted: Fields) -> None:
    """Check the fields and put them into the channel."""
    name, url, secret = wanted.name.strip(), wanted.url.strip(), wanted.secret.strip()
    errors = _bad_name(name, channel)
    if wanted.kind not in Channel.Kind.values:
        errors["kind"] = NOT_OFFERED
    elif wanted.kind == EMAIL:
        errors |= _bad_mail(wanted.addresses)
    elif url or channel.kind != wanted.kind:
        errors |= _bad_url(url)
    if len(secret) > LONGEST_SECRET or not VISIBLE.fullmatch(secret):
        errors["secret"] = say("Only plain ASCII characters without blanks are possible here.")
    if errors:
        raise Invalid(errors)
    channel.name, channel.kind, channel.enabled = name, wanted.kind, wanted.enabled
    if wanted.kind == EMAIL:
        channel.place = ", ".join(_addresses(wanted.addresses))
        channel.sealed_url = channel.sealed_secret = b""
        return
    if url:
        channel.place = posting.place_of(url)
        channel.sealed_url = sealing.seal(url, row=channel.pk, field=posting.URL, identity=channel.kind)
        channel.sealed_secret = b""
    if secret:
        channel.sealed_secret = sealing.seal(
            secret, row=channel.pk, field=posting.SECRET, identity=channel.place
        )


def _bad_name(name: str, channel: Channel) -> dict[str, Message]:
    if not name or len(name) > 80 or not name.isprintable():
        return {"name": say("A name is one line of at most %(limit)d characters.", limit=80)}
    if Channel.objects.filter(name=name).exclude(pk=channel.pk).exists():
        return {"name": say("There is a channel with this name already.")}
    return {}


def _bad_url(url: str) -> dict[str, Message]:
    if not url:
        return {"url": EMPTY}
    if len(url) > LONGEST_URL or not VISIBLE.fullmatch(url):
        return {"url": say("Only plain ASCII characters without blanks are possible here.")}
    try:
        parts = urlsplit(url)
        posting.network().check_scheme(parts.scheme)
        posting.network().check_host(parts.netloc)
    except ValueError:
        return {"url": say("Write the whole address, such as https://host/path.")}
    except sls.HostRefused as refused:
        return {"url": say("This address may not be called: %(words)s", words=refused.message)}
    return {}


def _bad_mail(text: str) -> dict[str, Message]:
    found = _addresses(text)
    if not settings.EMAIL_HOST:
        return {"kind": say("This site has no mail server: set EMAIL_URL.")}
    if not found or len(found) > MOST_ADDRESSES:
        return {"addresses": say("Write 1 to %(most)d e-mail addresses.", most=MOST_ADDRESSES)}
    for address in found:
        try:
            validate_email(address)
        except ValidationError:
            return {"addresses": say("%(text)s is not an e-mail address.", text=address[:80])}
    return {} if len(", ".join(found)) <= LONGEST_URL else {"addresses": say("These are too many.")}


def _addresses(text: str) -> list[str]:
    return list(dict.fromkeys(one for one in re.split(r"[\s,;]+", text) if one))


def _record(
    action: str,
    channel: Channel,
    actor: Actor,
    now: datetime,
    *,
    outcome: str = "done",
    before: Any = None,
    after: Any = None,
    details: Any = None,
) -> None:
    audit.record(
        action,
        actor=actor,
        outcome=outcome,
        object_id=channel.pk,
        before=before,
        after=after,
        details={"name": channel.name} | (details or {}),
        at=now,
    )
