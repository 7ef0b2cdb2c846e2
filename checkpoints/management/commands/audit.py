"""audit list | verify | export: the audit log on the command line."""

from __future__ import annotations

import re
from argparse import ArgumentTypeError
from typing import Any

from django.core.management.base import BaseCommand, CommandError, CommandParser

from checkpoints.management.output import as_json
from checkpoints.services import actors, audit, audit_export
from checkpoints.services.sealing import Locked

MOST = 1_000_000


class Command(BaseCommand):
    """Lists, verifies and exports the audit log."""

    help = "List, verify and export the audit log."

    def add_arguments(self, parser: CommandParser) -> None:
        """One verb each for list, verify and export."""
        verbs = parser.add_subparsers(dest="verb", required=True)
        listing = verbs.add_parser("list", help="show the newest rows")
        listing.add_argument("--limit", type=_limit, default=50, metavar="N")
        listing.add_argument("--group", default="", metavar="G", help="only this consumer group")
        listing.add_argument(
            "--action", default="", metavar="A", help="only this action, such as reset.shard"
        )
        listing.add_argument("--format", choices=["text", "json"], default="text")
        verify = verbs.add_parser("verify", help="find rows edited, removed, put in or moved")
        verify.add_argument("--anchor", type=_anchor, metavar="SEQ:MAC", help="a row noted down earlier")
        verify.add_argument("--format", choices=["text", "json"], default="text")
        export = verbs.add_parser("export", help="write the whole log to standard output")
        export.add_argument("--format", choices=["csv", "jsonl"], default="jsonl")

    def handle(self, *args: Any, **options: Any) -> None:
        """Do what the verb says."""
        {"list": self._list, "verify": self._verify, "export": self._export}[options["verb"]](options)

    def _list(self, options: dict[str, Any]) -> None:
        for filtered in ("group", "action"):
            if not options[filtered].isprintable():
                raise CommandError(f"--{filtered}: control characters are not possible here.")
        rows = audit_export.rows(group=options["group"], action=options["action"], limit=options["limit"])
        if options["format"] == "json":
            self.stdout.write(as_json(rows))
        else:
            self.stdout.write("\n".join(map(_line, rows)))

    def _verify(self, options: dict[str, Any]) -> None:
        try:
            flaws = audit.verify(anchor=options["anchor"])
        except Locked as locked:
            raise CommandError(str(locked)) from None
        head = next(iter(audit_export.rows(limit=1)), {"seq": 0, "mac": ""})
        if options["format"] == "json":
            found = [{"seq": flaw.seq, "kind": flaw.kind, "words": flaw.words} for flaw in flaws]
            whole = {"whole": not flaws, "last": {"seq": head["seq"], "mac": head["mac"]}, "flaws": found}
            self.stdout.write(as_json(whole))
        else:
            words = [flaw.words for flaw in flaws] or [f"The chain of {head['seq']} rows is whole."]
            self.stdout.write("\n".join([*words, f"Last row: {head['seq']}:{head['mac']}"]))
        if flaws:
            raise CommandError(f"The audit log has {len(flaws)} flaws.")

    def _export(self, options: dict[str, Any]) -> None:
        for line in audit_export.export(options["format"], actor=actors.command_line()):
            self.stdout.write(line, ending="")


def _limit(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,7}", text, re.ASCII) or not 1 <= int(text) <= MOST:
        raise ArgumentTypeError(f"write a whole number from 1 to {MOST}")
    return int(text)


def _anchor(text: str) -> tuple[int, str]:
    if not re.fullmatch(r"[0-9]{1,18}:[0-9a-f]{64}", text, re.ASCII):
        raise ArgumentTypeError("write SEQ:MAC as `audit verify` printed it")
    seq, mac = text.split(":")
    return int(seq), mac


def _line(row: dict[str, Any]) -> str:
    place = "/".join(
        filter(None, (row[name] for name in ("endpoint", "project", "logstore", "consumer_group")))
    )
    shard = "" if row["shard"] is None else f"shard {row['shard']}"
    parts = [str(row["seq"]), row["at"], row["actor_name"], row["action"], row["outcome"], place, shard]
    return "\t".join(_visible(part) for part in [*parts, row["reason"]])


def _visible(text: str) -> str:
    return "".join(letter if letter.isprintable() else "?" for letter in text)
