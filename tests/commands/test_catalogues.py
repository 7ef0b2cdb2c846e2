"""The command that keeps the message catalogues complete, on a copy of them."""

from __future__ import annotations

import io
import shutil
from pathlib import Path
from typing import Any

import polib
import pytest
from django.core.management import CommandError, call_command

from checkpoints.management.commands.catalogues import fill_and_compile, flaw_of, flaws

ROOT = Path(__file__).resolve().parent.parent.parent
needs_xgettext = pytest.mark.skipif(not shutil.which("xgettext"), reason="xgettext is not installed")


def run(*arguments: str) -> str:
    errors = io.StringIO()
    try:
        call_command("catalogues", *arguments, stdout=io.StringIO(), stderr=errors)
    except CommandError as problem:
        errors.write(str(problem))
    return errors.getvalue()


@pytest.fixture
def copy(tmp_path: Path, settings: Any, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "locale"
    shutil.copytree(ROOT / "locale", folder)
    settings.LOCALE_PATHS = [folder]
    monkeypatch.chdir(ROOT)
    return folder


@pytest.fixture
def small(tmp_path: Path) -> Path:
    """A catalogue of one text in both languages."""
    for language in ("en", "zh_Hans"):
        path = tmp_path / language / "LC_MESSAGES" / "django.po"
        path.parent.mkdir(parents=True)
        catalogue = polib.POFile()
        catalogue.append(polib.POEntry(msgid="Lag of %(name)s"))
        catalogue.append(
            polib.POEntry(msgid="%(n)d shard", msgid_plural="%(n)d shards", msgstr_plural={0: ""})
        )
        catalogue.save(str(path))
    return tmp_path


@pytest.mark.parametrize(
    ("entry", "flaw"),
    [
        ({"msgid": "Lag", "msgstr": "延迟"}, ""),
        ({"msgid": "Lag", "msgstr": ""}, "not translated"),
        ({"msgid": "Lag", "msgstr": " "}, "not translated"),
        ({"msgid": "Lag", "msgstr": "延迟", "flags": ["fuzzy"]}, "not translated"),
        ({"msgid": "Lag of %(name)s", "msgstr": "%(name)s 的延迟"}, ""),
        ({"msgid": "Lag of %(name)s", "msgstr": "延迟"}, "its places differ from those of the text"),
        ({"msgid": "Lag", "msgstr": "%s"}, "its places differ from those of the text"),
        ({"msgid": "Lag of {name}", "msgstr": "{nom}"}, "its places differ from those of the text"),
        ({"msgid": "a", "msgid_plural": "%(n)d", "msgstr_plural": {0: "%(n)d"}}, ""),
        ({"msgid": "a", "msgid_plural": "%(n)d", "msgstr_plural": {0: "%(n)d", 1: ""}}, "not translated"),
    ],
)
def test_a_flaw_of_a_translation_is_told(entry: dict[str, Any], flaw: str) -> None:
    assert flaw_of(polib.POEntry(**entry)) == flaw


def test_english_is_filled_with_the_texts_themselves(small: Path) -> None:
    fill_and_compile("en", small)
    filled = polib.pofile(str(small / "en" / "LC_MESSAGES" / "django.po"))
    assert {entry.msgid: entry.msgstr or entry.msgstr_plural for entry in filled} == {
        "Lag of %(name)s": "Lag of %(name)s",
        "%(n)d shard": {0: "%(n)d shard", 1: "%(n)d shards"},
    }
    assert flaws("en", small) == []


def test_chinese_is_left_to_people(small: Path) -> None:
    fill_and_compile("zh-hans", small)
    assert flaws("zh-hans", small) == [
        "zh-hans: '%(n)d shard': not translated",
        "zh-hans: 'Lag of %(name)s': not translated",
    ]


def test_a_catalogue_that_was_not_compiled_is_told(small: Path) -> None:
    fill_and_compile("en", small)
    (small / "en" / "LC_MESSAGES" / "django.mo").unlink()
    assert flaws("en", small) == ["en: django.mo is not what django.po compiles to"]


@needs_xgettext
def test_the_check_finds_a_missing_and_a_left_over_text_and_changes_nothing(copy: Path) -> None:
    path = copy / "en" / "LC_MESSAGES" / "django.po"
    catalogue = polib.pofile(str(path))
    catalogue.remove(catalogue.find("Consumer group"))
    catalogue.append(polib.POEntry(msgid="Nobody says this", msgstr="Nobody says this"))
    catalogue.save(str(path))
    before = path.read_bytes()
    told = run("--check")
    assert "not in the catalogues: 'Consumer group'" in told
    assert "no longer in the sources: 'Nobody says this'" in told
    assert path.read_bytes() == before


@needs_xgettext
def test_an_extraction_brings_the_catalogues_up_to_date(copy: Path) -> None:
    path = copy / "en" / "LC_MESSAGES" / "django.po"
    catalogue = polib.pofile(str(path))
    catalogue.append(polib.POEntry(msgid="Nobody says this", msgstr="Nobody says this"))
    catalogue.save(str(path))
    run()
    assert not polib.pofile(str(path)).find("Nobody says this")
    assert "en: " not in run("--check")


@needs_xgettext
def test_the_catalogues_of_the_product_are_complete(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    assert run("--check") == ""
