"""Brings the database and the static files up to date; run.py calls it before it serves."""

from __future__ import annotations

import os
from argparse import ArgumentParser
from typing import Any
from urllib.parse import urlsplit

from django.contrib.auth.models import User
from django.core.management import call_command
from django.core.management.base import BaseCommand
from django.urls import reverse
from django.utils import timezone

from checkpoints.models import Endpoint
from checkpoints.services import accounts, endpoints, setup
from checkpoints.services.audit import SYSTEM


class Command(BaseCommand):
    """Migrate, collect static files, and either make demo users and an endpoint or print the set-up link."""

    help = "Bring the database and the static files up to date."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--quiet", action="store_true", help="no set-up link")
        parser.add_argument("--address", default="http://127.0.0.1:8000/", help="where the set-up link leads")
        parser.add_argument("--users", nargs="*", default=[], help="one user per role, named like it")
        parser.add_argument("--endpoint", help="NAME=URL of an endpoint to make")
        parser.add_argument("--access-key-id", default="")

    def handle(self, *args: Any, **options: Any) -> None:
        call_command("migrate", verbosity=0, interactive=False)
        call_command("collectstatic", verbosity=0, interactive=False)
        for role in options["users"]:
            _make_user(role)
        if options["endpoint"]:
            _make_endpoint(options["endpoint"], options["access_key_id"])
        if not options["quiet"] and not User.objects.exists():
            path = reverse("setup", args=[setup.link_token()])
            self.stdout.write(
                f"First start: make the first administrator at {options['address'].rstrip('/')}{path}"
            )


def _make_user(role: str) -> None:
    """Make the user of a role, or give it the password of this start."""
    password = os.environ["USER_PASSWORD"]
    user = User.objects.filter(username=role).first()
    if user is None:
        accounts.create(role, password, [role], actor=SYSTEM)
    else:
        user.set_password(password)
        user.save(update_fields=["password"])


def _make_endpoint(name_and_url: str, access_key_id: str) -> None:
    """Make the endpoint, or replace it: its port and its key change with every start of the emulator."""
    name, _, url = name_and_url.partition("=")
    parts, now = urlsplit(url), timezone.now()
    for old in Endpoint.objects.filter(name=name, removed_at=None):
        endpoints.remove(old, actor=SYSTEM, now=now)
    endpoints.add(
        actor=SYSTEM,
        name=name,
        scheme=parts.scheme,
        host=parts.netloc,
        region="cn-hangzhou",
        signature="v4",
        access_key_id=access_key_id,
        secret=os.environ["SLS_ACCESS_KEY_SECRET"],
        typed_projects=[],
        protection="none",
        now=now,
    )
