"""Reads checkpoints and ends: all once, or for ever what is due."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from django.utils import timezone

from checkpoints.management.output import find_endpoint
from checkpoints.services import collector

LOOK_EVERY = 5


class Command(BaseCommand):
    """Collects every enabled endpoint, or the one named."""

    help = "Read the checkpoints of every group and store them."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--once", action="store_true", help="read once and stop")
        parser.add_argument("--endpoint", help="only this endpoint")

    def handle(self, *args: Any, **options: Any) -> None:
        endpoint = find_endpoint(options["endpoint"]) if options["endpoint"] is not None else None
        while not options["once"] and endpoint is None:
            collector.run()  # what is due, beside any other worker
            time.sleep(LOOK_EVERY)
        while True:
            problems = collector.collect(now=timezone.now(), endpoint=endpoint)
            for problem in problems:
                self.stderr.write(
                    f"{problem.code}: {problem.message} (request {problem.request_id or 'unknown'})"
                )
            if options["once"]:
                break
            time.sleep(settings.COLLECT_INTERVAL)
        if problems:
            raise CommandError("Not everything could be read.")
