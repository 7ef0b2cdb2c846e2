"""region list, region set: the regions that endpoint forms offer."""

from __future__ import annotations

from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from checkpoints.domain.messages import Refusal
from checkpoints.management.output import as_json
from checkpoints.models import Region
from checkpoints.services import actors, regions

FIELDS = ["name_en", "name_zh", "public_host", "intranet_host", "internal_host", "vpc_cidr", "status", "note"]


class Command(BaseCommand):
    """Lists regions, adds one, or changes fields of one; upgrades leave edited rows as they are."""

    help = "List and edit the regions that endpoint forms offer."

    def add_arguments(self, parser: CommandParser) -> None:
        """Two verbs: list and set."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="list the regions")
        listing.add_argument("--format", choices=["text", "json"], default="text")
        change = verbs.add_parser("set", help="add a region, or change the fields given")
        change.add_argument("id")
        for field in FIELDS:
            change.add_argument("--" + field.replace("_", "-"), dest=field)

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        if options["verb"] == "list":
            self._list(options["format"])
            return
        changes = {field: options[field] for field in FIELDS if options[field] is not None}
        try:
            regions.keep(options["id"], actor=actors.command_line(), **changes)
        except Refusal as refusal:
            raise CommandError(str(refusal)) from refusal
        self.stderr.write(f"Region {options['id']} was stored.")

    def _list(self, form: str) -> None:
        rows = list(Region.objects.values("id", *FIELDS))
        if form == "json":
            self.stdout.write(as_json(rows))
            return
        for row in rows:
            self.stdout.write(f"{row['id']}\t{row['name_en']}\t{row['public_host']}\t{row['status']}")
