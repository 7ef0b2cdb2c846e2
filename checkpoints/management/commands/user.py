"""user add NAME --role R: accounts from the command line."""

from __future__ import annotations

import getpass
import json
import os
import sys
from typing import Any

from django.contrib.auth.models import User
from django.core.management.base import BaseCommand, CommandError, CommandParser

from checkpoints.services import accounts, actors


class Command(BaseCommand):
    """Adds users with roles and lists them; passwords never come as arguments."""

    help = "Add and list users. The password comes from USER_PASSWORD or from standard input."

    def add_arguments(self, parser: CommandParser) -> None:
        """Two verbs: add and list."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        add = verbs.add_parser("add", help="add a user")
        add.add_argument("name")
        add.add_argument("--role", action="append", required=True, choices=accounts.ROLES)
        listing = verbs.add_parser("list", help="list users and their roles")
        listing.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        if options["verb"] == "add":
            self._add(options["name"], options["role"])
        else:
            self._list(options["format"])

    def _add(self, name: str, roles: list[str]) -> None:
        try:
            accounts.create(name, _password(), roles, actor=actors.command_line())
        except accounts.Invalid as problem:
            raise CommandError(str(problem)) from problem
        self.stderr.write(f"User {name} was added with {', '.join(roles)}.")

    def _list(self, form: str) -> None:
        users = User.objects.order_by("username").prefetch_related("groups")
        if form == "json":
            rows = [
                {"name": user.username, "roles": _roles(user), "active": user.is_active} for user in users
            ]
            self.stdout.write(json.dumps(rows, indent=1))
            return
        for user in users:
            self.stdout.write(f"{user.username}\t{', '.join(_roles(user))}")


def _roles(user: User) -> list[str]:
    return sorted(group.name for group in user.groups.all())


def _password() -> str:
    if password := os.environ.get("USER_PASSWORD"):
        return password
    if sys.stdin.isatty():
        return getpass.getpass("Password: ")
    return sys.stdin.readline().rstrip("\r\n")
