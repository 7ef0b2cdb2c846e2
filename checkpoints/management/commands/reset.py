"""Plan and apply a reset of checkpoints: `reset plan` and `reset apply`, see docs/commands.md."""

from __future__ import annotations

import argparse
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from typing import Any

from django.contrib.auth.models import User
from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from checkpoints.domain import cursor_files, targets
from checkpoints.domain.messages import Refusal, load
from checkpoints.management import wishes
from checkpoints.models import ConsumerGroup, Endpoint, Plan, Reset, Wait
from checkpoints.services import costing, resets, waiting
from checkpoints.services.audit import Actor

EVERY = 2.0
"""Seconds between two looks of a watch."""
LONGEST_WATCH = 3600
CODES: list[tuple[type[resets.Refused], int]] = [
    (resets.Moved, 4),
    (resets.ConsumersActive, 5),
    (resets.PlanExpired, 7),
    (resets.PlanUsed, 7),
    (resets.NeedsApproval, 8),
]


class Command(BaseCommand):
    """`reset plan` only reads and prints what would be sent; `reset apply` sends exactly that."""

    help = "Plan and apply a reset of checkpoints."

    def add_arguments(self, parser: CommandParser) -> None:
        commands = parser.add_subparsers(dest="command", required=True)
        self._add_plan(commands.add_parser("plan", help="make a plan; nothing is written"))
        self._add_apply(commands.add_parser("apply", help="apply a plan, once"))

    def _add_plan(self, parser: argparse.ArgumentParser) -> None:
        for name in ("endpoint", "project", "logstore", "group"):
            parser.add_argument(f"--{name}", required=True)
        parser.add_argument(
            "--to", required=True, metavar="TARGET", help="earliest, latest, a time, -2h, ..."
        )
        parser.add_argument("--shards", help="such as 0,2-5; without it all that the target speaks of")
        parser.add_argument(
            "--each",
            action="append",
            default=[],
            metavar="SHARD=TARGET",
            help="another target for one shard, or keep; may be repeated",
        )
        parser.add_argument("--zone", help="the zone of times that have none, such as Asia/Shanghai")
        parser.add_argument(
            "--estimate", action="store_true", help="add what it will cost, by sampling log groups"
        )
        parser.add_argument("--csv", action="store_true", help="print shard,cursor: what file: reads")
        self._add_common(parser)

    def _add_apply(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("plan")
        parser.add_argument("--reason", required=True)
        parser.add_argument("--ticket", default="")
        parser.add_argument("--override-active", action="store_true")
        parser.add_argument("--watch", type=int, metavar="SECONDS")
        parser.add_argument(
            "--on-unknown",
            choices=("stop", "go-on"),
            default="stop",
            help="what to do with the other shards when a write gets no answer",
        )
        parser.add_argument(
            "--wait-until-quiet", type=int, metavar="SECONDS", help="apply once nobody consumes, or give up"
        )
        parser.add_argument(
            "--break-glass",
            action="store_true",
            help="without the second person; only where BREAK_GLASS is on",
        )
        self._add_common(parser)

    def _add_common(self, parser: argparse.ArgumentParser) -> None:
        parser.add_argument("--actor", required=True, metavar="USER")
        parser.add_argument("--format", choices=("text", "json"), default="text")

    def run_from_argv(self, argv: list[str]) -> None:
        """Take `--to -2h` as it is meant, and leave with 1 where the parser would leave with 2."""
        try:
            super().run_from_argv(joined(argv))
        except SystemExit as leaving:
            if leaving.code == 2:
                sys.exit(1)
            raise

    def handle(self, *_args: object, **options: Any) -> None:
        try:
            user = actor_of(options["actor"])
            if options["command"] == "plan":
                self._plan(user, options)
            else:
                self._apply(user, options)
        except resets.Refused as refusal:
            raise CommandError(_words(refusal), returncode=_code(refusal)) from None
        except Refusal as refusal:
            raise CommandError(str(refusal.message)) from None

    def _plan(self, user: User, options: dict[str, Any]) -> None:
        now = timezone.now()
        shards = None if options["shards"] is None else targets.parse_shards(options["shards"])
        asked = wishes.read(options["to"], options["each"], options["zone"], shards, now=now)
        made = resets.plan(
            find_group(options),
            target=asked.target,
            shards=shards,
            maker=user,
            now=now,
            actor=Actor.of(user),
            typed=asked.typed,
            each=asked.each,
        )
        value = resets.plan_as_json(made)
        if options["csv"]:
            cursors = [(line["shard"], line["after"]["cursor"]) for line in value["shards"]]
            self.stdout.write(cursor_files.write(cursors), ending="")
        else:
            if options["estimate"]:
                value["costs"] = costing.as_json(costing.estimate(made, now=now))
            self._print(value, options["format"])

    def _apply(self, user: User, options: dict[str, Any]) -> None:
        seconds = options["watch"]
        if seconds is not None and not 0 <= seconds <= LONGEST_WATCH:
            raise CommandError(f"--watch takes 0 to {LONGEST_WATCH} seconds.")
        reset = self._sent(find_plan(options["plan"]), user, options)
        if seconds is not None:
            watch(reset, seconds)
        result = resets.as_json(reset)
        self._print(result, options["format"])
        code = exit_code(result, watched=seconds is not None)
        if code:
            raise CommandError(f"The outcome is {result['outcome']}; see above.", returncode=code)

    def _sent(self, plan: Plan, user: User, options: dict[str, Any]) -> Reset:
        words = {
            "user": user,
            "actor": Actor.of(user),
            "reason": options["reason"],
            "ticket": options["ticket"],
            "stop_at_unknown": options["on_unknown"] == "stop",
        }
        if options["wait_until_quiet"] is not None:
            return wait_until_quiet(plan, timedelta(seconds=options["wait_until_quiet"]), words)
        return resets.apply(
            plan,
            override_active=options["override_active"],
            break_glass=options["break_glass"],
            now=timezone.now(),
            **words,
        )

    def _print(self, value: dict[str, Any], form: str) -> None:
        if form == "json":
            self.stdout.write(json.dumps(value, ensure_ascii=False))
            return
        for name, what in value.items():
            if name == "shards":
                for line in what:
                    self.stdout.write("  " + ", ".join(f"{key} {_short(text)}" for key, text in line.items()))
            else:
                self.stdout.write(f"{name}: {_short(what)}")


def joined(argv: list[str]) -> list[str]:
    """Return the arguments with `--to X` as one word, so that X may begin with a minus."""
    words = list(argv)
    if "--to" in words[:-1]:
        at = words.index("--to")
        words[at : at + 2] = [f"--to={words[at + 1]}"]
    return words


def actor_of(name: str) -> User:
    """Return the active user of a name who may reset; raises CommandError."""
    user = User.objects.filter(username=name, is_active=True).first() if name.isprintable() else None
    if user is None:
        raise CommandError(f"There is no active user named {name[:150]!r}.")
    if not user.has_perm("checkpoints.reset_checkpoint"):
        raise CommandError(f"{user.get_username()} may not reset checkpoints.")
    return user


def find_group(options: dict[str, Any]) -> ConsumerGroup:
    """Return the group that the options name; raises CommandError naming what does not exist."""
    names = [options[key] for key in ("endpoint", "project", "logstore", "group")]
    if not all(name.isprintable() for name in names):
        raise CommandError("A name holds control characters.")
    endpoint = Endpoint.objects.filter(name=names[0], removed_at=None).first()
    if endpoint is None:
        raise CommandError(f"There is no endpoint named {names[0][:80]!r}.")
    found = ConsumerGroup.objects.filter(
        logstore__project__endpoint=endpoint,
        logstore__project__name=names[1],
        logstore__name=names[2],
        name=names[3],
    )
    group = found.select_related("logstore__project__endpoint").first()
    if group is None:
        where = "/".join(name[:128] for name in names[1:])
        raise CommandError(f"{endpoint.name} has no group {where}. Run `collect --once` if it is new.")
    return group


def find_plan(text: str) -> Plan:
    """Return the plan of an id; raises CommandError."""
    try:
        return Plan.objects.get(pk=text)
    except (Plan.DoesNotExist, ValidationError, ValueError):
        raise CommandError(f"There is no plan {text[:64]!r}.") from None


def wait_until_quiet(plan: Plan, within: timedelta, words: dict[str, Any]) -> Reset:
    """Have the plan applied once nobody consumes; raises CommandError when that did not come about."""
    wait = waiting.ask(plan, within=within, now=timezone.now(), **words)
    while wait.state in waiting.OPEN:
        time.sleep(EVERY)
        wait = waiting.look(wait, now=timezone.now())
    if wait.state != Wait.State.APPLIED:
        code = 5 if wait.state == Wait.State.EXPIRED else 1
        raise CommandError(str(load(wait.words or {})), returncode=code)
    return Reset.objects.get(plan=wait.applied_plan)


def watch(reset: Reset, seconds: float) -> None:
    """Look every two seconds; what is still at its target at the end counts as held."""
    end = datetime.now(UTC) + timedelta(seconds=seconds)
    while (now := datetime.now(UTC)) < end and resets.is_open(reset):
        resets.look(reset, now=now)
        time.sleep(max(0.0, min(EVERY, (end - now).total_seconds())))
    resets.look(reset, now=datetime.now(UTC), until=min(end, reset.watch_until or end))


def exit_code(result: dict[str, Any], *, watched: bool) -> int:
    """Return the exit code of contracts: 0 confirmed, 6 overwritten, 3 partial, 1 anything else."""
    words = {line["watch"] for line in result["shards"]}
    if watched and "overwritten" in words:
        return 6
    if result["outcome"] == "partial":
        return 3
    if result["outcome"] != "confirmed":
        return 1
    return 0 if not watched or words <= {"held", "taken_up", None} else 1


def _code(refusal: resets.Refused) -> int:
    return next((code for kind, code in CODES if isinstance(refusal, kind)), 1)


def _words(refusal: resets.Refused) -> str:
    words = str(refusal.message)
    if isinstance(refusal, resets.UpstreamFailed):
        problem = refusal.problem
        words = f"{words} {problem.advice} ({problem.operation} {problem.code} {problem.request_id})"
    if isinstance(refusal, resets.ConsumersActive):
        words = " ".join([words, *(str(reason) for reason in refusal.activity.reasons)])
    if isinstance(refusal, resets.Moved) and refusal.new_plan:
        words = f"{words} A new plan was made: {refusal.new_plan.pk}"
    return words


def _short(value: object) -> str:
    if isinstance(value, dict) and "position" in value:
        return f"{value['position']} ({value['time']})"
    return json.dumps(value, ensure_ascii=False) if isinstance(value, list | dict) else str(value)
