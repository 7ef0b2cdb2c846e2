"""snapshot take | list | show | csv | schedule: keep the checkpoints of a group, to go back to."""

from __future__ import annotations

import argparse
import re
from typing import Any

from django.core.exceptions import ValidationError
from django.core.management.base import BaseCommand, CommandError, CommandParser
from django.utils import timezone

from checkpoints.management.commands.reset import actor_of, find_group
from checkpoints.management.output import as_json, instant
from checkpoints.models import ConsumerGroup, Snapshot
from checkpoints.queries import snapshots as queries
from checkpoints.services import snapshots
from checkpoints.services.audit import Actor
from checkpoints.services.refusals import Refused, UpstreamFailed


class Command(BaseCommand):
    """Takes, lists, shows and schedules snapshots; `reset plan --to snapshot:ID` goes back to one."""

    help = "Keep the checkpoints of a consumer group, to go back to."

    def add_arguments(self, parser: CommandParser) -> None:
        """One verb each for take, list, show, csv and schedule."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        take = verbs.add_parser("take", help="read the checkpoints and keep them")
        take.add_argument("--name", required=True, help="what it is called, such as the deploy it is before")
        listing = verbs.add_parser("list", help="show the snapshots of a group, newest first")
        schedule = verbs.add_parser("schedule", help="take one every so many hours")
        schedule.add_argument("--hours", required=True, type=_hours, metavar="N|off")
        for verb in (take, listing, schedule):
            for name in ("endpoint", "project", "logstore", "group"):
                verb.add_argument(f"--{name}", required=True)
        for verb in (take, schedule):
            verb.add_argument("--actor", required=True, metavar="USER")
        show = verbs.add_parser("show", help="show what a snapshot keeps")
        csv = verbs.add_parser("csv", help="print the columns shard and cursor, as file: reads them")
        for verb in (show, csv):
            verb.add_argument("id")
        for verb in (take, listing, show, schedule):
            verb.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *_args: Any, **options: Any) -> None:
        """Do what the verb says."""
        verb = {
            "take": self._take,
            "list": self._list,
            "show": self._show,
            "csv": self._csv,
            "schedule": self._schedule,
        }[options["verb"]]
        try:
            verb(options)
        except Refused as refusal:
            raise CommandError(_words(refusal)) from None

    def _take(self, options: dict[str, Any]) -> None:
        actor = Actor.of(actor_of(options["actor"]))
        group = find_group(options)
        taken = snapshots.take(group, name=options["name"], actor=actor, now=timezone.now())
        self._print(taken, options["format"])

    def _list(self, options: dict[str, Any]) -> None:
        found = [queries.summary(one) for one in queries.listing(find_group(options))]
        if options["format"] == "json":
            self.stdout.write(as_json(found))
        for one in found if options["format"] == "text" else []:
            self.stdout.write(_line(one))

    def _show(self, options: dict[str, Any]) -> None:
        self._print(_find(options["id"]), options["format"])

    def _csv(self, options: dict[str, Any]) -> None:
        self.stdout.write(queries.as_csv(_find(options["id"])), ending="")

    def _schedule(self, options: dict[str, Any]) -> None:
        actor = Actor.of(actor_of(options["actor"]))
        group, hours = find_group(options), options["hours"]
        snapshots.schedule(group, hours, actor=actor, now=timezone.now())
        if options["format"] == "json":
            self.stdout.write(as_json(queries.place(group) | {"hours": hours}))
        else:
            self.stdout.write(_rhythm(group, hours))

    def _print(self, snapshot: Snapshot, form: str) -> None:
        if form == "json":
            self.stdout.write(as_json(queries.whole(snapshot)))
            return
        self.stdout.write(_line(queries.summary(snapshot)))
        for line in snapshot.shards:
            at = line["unread_at"] or line["read_at"] or "time not known"
            self.stdout.write(f"  shard {line['shard']}\t{line['position'] or 'no position'}\t{at}")


def _find(text: str) -> Snapshot:
    try:
        return queries.find().get(pk=text)
    except (Snapshot.DoesNotExist, ValidationError, ValueError):
        raise CommandError(f"There is no snapshot {text[:64]!r}.") from None


def _hours(text: str) -> int | None:
    if text == "off":
        return None
    if not re.fullmatch(r"[0-9]{1,3}", text, re.ASCII):
        raise argparse.ArgumentTypeError("write whole hours from 1 to 168, or off")
    return int(text)


def _line(one: dict[str, Any]) -> str:
    who = "by schedule" if one["scheduled"] else one["taken_by"]
    return f"{one['id']}\t{instant(one['taken_at'])}\t{who}\t{one['shards']} shards\t{one['name']}"


def _rhythm(group: ConsumerGroup, hours: int | None) -> str:
    if hours is None:
        return f"No snapshots of {group} are taken by themselves."
    return f"A snapshot of {group} is taken every {hours} h, the first within a minute."


def _words(refusal: Refused) -> str:
    if not isinstance(refusal, UpstreamFailed):
        return str(refusal.message)
    problem = refusal.problem
    return f"{problem.message} {problem.advice} ({problem.operation} {problem.code} {problem.request_id})"
