"""What somebody may do is read once per request, with the roles, and always as it is at present."""

from __future__ import annotations

from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser, Permission, User

from checkpoints.queries import access

pytestmark = pytest.mark.django_db


def again(user: Any) -> User:
    """Return the user as the next request has it."""
    return User.objects.get(pk=user.pk)


def test_roles_and_permissions_come_in_one_query(people, django_assert_num_queries):
    user = again(people["operator"])
    with django_assert_num_queries(1):
        assert user.has_perm("checkpoints.reset_checkpoint")
        assert not user.has_perm("checkpoints.manage_endpoints")
        assert user.has_module_perms("checkpoints")
        assert access.of(user).roles == ("operator",)


def test_several_roles_are_named_in_order(people):
    user = people["viewer"]
    user.groups.add(*people["auditor"].groups.all(), *people["admin"].groups.all())
    assert access.of(again(user)).roles == ("admin", "auditor", "viewer")
    assert again(user).has_perm("checkpoints.view_audit")


def test_a_permission_of_ones_own_counts_and_is_no_role(people):
    people["viewer"].user_permissions.add(Permission.objects.get(codename="view_audit"))
    user = again(people["viewer"])
    assert user.has_perm("checkpoints.view_audit")
    assert access.of(user).roles == ("viewer",)


def test_a_role_that_is_taken_away_is_gone_with_the_next_request(people, signed_in):
    client = signed_in("viewer")
    assert client.get("/").status_code == 200
    people["viewer"].groups.clear()
    assert client.get("/").status_code == 403
    assert access.of(again(people["viewer"])) == access.Access()


def test_somebody_whose_account_is_closed_may_nothing(people):
    User.objects.filter(pk=people["operator"].pk).update(is_active=False)
    user = again(people["operator"])
    assert user.get_all_permissions() == set()
    assert not user.has_perm("checkpoints.view_group")


def test_a_superuser_may_everything_there_is(people):
    User.objects.filter(pk=people["viewer"].pk).update(is_superuser=True)
    user = again(people["viewer"])
    assert user.has_perm("checkpoints.manage_endpoints")
    assert "checkpoints.manage_endpoints" in user.get_all_permissions()


def test_nobody_has_nothing():
    assert access.of(AnonymousUser()) == access.Access()
    assert not AnonymousUser().has_perm("checkpoints.view_group")
