"""Prints the lag of every shard of a Logstore's groups."""

from __future__ import annotations

from argparse import ArgumentParser
from datetime import timedelta
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from checkpoints.management.output import as_json, find_endpoint, find_group, find_logstore
from checkpoints.models import ConsumerGroup, Logstore
from checkpoints.queries import lag
from checkpoints.services import collector, discovery
from checkpoints.services.problems import explain


class Command(BaseCommand):
    """Show last readings, or read anew with --fresh."""

    help = "Show the lag of every shard of the groups of a Logstore."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--endpoint", required=True)
        parser.add_argument("--project", required=True)
        parser.add_argument("--logstore", required=True)
        parser.add_argument("--group", help="only this consumer group")
        parser.add_argument(
            "--fresh", action="store_true", help="ask the service instead of the last reading"
        )
        parser.add_argument("--format", choices=["text", "json"], default="text")

    def handle(self, *args: Any, **options: Any) -> None:
        try:
            logstore, group = self._find(options)
            if options["fresh"]:
                self._read(logstore, group)
        except collector.TROUBLE as error:
            problem = explain(error)
            raise CommandError(
                f"{problem.code}: {problem.message} {problem.advice} (request {problem.request_id})"
            ) from error
        report = lag.report(logstore, only=group, now=timezone.now())
        self.stdout.write(as_json(report) if options["format"] == "json" else lag.as_text(report))

    def _find(self, options: dict[str, Any]) -> tuple[Logstore, ConsumerGroup | None]:
        endpoint = find_endpoint(options["endpoint"])
        if options["fresh"]:
            discovery.discover(endpoint, now=timezone.now())
        logstore = find_logstore(endpoint, options["project"], options["logstore"])
        return logstore, find_group(logstore, options["group"]) if options["group"] is not None else None

    def _read(self, logstore: Logstore, group: ConsumerGroup | None) -> None:
        if group is None:
            collector.read_logstore(logstore, now=timezone.now())
        else:
            collector.read_group(group, max_age=timedelta(0), now=timezone.now())
            group.refresh_from_db()
        logstore.refresh_from_db()
