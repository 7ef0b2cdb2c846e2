"""Accounts are made with roles, or not at all."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User

from checkpoints.models import AuditRow
from checkpoints.services import accounts, audit

pytestmark = pytest.mark.django_db
GOOD = "a long and good sentence"


def test_a_user_has_the_roles_asked_for_and_a_hashed_password() -> None:
    user = accounts.create("mei", GOOD, ["operator", "viewer"], actor=audit.SYSTEM)
    assert sorted(group.name for group in user.groups.all()) == ["operator", "viewer"]
    assert user.check_password(GOOD)
    assert user.password.startswith("argon2")


def test_making_a_user_is_audited_without_the_password() -> None:
    accounts.create("mei", GOOD, ["viewer"], actor=audit.SYSTEM)
    row = AuditRow.objects.get()
    assert (row.action, row.actor_name, row.after) == (
        "user.created",
        "system",
        {"name": "mei", "roles": ["viewer"]},
    )


BAD = {
    "empty name": ("", GOOD, ["viewer"]),
    "long name": ("x" * 151, GOOD, ["viewer"]),
    "name with NUL": ("a\0b", GOOD, ["viewer"]),
    "name with a slash": ("a/b", GOOD, ["viewer"]),
    "name that is taken": ("taken", GOOD, ["viewer"]),
    "empty password": ("mei", "", ["viewer"]),
    "short password": ("mei", "short", ["viewer"]),
    "unknown role": ("mei", GOOD, ["viewer", "king"]),
}


@pytest.mark.parametrize("case", BAD)
def test_a_bad_account_is_refused_in_words_and_nothing_is_stored(case: str) -> None:
    User.objects.create(username="taken")
    name, password, roles = BAD[case]
    with pytest.raises(accounts.Invalid) as refused:
        accounts.create(name, password, roles, actor=audit.SYSTEM)
    assert refused.value.problems
    assert User.objects.count() == 1
    assert not AuditRow.objects.exists()


def test_the_roles_are_those_of_the_migration() -> None:
    assert sorted(accounts.ROLES) == sorted(Group.objects.values_list("name", flat=True))
