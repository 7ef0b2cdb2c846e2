"""What a user may do: roles and permissions of the present, in one query per request."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.backends import ModelBackend
from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, Group, Permission, User
from django.db import connection
from django.db.models import Model, QuerySet, Value

from checkpoints.queries.prepared import Prepared, aware

APP, WORD = "content_type__app_label", "codename"


@dataclass(frozen=True)
class Access:
    """The names of a user's roles, and all permissions as "app.word", of roles and the user's own."""

    roles: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()


def of(user: User | AnonymousUser) -> Access:
    """Return what a user has; read once per user object, and so once per request."""
    if not isinstance(user, User) or user.pk is None:
        return Access()
    found: Access | None = getattr(user, "_access", None)
    if found is None:
        found = user._access = _read(user.pk)  # type: ignore[attr-defined]
    return found


def _held_by(user: int) -> QuerySet[Any, Any]:
    """Return (role, app, word) of each permission, with "" as the role of the user's own."""
    by_role = Group.objects.filter(user=user).order_by()
    own = Permission.objects.filter(user=user).order_by()
    return by_role.values_list("name", f"permissions__{APP}", f"permissions__{WORD}").union(
        own.values_list(Value(""), APP, WORD), all=True
    )


_HELD = Prepared(_held_by)


def _read(user: int) -> Access:
    roles: dict[str, None] = {}
    permissions = set()
    for role, app, word in _HELD.rows(user):
        roles[role] = None
        if word:  # a role may have none
            permissions.add(f"{app}.{word}")
    return Access(tuple(sorted(role for role in roles if role)), frozenset(permissions))


_FIELDS = [field.attname for field in User._meta.concrete_fields]
_TIMES = [_FIELDS.index(name) for name in ("last_login", "date_joined")]


def _with_id(user: int) -> QuerySet[Any, Any]:
    return User.objects.filter(pk=user).values_list(*_FIELDS)


_USER = Prepared(_with_id)


class Backend(ModelBackend):
    """Django's users and passwords; their permissions are asked for once, together with the roles.

    Django asks twice, and the name of the roles would be a third time.
    """

    def get_user(self, user_id: int) -> User | None:
        """Return the user of a session, if the account is not closed."""
        for row in _USER.rows(user_id):
            values = [aware(value) if place in _TIMES else value for place, value in enumerate(row)]
            user = User.from_db(connection.alias, _FIELDS, values)
            return user if self.user_can_authenticate(user) else None
        return None

    def get_all_permissions(
        self, user_obj: AbstractBaseUser | AnonymousUser, obj: Model | None = None
    ) -> set[str]:
        """Return all permissions of an active user; of a superuser those that exist."""
        if not isinstance(user_obj, User) or not user_obj.is_active or obj is not None:
            return set()
        if user_obj.is_superuser:
            return super().get_all_permissions(user_obj, obj)
        return set(of(user_obj).permissions)
