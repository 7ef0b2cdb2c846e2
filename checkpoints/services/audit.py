"""The audit log: who did what, to what, why, and what came of it. Rows are only ever added.

The caller's transaction holds the row together with what it tells about: both are stored, or neither.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, ParamSpec

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser
from django.db import connection, models, transaction
from django.utils import timezone

from checkpoints.models import AuditRow, ConsumerGroup, Endpoint
from checkpoints.services import audit_chain, sealing
from checkpoints.services.audit_chain import Flaw

__all__ = ["SYSTEM", "Actor", "Flaw", "as_dict", "record", "verify"]

LOCK = 0x534C53  # any number that nobody else takes for an advisory lock
DEEPEST = 20
P = ParamSpec("P")


@dataclass(frozen=True)
class Actor:
    """Who acts, as text that outlives the user; an empty id is not a user of the product."""

    id: str
    name: str
    roles: str = ""
    source_ip: str = ""

    @classmethod
    def of(cls, user: AbstractBaseUser | AnonymousUser, source_ip: str = "") -> Actor:
        """Return the actor for a user, with the roles held now."""
        if not user.is_authenticated:
            return cls("", "anonymous", source_ip=source_ip)
        groups: Any = getattr(user, "groups", None)
        roles = sorted(groups.values_list("name", flat=True)) if groups is not None else []
        if getattr(user, "is_superuser", False):
            roles.append("superuser")
        return cls(str(user.pk), user.get_username(), ",".join(roles), source_ip)


SYSTEM = Actor("", "system")


def row(  # noqa: PLR0913 - a row has many names, all of them optional
    action: str,
    *,
    actor: Actor,
    outcome: str = "",
    endpoint: Endpoint | None = None,
    group: ConsumerGroup | None = None,
    shard: int | None = None,
    object_id: object = "",
    before: Any = None,
    after: Any = None,
    reason: str = "",
    ticket: str = "",
    plan_hash: str = "",
    request_id: str = "",
    details: Any = None,
    at: datetime | None = None,
) -> AuditRow:
    """Return a row for append(), not stored yet; `action` is noun.verb."""
    made = AuditRow(
        id=uuid.uuid4(),
        at=(at or timezone.now()).astimezone(UTC),
        actor_id=actor.id,
        actor_name=actor.name,
        roles=actor.roles,
        source_ip=actor.source_ip,
        action=action,
        outcome=outcome,
        shard=shard,
        object_id=str(object_id),
        before=_plain(before),
        after=_plain(after),
        reason=reason,
        ticket=ticket,
        plan_hash=plan_hash,
        request_id=request_id,
        details=_plain(details),
        **_names(endpoint, group),
    )
    _fit(made)
    return made


@transaction.atomic
def append(rows: Sequence[AuditRow]) -> None:
    """Number, chain and store rows at the end of the log; nobody else appends until the transaction ends.

    While the sealing key is locked they are stored unsigned, and verify says so. Raises DatabaseError when
    they cannot be stored; then nothing of the caller's transaction is.
    """
    if connection.vendor == "postgresql":
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
    key = sealing.audit_key()
    last = AuditRow.objects.order_by("-seq").values_list("seq", "mac").first()
    seq, previous = last or (0, audit_chain.FIRST)
    for one in rows:
        seq += 1
        one.seq, one.previous_mac = seq, previous
        previous = one.mac = audit_chain.mac(key, as_dict(one)) if key else ""
    AuditRow.objects.bulk_create(rows)


def _appended(make: Callable[P, AuditRow]) -> Callable[P, AuditRow]:
    def record(*words: P.args, **named: P.kwargs) -> AuditRow:
        made = make(*words, **named)
        append([made])
        return made

    return record


record = _appended(row)
"""Add one row, made as by row(), at the end of the log and return it."""


def verify(*, anchor: tuple[int, str] | None = None) -> list[Flaw]:
    """Return every flaw of the chain; [] means that no row was edited, removed, put in or moved.

    Rows cut off at the end are only seen with an anchor: a (seq, MAC) noted down elsewhere.
    Raises sealing.Locked without the sealing key.
    """
    key = sealing.audit_key()
    if key is None:
        raise sealing.Locked(sealing.problem() or "")
    return list(audit_chain.flaws(key, _rows(), anchor=anchor))


def as_dict(row: AuditRow) -> dict[str, Any]:
    """Return all fields of a row as plain JSON values: the form that is signed and exported."""
    return {field.attname: _value(getattr(row, field.attname)) for field in AuditRow._meta.concrete_fields}


def _rows() -> Iterator[Mapping[str, Any]]:
    return (as_dict(row) for row in AuditRow.objects.order_by("seq").iterator(chunk_size=2000))


def _names(endpoint: Endpoint | None, group: ConsumerGroup | None) -> dict[str, str]:
    if group is None:
        return {"endpoint": endpoint.name if endpoint else ""}
    return {
        "endpoint": (endpoint or group.endpoint).name,
        "project": group.project.name,
        "logstore": group.logstore.name,
        "consumer_group": group.name,
    }


def _fit(row: AuditRow) -> None:
    """Make every text storable on both databases: no NUL, no half characters, no longer than its column."""
    for field in AuditRow._meta.concrete_fields:
        if isinstance(field, models.CharField):
            setattr(row, field.attname, _text(getattr(row, field.attname))[: field.max_length])


def _text(text: str) -> str:
    return text.replace("\0", "\ufffd").encode("utf-8", "replace").decode()


def _plain(value: Any, depth: int = 0) -> Any:
    """Return a JSON value that both databases give back exactly: numbers with a fraction become text."""
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if abs(value) < 2**53 else str(value)
    if isinstance(value, Mapping) and depth < DEEPEST:
        return {_text(str(key)): _plain(item, depth + 1) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset) and depth < DEEPEST:
        return [_plain(item, depth + 1) for item in value]
    if isinstance(value, datetime):
        return _value(value)
    return _text(str(value))


def _value(value: Any) -> Any:
    if isinstance(value, datetime):
        return value.astimezone(UTC).isoformat(timespec="microseconds").replace("+00:00", "Z")
    return str(value) if isinstance(value, uuid.UUID) else value
