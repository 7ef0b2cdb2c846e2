"""The very first administrator, made through a link that works once."""

from __future__ import annotations

from django.contrib.auth.models import Group, User
from django.core import signing
from django.db import transaction

from checkpoints.services import accounts
from checkpoints.services.audit import Actor

SALT = "checkpoints.setup"
LIFETIME_SECONDS = 24 * 3600
FIRST_ROLES = ["admin", "operator", "auditor", "viewer"]


class Closed(Exception):  # noqa: N818 - an answer, not a fault
    """The link is wrong or too old, or there already is a user."""


def link_token() -> str:
    """Return the token of a link that is good for 24 hours and as long as there is no user."""
    return signing.TimestampSigner(salt=SALT).sign("first-administrator")


def needed() -> bool:
    """Say whether there is no user yet."""
    return not User.objects.exists()


def check(token: str) -> None:
    """Raise Closed unless the token opens the set-up now."""
    try:
        signing.TimestampSigner(salt=SALT).unsign(token, max_age=LIFETIME_SECONDS)
    except signing.BadSignature as problem:
        raise Closed from problem
    if not needed():
        raise Closed


@transaction.atomic
def first_administrator(token: str, name: str, password: str, *, source_ip: str) -> User:
    """Make the first user with all the roles needed to start; raises Closed or accounts.Invalid."""
    list(
        Group.objects.select_for_update().filter(name="admin")
    )  # two at once: the second one waits, then is refused
    check(token)
    actor = Actor("", "set-up link", source_ip=source_ip)
    return accounts.create(name, password, FIRST_ROLES, actor=actor)
