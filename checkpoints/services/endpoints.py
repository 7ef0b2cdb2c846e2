"""Add, edit, test, disable and remove endpoints; every change is audited with its effect, or not made."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import datetime
from typing import Any

from django.db import IntegrityError, transaction

from checkpoints.domain.messages import say
from checkpoints.models import Endpoint
from checkpoints.services import audit, connections, endpoint_tests, sealing
from checkpoints.services.audit import Actor
from checkpoints.services.endpoint_fields import Fields, Invalid, check, region_of, split_url
from checkpoints.services.endpoint_tests import OperationVerdict

__all__ = [
    "Actor",
    "Invalid",
    "OperationVerdict",
    "add",
    "disable",
    "edit",
    "enable",
    "mask_key_id",
    "region_of",
    "remove",
    "split_url",
    "test",
]

PLAIN = (
    "name",
    "scheme",
    "host",
    "region",
    "signature",
    "access_key_id",
    "typed_projects",
    "protection",
    "interval_seconds",
    "calls_per_second",
)
UNKNOWN = dict.fromkeys(
    ("problem", "problem_at", "discovered_at", "next_discovery_at", "next_read_at", "opened_at", "retry_at")
) | {"failures": 0}
WIRE = ("scheme", "host", "region", "signature", "access_key_id")


def add(  # noqa: PLR0913 - the fields of one form
    *,
    actor: Actor,
    name: str,
    scheme: str,
    host: str,
    region: str,
    signature: str,
    access_key_id: str,
    secret: str,
    token: str = "",
    typed_projects: Sequence[str],
    protection: str,
    interval_seconds: int | None = None,
    calls_per_second: int | None = None,
    now: datetime,
) -> Endpoint:
    """Store a new endpoint with its secret sealed; raises Invalid, or sealing.Locked without a key."""
    fields = check(
        name=name,
        scheme=scheme,
        host=host,
        region=region,
        signature=signature,
        access_key_id=access_key_id,
        secret=secret,
        token=token,
        typed_projects=typed_projects,
        protection=protection,
        interval_seconds=interval_seconds,
        calls_per_second=calls_per_second,
    )
    if not fields.secret:
        raise Invalid({"secret": say("Enter the AccessKey secret.")})
    endpoint = Endpoint()
    _take_over(endpoint, fields, now)
    _store(endpoint, "endpoint.added", actor, before=None, now=now)
    return endpoint


def edit(  # noqa: PLR0913 - the fields of one form
    endpoint: Endpoint,
    *,
    actor: Actor,
    now: datetime,
    name: str,
    scheme: str,
    host: str,
    region: str,
    signature: str,
    access_key_id: str,
    secret: str = "",
    token: str = "",
    typed_projects: Sequence[str],
    protection: str,
    interval_seconds: int | None = None,
    calls_per_second: int | None = None,
) -> Endpoint:
    """Change an endpoint. An empty secret keeps the stored one, a new secret replaces the STS token as well.

    Where scheme, host or AccessKey ID change, the secret must be entered anew: nobody who may edit can send
    a stored secret to a host of their own. Raises Invalid, or sealing.Locked.
    """
    fields = check(
        name=name,
        scheme=scheme,
        host=host,
        region=region,
        signature=signature,
        access_key_id=access_key_id,
        secret=secret,
        token=token,
        typed_projects=typed_projects,
        protection=protection,
        interval_seconds=interval_seconds,
        calls_per_second=calls_per_second,
        but=endpoint,
    )
    with transaction.atomic():
        row = _held(endpoint)
        before = describe(row)
        moved = row.identity != fields.identity or row.access_key_id != fields.access_key_id
        if not fields.secret and (moved or not row.sealed_secret):
            raise Invalid({"secret": _why(moved=moved)})
        _take_over(row, fields, now)
        _store(row, "endpoint.edited", actor, before=before, now=now)
    return _fresh(endpoint)


def enable(endpoint: Endpoint, *, actor: Actor, now: datetime) -> Endpoint:
    """Let the collector read the endpoint again."""
    return _switch(endpoint, "endpoint.enabled", actor, now, enabled=True, **UNKNOWN)


def disable(endpoint: Endpoint, *, actor: Actor, now: datetime) -> Endpoint:
    """Stop all reading and resetting; the credentials stay sealed in their place."""
    return _switch(endpoint, "endpoint.disabled", actor, now, enabled=False)


def remove(endpoint: Endpoint, *, actor: Actor, now: datetime) -> Endpoint:
    """Wipe the credentials and hide the endpoint; what was read and reset through it stays."""
    return _switch(
        endpoint,
        "endpoint.removed",
        actor,
        now,
        enabled=False,
        removed_at=now,
        sealed_secret=b"",
        sealed_token=b"",
        secret_set_at=None,
        config_version=endpoint.config_version + 1,
    )


def test(endpoint: Endpoint, *, actor: Actor, now: datetime) -> list[OperationVerdict]:
    """Try each operation once and return one verdict each; writes nothing upstream. Audited."""
    verdicts = endpoint_tests.run(endpoint, now=now)
    failed = [verdict.operation for verdict in verdicts if verdict.ok is False]
    audit.record(
        "endpoint.tested",
        actor=actor,
        endpoint=endpoint,
        object_id=endpoint.pk,
        outcome="failed" if failed else "passed",
        details={verdict.operation: verdict.code or _mark(verdict.ok) for verdict in verdicts},
        at=now,
    )
    return verdicts


def describe(endpoint: Endpoint) -> dict[str, Any]:
    """Return what the audit log and lists may show of an endpoint: never a secret, half an AccessKey ID."""
    return {
        **{field: getattr(endpoint, field) for field in PLAIN},
        "access_key_id": mask_key_id(endpoint.access_key_id),
        "secret": "set" if endpoint.sealed_secret else "not set",
        "token": "set" if endpoint.sealed_token else "not set",
        "secret_set_at": endpoint.secret_set_at.isoformat() if endpoint.secret_set_at else None,
        "enabled": endpoint.enabled,
        "config_version": endpoint.config_version,
    }


def mask_key_id(access_key_id: str) -> str:
    """Return the last four characters, or none of a short one."""
    return "***" + (access_key_id[-4:] if len(access_key_id) >= 12 else "")


def _take_over(endpoint: Endpoint, fields: Fields, now: datetime) -> None:
    changed = any(getattr(endpoint, field) != getattr(fields, field) for field in WIRE)
    for field in PLAIN:
        setattr(endpoint, field, getattr(fields, field))
    if fields.secret:
        endpoint.sealed_secret = _sealed(endpoint, "sealed_secret", fields.secret)
        endpoint.sealed_token = b""
        endpoint.secret_set_at = now
    if fields.token:
        endpoint.sealed_token = _sealed(endpoint, "sealed_token", fields.token)
    if not endpoint._state.adding:
        endpoint.config_version += bool(changed or fields.secret or fields.token)
        # What was found with the old configuration says nothing about the new one.
        for field, value in UNKNOWN.items():
            setattr(endpoint, field, value)


def _sealed(endpoint: Endpoint, field: str, text: str) -> bytes:
    return sealing.seal(text, row=endpoint.pk, field=field, identity=endpoint.identity)


def _switch(endpoint: Endpoint, action: str, actor: Actor, now: datetime, **values: Any) -> Endpoint:
    with transaction.atomic():
        row = _held(endpoint)
        before = describe(row)
        for field, value in values.items():
            setattr(row, field, value)
        _store(row, action, actor, before=before, now=now)
    return _fresh(endpoint)


def _held(endpoint: Endpoint) -> Endpoint:
    """Return the row as it is now, held until the transaction ends; raises Invalid for a removed one."""
    row = Endpoint.objects.select_for_update().filter(pk=endpoint.pk, removed_at=None).first()
    if row is None:
        raise Invalid({"name": say("This endpoint was removed.")})
    return row


def _store(
    endpoint: Endpoint, action: str, actor: Actor, *, before: dict[str, Any] | None, now: datetime
) -> None:
    try:
        with transaction.atomic():
            endpoint.save()
            after = describe(endpoint)
            audit.record(
                action,
                actor=actor,
                endpoint=endpoint,
                object_id=endpoint.pk,
                before=before,
                after=after,
                at=now,
            )
    except IntegrityError as error:
        if not re.search(r"one_endpoint_per_name|checkpoints_endpoint\.name", str(error)):
            raise
        raise Invalid({"name": say("There is an endpoint with this name already.")}) from None


def _fresh(endpoint: Endpoint) -> Endpoint:
    connections.forget(endpoint)
    endpoint.refresh_from_db()
    return endpoint


def _why(*, moved: bool) -> Any:
    if moved:
        return say("Scheme, host or AccessKey ID changed: enter the AccessKey secret again.")
    return say("Enter the AccessKey secret.")


def _mark(ok: bool | None) -> str:
    return "not tested" if ok is None else "ok"
