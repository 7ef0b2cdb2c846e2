"""Accounts: made with roles, signed in and out, all of it audited."""

from __future__ import annotations

from collections.abc import Iterable

from django.contrib.auth.models import Group, User
from django.contrib.auth.password_validation import validate_password
from django.core.exceptions import ValidationError
from django.db import transaction

from checkpoints.services import audit
from checkpoints.services.audit import Actor

ROLES = ["viewer", "peeker", "operator", "approver", "admin", "auditor"]


class Invalid(ValueError):  # noqa: N818 - an answer, not a fault
    """An account cannot be made; `problems` are translated sentences."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__(" ".join(problems))
        self.problems = problems


@transaction.atomic
def create(name: str, password: str, roles: Iterable[str], *, actor: Actor) -> User:
    """Make a user with these roles; raises Invalid for a bad name, password or role."""
    user = User(username=User.normalize_username(name))
    groups = _groups(roles)
    _validate(user, password)
    user.set_password(password)
    user.save()
    user.groups.set(groups)
    after = {"name": name, "roles": sorted(group.name for group in groups)}
    audit.record("user.created", actor=actor, outcome="done", object_id=str(user.pk), after=after)
    return user


@transaction.atomic
def signed_in(*, actor: Actor, details: dict[str, str] | None = None) -> None:
    """Record a sign-in, or a password given again."""
    audit.record("session.signed_in", actor=actor, outcome="done", details=details)


@transaction.atomic
def failed(name: str, *, source_ip: str) -> None:
    """Record a failed sign-in; the name only if somebody has it: people type passwords into that field."""
    audit.record("session.failed", actor=_claimed(name, source_ip), outcome="refused")


@transaction.atomic
def locked(name: str, *, source_ip: str) -> None:
    """Record that further attempts with this name from this address are refused for a while."""
    audit.record("session.locked", actor=_claimed(name, source_ip), outcome="refused")


@transaction.atomic
def signed_out(*, actor: Actor) -> None:
    """Record a sign-out."""
    audit.record("session.signed_out", actor=actor, outcome="done")


def _claimed(name: str, source_ip: str) -> Actor:
    user = User.objects.filter(username=name).first()
    return Actor(str(user.pk) if user else "", name if user else "unknown name", source_ip=source_ip)


def _groups(roles: Iterable[str]) -> list[Group]:
    wanted = set(roles)
    groups = list(Group.objects.filter(name__in=wanted))
    missing = sorted(wanted - {group.name for group in groups})
    if missing:
        raise Invalid([f"There is no role {', '.join(missing)}; the roles are {', '.join(ROLES)}."])
    return groups


def _validate(user: User, password: str) -> None:
    try:
        user.full_clean(exclude=["password"])
        validate_password(password, user)
    except ValidationError as problem:
        raise Invalid(problem.messages) from problem
