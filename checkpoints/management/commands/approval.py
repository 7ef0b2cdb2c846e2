"""approval list | ask | approve | deny: the second person of a plan, from the command line."""

from __future__ import annotations

import sys
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from checkpoints.management.output import as_json, clean
from checkpoints.models import Approval, Plan
from checkpoints.queries import approvals as queries
from checkpoints.services import approvals, resets
from checkpoints.services.audit import Actor

CODES: list[tuple[type[resets.Refused], int]] = [
    (resets.PlanExpired, 7),
    (resets.PlanUsed, 7),
    (resets.NeedsApproval, 8),
]


class Command(BaseCommand):
    """Asks for the approval of a plan, lists what waits, and answers."""

    help = "Ask a second person to approve a plan, list what waits, approve or deny."

    def add_arguments(self, parser: CommandParser) -> None:
        """One verb each for list, ask, approve and deny."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        verbs.add_parser("list", help="list the requests that wait for an answer")
        ask = verbs.add_parser("ask", help="ask a second person to approve a plan of your own")
        ask.add_argument("plan")
        ask.add_argument("--reason", required=True)
        ask.add_argument("--ticket", default="")
        ask.add_argument("--override-active", action="store_true")
        approve = verbs.add_parser("approve", help="approve the plan of somebody else")
        deny = verbs.add_parser("deny", help="deny it, saying why")
        for verb in (approve, deny):
            verb.add_argument("plan")
        approve.add_argument("--words", default="")
        deny.add_argument("--words", required=True)
        for verb in (ask, approve, deny):
            verb.add_argument("--actor", required=True, metavar="USER")
        for verb in verbs.choices.values():
            verb.add_argument("--format", choices=["text", "json"], default="text")

    def run_from_argv(self, argv: list[str]) -> None:
        """Leave with 1 where the parser would leave with 2."""
        try:
            super().run_from_argv(argv)
        except SystemExit as leaving:
            if leaving.code == 2:
                sys.exit(1)
            raise

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says; a refusal is its sentence and its exit code."""
        now = timezone.now()
        try:
            if options["verb"] == "list":
                found: Any = [approvals.as_json(one, now=now) for one in queries.undecided(now)]
            else:
                found = approvals.as_json(self._done(options, now), now=now)
        except resets.Refused as refusal:
            code = next((code for kind, code in CODES if isinstance(refusal, kind)), 1)
            raise CommandError(str(refusal.message), returncode=code) from None
        self._print(found, options["format"])

    def _done(self, options: dict[str, Any], now: Any) -> Approval:
        user, plan = _user(options["actor"]), _plan(options["plan"])
        who: dict[str, Any] = {"user": user, "actor": Actor.of(user), "now": now}
        if options["verb"] == "ask":
            words = {name: options[name] for name in ("reason", "ticket", "override_active")}
            return approvals.ask(plan, **who, **words)
        asked = queries.requests().filter(plan=plan).first()
        if asked is None:
            raise CommandError("Nobody asked for the approval of this plan.", returncode=8)
        answer = approvals.approve if options["verb"] == "approve" else approvals.deny
        return answer(asked, **who, words=options["words"])

    def _print(self, found: Any, form: str) -> None:
        if form == "json":
            self.stdout.write(as_json(found))
            return
        for row in found if isinstance(found, list) else [found]:
            where = "/".join(row[name] for name in ("endpoint", "project", "logstore", "group"))
            words = [row["plan"], row["state"], where, row["target"], row["asked_by"], row["reason"]]
            self.stdout.write("\t".join(words))


def _user(name: str) -> User:
    user = User.objects.filter(username=clean(name, "--actor"), is_active=True).first()
    if user is None:
        raise CommandError(f"There is no active user named {name[:150]!r}.")
    return user


def _plan(text: str) -> Plan:
    try:
        return Plan.objects.get(pk=text)
    except (Plan.DoesNotExist, ValidationError, ValueError):
        raise CommandError(f"There is no plan {text[:64]!r}.") from None
