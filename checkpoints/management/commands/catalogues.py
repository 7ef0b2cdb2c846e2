"""Keeps the message catalogues complete: extracts, compares and compiles them."""

from __future__ import annotations

import re
import shutil
import tempfile
from argparse import ArgumentParser
from pathlib import Path
from typing import Any

import polib
from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from django.core.management.commands import makemessages
from django.test.utils import override_settings

LANGUAGES = {"en": "en", "zh-hans": "zh_Hans"}
PLACES = re.compile(r"%\(\w+\)[sd]|%[sd%]|\{\w*\}")
LEFT_OUT = [".venv/*", "var/*", "tests/*", "bench/*", "emulator/*", "docs/*", "run.py"]


class Extract(makemessages.Command):
    """Django's makemessages that also knows `say`, the word of the domain for a translatable sentence."""

    xgettext_options = [*makemessages.Command.xgettext_options, "--keyword=say:1"]
    msgmerge_options = [*makemessages.Command.msgmerge_options, "--no-fuzzy-matching"]

    def find_files(self, root: str) -> list[Any]:
        """Write into LOCALE_PATHS only: Django prefers the folder `locale` of the working directory."""
        found: list[Any] = super().find_files(root)
        for file in found:
            file.locale_dir = str(settings.LOCALE_PATHS[0])
        return found


class Command(BaseCommand):
    """Without options: extract, fill in English, compile. With --check: only say what is missing or stale."""

    help = "Extract and compile the message catalogues, or check that they are complete."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "--check", action="store_true", help="change nothing, fail when something is missing"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        folder = Path(settings.LOCALE_PATHS[0])
        if not options["check"]:
            extract()
            for language in LANGUAGES:
                fill_and_compile(language, folder)
            return
        problems = [*stale(folder), *(found for language in LANGUAGES for found in flaws(language, folder))]
        for problem in problems:
            self.stderr.write(problem)
        if problems:
            raise CommandError(f"The catalogues have {len(problems)} problems.")


def extract() -> None:
    """Bring the catalogues of both languages up to date with the sources."""
    call_command(
        Extract(),
        locale=list(LANGUAGES.values()),
        ignore_patterns=LEFT_OUT,
        no_obsolete=True,
        add_location="file",
        verbosity=0,
    )


def fill_and_compile(language: str, folder: Path) -> None:
    """Write the English texts into the English catalogue, and compile."""
    path = catalogue(language, folder)
    entries = polib.pofile(str(path), wrapwidth=110)
    entries.metadata = {
        "Content-Type": "text/plain; charset=UTF-8",
        "Language": LANGUAGES[language],
        "Plural-Forms": "nplurals=2; plural=(n != 1);" if language == "en" else "nplurals=1; plural=0;",
    }
    for entry in entries if language == "en" else ():
        if entry.msgid_plural:
            entry.msgstr_plural = {0: entry.msgid, 1: entry.msgid_plural}
        else:
            entry.msgstr = entry.msgid
    entries.sort(key=lambda entry: entry.msgid)
    entries.save(str(path))
    entries.save_as_mofile(str(path.with_suffix(".mo")))


def catalogue(language: str, folder: Path) -> Path:
    """Return where the catalogue of a language is."""
    return folder / LANGUAGES[language] / "LC_MESSAGES" / "django.po"


def stale(folder: Path) -> list[str]:
    """Say which texts of the sources the catalogues do not know, by extracting into a copy."""
    with tempfile.TemporaryDirectory() as scratch:
        copy = Path(scratch) / "locale"
        shutil.copytree(folder, copy)
        with override_settings(LOCALE_PATHS=[copy]):
            extract()
        fresh = {entry.msgid for entry in polib.pofile(str(catalogue("en", copy)))}
    known = {entry.msgid for entry in polib.pofile(str(catalogue("en", folder)))}
    missing = [f"not in the catalogues: {text!r}" for text in sorted(fresh - known)]
    return missing + [f"no longer in the sources: {text!r}" for text in sorted(known - fresh)]


def flaws(language: str, folder: Path) -> list[str]:
    """Say what a catalogue lacks: translations, the same places in them, and its compiled form."""
    path = catalogue(language, folder)
    entries = polib.pofile(str(path))
    found = [f"{language}: {entry.msgid!r}: {flaw}" for entry in entries if (flaw := flaw_of(entry))]
    compiled = path.with_suffix(".mo")
    if not compiled.exists() or compiled.read_bytes() != entries.to_binary():
        found.append(f"{language}: django.mo is not what django.po compiles to")
    return found


def flaw_of(entry: polib.POEntry) -> str:
    """Return what is wrong with one translation, or nothing."""
    texts = list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]
    if not all(text.strip() for text in texts) or entry.fuzzy:
        return "not translated"
    wanted = set(PLACES.findall(entry.msgid_plural or entry.msgid))
    if any(set(PLACES.findall(text)) - wanted or wanted - set(PLACES.findall(text)) for text in texts):
        return "its places differ from those of the text"
    return ""
