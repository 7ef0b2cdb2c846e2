"""endpoint add | list | test | remove: stored connections from the command line."""

from __future__ import annotations

import getpass
import os
import sys
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from checkpoints.management.output import as_json, find_endpoint
from checkpoints.models import Endpoint
from checkpoints.services import actors, endpoints
from checkpoints.services.endpoints import Invalid, OperationVerdict
from checkpoints.services.sealing import Locked

LABELS = {
    "access_key_id": "--access-key-id",
    "typed_projects": "--project",
    "scheme": "--host",
    "host": "--host",
}
LABELS |= {"region": "--region", "signature": "--signature", "protection": "--protection", "name": "NAME"}
LABELS |= {"secret": "SLS_ACCESS_KEY_SECRET", "token": "SLS_SECURITY_TOKEN"}


class Command(BaseCommand):
    """Adds, lists, tests and removes endpoints; a secret never comes as an argument."""

    help = (
        "Add, list, test and remove endpoints. The AccessKey secret comes from SLS_ACCESS_KEY_SECRET or from"
        " standard input, an STS token from SLS_SECURITY_TOKEN."
    )

    def add_arguments(self, parser: CommandParser) -> None:
        """One verb each for add, list, test and remove."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        _arguments_of_add(verbs.add_parser("add", help="store a new endpoint"))
        verbs.add_parser("list", help="list the endpoints")
        verbs.add_parser("test", help="try each operation once; nothing is written").add_argument("name")
        verbs.add_parser("remove", help="remove an endpoint and its credentials").add_argument("name")
        for verb in verbs.choices.values():
            verb.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says; exit code 1 with a sentence when it cannot be done."""
        verbs = {"add": self._add, "list": self._list, "test": self._test, "remove": self._remove}
        try:
            verbs[options["verb"]](options)
        except Invalid as invalid:
            raise CommandError(_sentences(invalid)) from None
        except Locked as locked:
            raise CommandError(str(locked)) from None

    def _add(self, options: dict[str, Any]) -> None:
        scheme, host = endpoints.split_url(options["host"])
        endpoint = endpoints.add(
            actor=actors.command_line(),
            name=options["name"],
            scheme=scheme,
            host=host,
            region=options["region"],
            signature=options["signature"],
            access_key_id=options["access_key_id"],
            secret=_secret(),
            token=os.environ.get("SLS_SECURITY_TOKEN", ""),
            typed_projects=options["project"],
            protection=options["protection"],
            now=timezone.now(),
        )
        self._show(endpoint, options, f"Endpoint {endpoint.name} was added.")

    def _list(self, options: dict[str, Any]) -> None:
        rows = [_row(endpoint) for endpoint in Endpoint.objects.filter(removed_at=None)]
        if options["format"] == "json":
            self.stdout.write(as_json(rows))
            return
        for row in rows:
            state = "enabled" if row["enabled"] else "disabled"
            url = f"{row['scheme']}://{row['host']}"
            self.stdout.write("\t".join([row["name"], url, row["region"] or "-", row["protection"], state]))

    def _test(self, options: dict[str, Any]) -> None:
        endpoint = find_endpoint(options["name"])
        verdicts = endpoints.test(endpoint, actor=actors.command_line(), now=timezone.now())
        if options["format"] == "json":
            found = {"endpoint": endpoint.name, "verdicts": [verdict.as_json() for verdict in verdicts]}
            self.stdout.write(as_json(found))
        else:
            self.stdout.write("\n".join(map(_line, verdicts)))
        failed = [verdict.operation for verdict in verdicts if verdict.ok is False]
        if failed:
            raise CommandError(f"The test of {endpoint.name} failed: {', '.join(failed)}.")

    def _remove(self, options: dict[str, Any]) -> None:
        endpoint = endpoints.remove(
            find_endpoint(options["name"]), actor=actors.command_line(), now=timezone.now()
        )
        self._show(endpoint, options, f"Endpoint {endpoint.name} was removed.")

    def _show(self, endpoint: Endpoint, options: dict[str, Any], sentence: str) -> None:
        if options["format"] == "json":
            self.stdout.write(as_json(_row(endpoint)))
        self.stderr.write(sentence)


def _arguments_of_add(add: CommandParser) -> None:
    add.add_argument("name")
    add.add_argument("--host", required=True, metavar="URL", help="https:// may be left out")
    add.add_argument("--region", default="", metavar="ID", help="left out: taken from the host")
    add.add_argument("--access-key-id", required=True, metavar="ID")
    add.add_argument("--project", action="append", default=[], metavar="P", help="may be repeated")
    add.add_argument("--signature", choices=Endpoint.Signature.values, default="v4")
    add.add_argument("--protection", choices=Endpoint.Protection.values, default="reason")


def _secret() -> str:
    if secret := os.environ.get("SLS_ACCESS_KEY_SECRET"):
        return secret
    if sys.stdin.isatty():
        return getpass.getpass("AccessKey secret: ")
    try:
        return sys.stdin.readline(10_000)
    except UnicodeDecodeError:
        raise CommandError("The secret on standard input is not text.") from None


def _row(endpoint: Endpoint) -> dict[str, Any]:
    return {"id": str(endpoint.pk), **endpoints.describe(endpoint)}


def _sentences(invalid: Invalid) -> str:
    return "\n".join(f"{LABELS[field]}: {message}" for field, message in invalid.errors.items())


def _line(verdict: OperationVerdict) -> str:
    mark = {True: "ok", False: "FAILED", None: "-"}[verdict.ok]
    words = " ".join(str(part) for part in (verdict.message, verdict.advice) if part)
    request = f" (request {verdict.request_id})" if verdict.request_id and not verdict.ok else ""
    shown = f"{verdict.operation:18}{mark:8}{verdict.code + ': ' if verdict.code else ''}{words}{request}"
    return shown + (f"\n{verdict.policy}" if verdict.policy and verdict.ok is False else "")
