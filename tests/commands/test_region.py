"""`region`: the shipped list is data that an administrator edits."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from checkpoints.models import AuditRow, Region
from checkpoints.services import regions

pytestmark = pytest.mark.django_db


def run(*words: str) -> str:
    out = StringIO()
    call_command("region", *words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_the_shipped_regions_are_there_from_the_start() -> None:
    rows = json.loads(run("list", "--format", "json"))
    assert {"id": "cn-hangzhou", "public_host": "cn-hangzhou.log.aliyuncs.com"}.items() <= next(
        row for row in rows if row["id"] == "cn-hangzhou"
    ).items()
    assert "cn-hangzhou\t" in run("list")


def test_an_edit_is_kept_by_the_next_seeding_and_is_audited() -> None:
    run("set", "cn-hangzhou", "--public-host", "sls.example.internal")
    regions.seed()
    assert Region.objects.get(id="cn-hangzhou").public_host == "sls.example.internal"
    row = AuditRow.objects.get(action="region.edited")
    assert row.before == {"public_host": "cn-hangzhou.log.aliyuncs.com"}
    assert row.after == {"public_host": "sls.example.internal"}


def test_a_region_can_be_added() -> None:
    run("set", "cn-private-1", "--name-en", "Private cloud", "--public-host", "log.example.internal")
    assert Region.objects.get(id="cn-private-1").status == "live"


@pytest.mark.parametrize(
    "words",
    [
        ["", "--note", "x"],
        ["cn hangzhou"],
        ["CN-1"],
        ["٣٤-cn"],
        ["a" * 80],
        ["cn-1", "--note", "a\x00b"],
        ["cn-1", "--note", "x" * 300],
    ],
)
def test_what_cannot_be_a_region_is_refused_with_a_sentence(words: list[str]) -> None:
    before = Region.objects.count()
    with pytest.raises(CommandError):
        run("set", *words)
    assert Region.objects.count() == before
