"""The command `audit`: list, verify and export."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from checkpoints.models import AuditRow
from checkpoints.services import audit, triggers
from checkpoints.services.audit import SYSTEM, Actor

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _rows(group: Any) -> None:
    audit.record("reset.requested", actor=Actor("7", "ann"), group=group, reason="replay\x1b[31m")
    audit.record(
        "reset.shard", actor=Actor("7", "ann"), group=group, shard=3, outcome="confirmed", request_id="5AEE"
    )
    audit.record("session.signed_in", actor=SYSTEM)


def run(*arguments: str) -> str:
    out = io.StringIO()
    call_command("audit", *arguments, stdout=out)
    return out.getvalue()


def test_list_shows_the_newest_row_first() -> None:
    rows = json.loads(run("list", "--format", "json"))
    assert [row["action"] for row in rows] == [
        "session.signed_in",
        "reset.shard",
        "reset.requested",
        "endpoint.added",
    ]
    told = {name: value for name, value in rows[1].items() if value not in {"", None}}
    assert told == {
        "seq": 3,
        "id": told["id"],
        "at": told["at"],
        "actor_id": "7",
        "actor_name": "ann",
        "action": "reset.shard",
        "outcome": "confirmed",
        "endpoint": "test",
        "project": "proj",
        "logstore": "store",
        "consumer_group": "cg-0",
        "shard": 3,
        "request_id": "5AEE",
        "previous_mac": rows[2]["mac"],
        "mac": told["mac"],
    }


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (["--limit", "1"], ["session.signed_in"]),
        (["--group", "cg-0"], ["reset.shard", "reset.requested"]),
        (["--action", "reset.shard"], ["reset.shard"]),
        (["--group", "cg-0", "--action", "session.signed_in"], []),
    ],
)
def test_list_is_filtered(arguments: list[str], found: list[str]) -> None:
    assert [row["action"] for row in json.loads(run("list", "--format", "json", *arguments))] == found


def test_list_as_text_shows_no_control_characters() -> None:
    lines = run("list").splitlines()
    assert len(lines) == 4
    assert lines[2].split("\t")[2:] == [
        "ann",
        "reset.requested",
        "",
        "test/proj/store/cg-0",
        "",
        "replay?[31m",
    ]


WRONG = [["--limit", "0"], ["--limit", "-1"], ["--limit", "x"], ["--limit", "٣"], ["--limit", "9" * 30]]
WRONG += [["--group", "a\0"], ["--action", "a\0"], ["--format", "xml"]]


@pytest.mark.parametrize("arguments", WRONG)
def test_a_wrong_argument_gets_a_sentence(arguments: list[str]) -> None:
    with pytest.raises(CommandError, match=arguments[0]):
        run("list", *arguments)


def test_verify_says_that_the_chain_is_whole_and_where_it_ends() -> None:
    last = AuditRow.objects.first()
    assert last is not None
    assert run("verify") == f"The chain of 4 rows is whole.\nLast row: 4:{last.mac}\n"
    assert json.loads(run("verify", "--format", "json", "--anchor", f"4:{last.mac}")) == {
        "whole": True,
        "last": {"seq": 4, "mac": last.mac},
        "flaws": [],
    }


@pytest.mark.parametrize("form", ["text", "json"])
def test_verify_fails_when_a_row_was_changed(form: str) -> None:
    triggers.remove()
    AuditRow.objects.filter(seq=2).update(reason="x")
    out = io.StringIO()
    with pytest.raises(CommandError, match="The audit log has 1 flaws"):
        call_command("audit", "verify", "--format", form, stdout=out)
    assert "Row 2 was changed" in out.getvalue()


def test_verify_needs_the_key(settings: Any) -> None:
    settings.SEALING_KEY = "nonsense!"
    with pytest.raises(CommandError, match="not base64"):
        run("verify")


@pytest.mark.parametrize("anchor", ["", "x", "4:", "4:zz", "٤:" + "0" * 64])
def test_a_wrong_anchor_gets_a_sentence(anchor: str) -> None:
    with pytest.raises(CommandError, match="write SEQ:MAC"):
        run("verify", "--anchor", anchor)


def test_an_export_holds_every_row_and_the_export_itself() -> None:
    rows = [json.loads(line) for line in run("export").splitlines()]
    assert [row["seq"] for row in rows] == [1, 2, 3, 4, 5]
    assert (rows[-1]["action"], rows[-1]["details"]) == ("audit.exported", {"format": "jsonl"})
    assert rows[-1]["actor_name"].startswith("command line user ")


def test_an_export_as_csv_is_read_back() -> None:
    table = list(csv.DictReader(io.StringIO(run("export", "--format", "csv"))))
    assert [row["action"] for row in table][-1] == "audit.exported"
    assert table[1]["reason"] == "replay\x1b[31m"
