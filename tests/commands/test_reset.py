"""The command `reset`: the JSON and the exit codes that scripts rely on."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from django.core.management import base, call_command
from django.core.management.base import CommandError

from checkpoints.domain import positions
from checkpoints.management.commands import reset as command
from checkpoints.models import Endpoint, Plan, Reset
from tests.services import resetting as the

pytestmark = pytest.mark.django_db
WHERE = ["--endpoint", "test", "--project", "proj", "--logstore", "store", "--group", "cg-0"]


@pytest.fixture(autouse=True)
def placed(emu, group, people):
    the.place(emu, {0: 15, 1: 5, 2: 20})
    return group


@pytest.fixture
def run(capsys, monkeypatch):
    """Run `reset` as from a shell; returns exit code, JSON or None, and what went to standard error."""
    monkeypatch.setattr(base.connections, "close_all", lambda: None)  # the transaction of the test stays open

    def run_(*words: str) -> tuple[int, Any, str]:
        code = 0
        try:
            command.Command().run_from_argv(["manage.py", "reset", *words, "--format", "json"])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        out, err = capsys.readouterr()
        return code, json.loads(out) if out.strip() else None, err

    return run_


def plan(run, target="earliest", shards="0", *more):
    return run("plan", *WHERE, "--to", target, "--shards", shards, "--actor", "the-operator", *more)


def apply(run, plan_id, *more):
    return run("apply", plan_id, "--actor", "the-operator", "--reason", "bad deploy", *more)


def test_plan_prints_the_plan_as_json(emu, run):
    code, value, _ = plan(run, "earliest", "0-1")
    assert (code, value["target"], [line["shard"] for line in value["shards"]]) == (0, "earliest", [0, 1])
    assert value["id"] == str(Plan.objects.get().pk)
    assert value["shards"][0]["after"]["position"] == str(the.begin(emu, 0))


@pytest.mark.parametrize("target", ["-9m", "-4groups"])
def test_a_target_may_begin_with_a_minus(run, target):
    assert plan(run, target)[1]["shards"][0]["log_groups"] == 4


def test_without_shards_all_are_planned(run):
    code, value, _ = run("plan", *WHERE, "--to", "latest", "--actor", "the-operator")
    assert (code, [line["shard"] for line in value["shards"]]) == (0, [0, 1, 2, 3])


def test_single_shards_may_have_targets_of_their_own(run):
    code, value, _ = plan(run, "earliest", "0-3", "--each", "1=latest", "--each", "2=-9m", "--each", "3=keep")
    assert code == 0
    assert {line["shard"]: (line["direction"], line["log_groups"]) for line in value["shards"]} == {
        0: ("rewind", 15),
        1: ("skip", 15),
        2: ("rewind", 4),
    }


def test_a_shard_cannot_have_two_targets(run):
    code, _, err = plan(run, "earliest", "0", "--each", "0=latest", "--each", "0=-2h")
    assert code == 1
    assert "names shard 0 twice" in err


def test_a_time_without_zone_is_taken_in_the_one_that_is_named(run):
    value = plan(run, "2026-01-02 09:04:05", "0", "--zone", "Asia/Shanghai", "--each", "0=2026-01-02 08:00")[
        1
    ]
    assert value["shards"][0]["asked"] == "2026-01-02T00:00:00Z"
    assert value["target"] == "2026-01-02 09:04:05"


def printed(capsys, *words):
    call_command("reset", "plan", *WHERE, "--actor=the-operator", *words)
    return capsys.readouterr().out


def test_a_plan_printed_as_csv_can_be_planned_from_the_file(emu, capsys, run, tmp_path):
    text = printed(capsys, "--to=-4groups", "--shards=0,1", "--each=1=latest", "--csv")
    assert text == (
        "shard,cursor\n"
        f"0,{positions.encode(the.begin(emu, 0) + 11)}\n"
        f"1,{positions.encode(the.begin(emu, 1) + 20)}\n"
    )
    file = tmp_path / "my cursors.csv"
    file.write_text(text)
    code, value, _ = run("plan", *WHERE, "--to", f"file:{file}", "--actor", "the-operator")
    assert (code, value["target"]) == (0, "file: my cursors.csv")
    assert {line["shard"]: line["log_groups"] for line in value["shards"]} == {0: 4, 1: 15}
    assert str(tmp_path) not in str(Plan.objects.latest("made_at").body)
    assert printed(capsys, f"--to=file:{file}", "--csv") == text


def test_of_a_file_only_the_chosen_shards_are_planned(emu, run, tmp_path):
    file = tmp_path / "cursors.csv"
    file.write_text(f"shard,cursor\n0,{positions.encode(the.begin(emu, 0))}\n1,MQ==\n")
    value = plan(run, f"file:{file}", "0")[1]
    assert [line["shard"] for line in value["shards"]] == [0]
    assert "not one of shard 1" in plan(run, f"file:{file}", "0,1")[2]
    assert "says nothing about these shards: 2" in plan(run, f"file:{file}", "0,2")[2]
    value = plan(run, f"file:{file}", "0,2", "--each", "2=-1groups")[1]
    assert [line["log_groups"] for line in value["shards"]] == [15, 1]


def test_a_file_may_be_named_in_bytes_that_are_not_utf_8(emu, run, tmp_path):
    file = tmp_path / "a\udc80.csv"
    file.write_text(f"shard,cursor\n0,{positions.encode(the.begin(emu, 0))}\n")
    assert plan(run, f"file:{file}")[1]["target"] == "file: a?.csv"


def test_a_file_that_is_no_csv_leaves_with_1(run, tmp_path):
    file = tmp_path / "cursors.csv"
    file.write_text("0,MQ==\n")
    code, _, err = plan(run, f"file:{file}")
    assert code == 1
    assert "The first line of the file must be: shard,cursor" in err


def test_apply_confirms_and_leaves_with_0(emu, run):
    code, value, _ = apply(run, plan(run)[1]["id"], "--ticket", "INC-7")
    assert (code, value["outcome"], len(the.sent(emu))) == (0, "confirmed", 1)
    assert (value["shards"][0]["watch"], Reset.objects.get().ticket) == ("watching", "INC-7")


def test_a_watch_that_held_leaves_with_0(run, monkeypatch):
    monkeypatch.setattr(command, "EVERY", 0.05)
    code, value, _ = apply(run, plan(run)[1]["id"], "--watch", "1")
    assert (code, value["shards"][0]["watch"]) == (0, "held")


def test_an_overwritten_reset_leaves_with_6(emu, run, monkeypatch):
    the.place(emu, {0: 15}, seconds_ago=2, consumer="worker-1")
    planned = plan(run)[1]["id"]

    def overwrite(seconds):
        the.place(emu, {0: 16}, seconds_ago=0, consumer="worker-1")

    monkeypatch.setattr(command.time, "sleep", overwrite)
    code, value, _ = apply(run, planned, "--override-active", "--watch", "1")
    assert (code, value["shards"][0]["watch"]) == (6, "overwritten")


def test_a_partial_reset_leaves_with_3(emu, run):
    planned = plan(run, "earliest", "0,1")[1]["id"]
    emu.fault("UpdateCheckPoint", status=403, code="Unauthorized", times=1)
    code, value, err = apply(run, planned)
    assert (code, value["outcome"]) == (3, "partial")
    assert "partial" in err


def test_a_checkpoint_that_moved_leaves_with_4_and_names_the_new_plan(emu, run):
    planned = plan(run)[1]["id"]
    the.place(emu, {0: 16})
    code, value, err = apply(run, planned)
    assert (code, value) == (4, None)
    assert str(Plan.objects.exclude(pk=planned).get().pk) in err


def test_active_consumers_leave_with_5(emu, run):
    the.place(emu, {0: 5}, seconds_ago=3, consumer="worker-1")
    code, _, err = apply(run, plan(run)[1]["id"])
    assert (code, the.sent(emu)) == (5, [])
    assert "Somebody is consuming" in err


def test_a_used_plan_leaves_with_7(run):
    planned = plan(run)[1]["id"]
    apply(run, planned)
    code, _, err = apply(run, planned)
    assert code == 7
    assert str(Reset.objects.get().pk) in err


def test_an_expired_plan_leaves_with_7(people, placed, run):
    planned = the.make(placed, people["operator"], "earliest", [0], now=the.now() - timedelta(minutes=6))
    assert apply(run, str(planned.pk))[0] == 7


@pytest.mark.parametrize(("protection", "code"), [("two-person", 8), ("read-only", 1)])
def test_a_protected_endpoint_leaves_with_its_code(emu, run, protection, code):
    planned = plan(run)[1]["id"]
    Endpoint.objects.update(protection=protection)
    assert (apply(run, planned)[0], the.sent(emu)) == (code, [])


def test_a_refusal_of_the_service_leaves_with_1_and_is_told(emu, run):
    planned = plan(run)[1]["id"]
    emu.fault("UpdateCheckPoint", status=400, code="InvalidShardCheckPoint")
    code, value, _ = apply(run, planned)
    assert (code, value["shards"][0]["error"]["code"]) == (1, "InvalidShardCheckPoint")


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"--endpoint": "nowhere"}, "no endpoint named"),
        ({"--endpoint": "a\0b"}, "control characters"),
        ({"--project": "a/b"}, "has no group"),
        ({"--group": "x" * 500}, "has no group"),
        ({"--to": ""}, "Say where to go"),
        ({"--to": "2026-01-02 03:04:05"}, "Add the zone"),
        ({"--to": "2026-01-02 03:04:05 Mars/Base"}, "no time zone named"),
        ({"--to": "x" * 300}, "at most 200 characters"),
        ({"--to": "a\0b"}, "control characters"),
        ({"--to": "٢h ago"}, "digits 0 to 9"),
        ({"--to": "cursor:???"}, "not base64"),
        ({"--to": "cursor:" + positions.encode(1)}, "not one of shard 0"),
        ({"--to": "file:/nowhere"}, "cannot be read"),
        ({"--to": "file:a\0b"}, "control characters"),
        ({"--zone": "Mars/Base"}, "no time zone named"),
        ({"--zone": ""}, "no time zone named"),
        ({"--each": "latest"}, "SHARD=TARGET"),
        ({"--each": "x=latest"}, "SHARD=TARGET"),
        ({"--each": "٣=latest"}, "SHARD=TARGET"),
        ({"--each": "0="}, "Say where to go"),
        ({"--each": "0=whenever"}, "not a target"),
        ({"--each": "0=file:/etc/hostname"}, "A file is read by the command"),
        ({"--each": "1=latest"}, "but are not chosen: 1"),
        ({"--each": "9=keep"}, "do not exist"),
        ({"--each": "0=keep"}, "at least one shard"),
        ({"--shards": ""}, "at least one shard"),
        ({"--shards": "0,x"}, "numbers and ranges"),
        ({"--shards": "77"}, "do not exist"),
        ({"--actor": "nobody"}, "no active user"),
        ({"--actor": "a\0b"}, "no active user"),
        ({"--actor": "the-viewer"}, "may not reset"),
    ],
)
def test_bad_arguments_leave_with_1_and_a_sentence(run, changed, words):
    given = dict(zip(WHERE[::2], WHERE[1::2], strict=True))
    given |= {"--to": "earliest", "--shards": "0", "--actor": "the-operator"} | changed
    code, value, err = run("plan", *(word for pair in given.items() for word in pair))
    assert (code, value, Plan.objects.count()) == (1, None, 0)
    assert words in err


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["apply", "no-uuid", "--actor", "the-operator", "--reason", "x"], "There is no plan"),
        (["apply", "a\0b", "--actor", "the-operator", "--reason", "x"], "There is no plan"),
        (["apply", "x", "--actor", "the-operator"], "--reason"),
        (["apply"], "required"),
        (["nonsense"], "invalid choice"),
        ([], "invalid choice"),
    ],
)
def test_unreadable_command_lines_leave_with_1(run, words, said):
    code, _, err = run(*words)
    assert code == 1
    assert said in err


@pytest.mark.parametrize(
    "words", [["--reason", " "], ["--watch", "-1"], ["--watch", "99999"], ["--watch", "x"]]
)
def test_bad_words_of_apply_leave_with_1(emu, run, words):
    assert apply(run, plan(run)[1]["id"], *words)[0] == 1
    assert the.sent(emu) == []


def test_trouble_upstream_leaves_with_1_and_the_request_id(emu, run):
    emu.fault("GetCursor", status=403, code="Unauthorized")
    code, _, err = plan(run)
    assert code == 1
    assert "GetCursor Unauthorized" in err


def test_the_plain_form_is_for_people(capsys):
    call_command("reset", "plan", *WHERE, "--to=earliest", "--shards=0", "--actor=the-operator")
    out = capsys.readouterr().out
    assert "target: earliest" in out
    assert "log_groups 15" in out


def test_called_from_code_a_refusal_is_a_command_error():
    with pytest.raises(CommandError, match="do not exist"):
        call_command("reset", "plan", *WHERE, "--to=earliest", "--shards=9", "--actor=the-operator")


@pytest.mark.parametrize(
    ("outcome", "watches", "watched", "code"),
    [
        ("confirmed", [None], False, 0),
        ("confirmed", ["held", "taken_up"], True, 0),
        ("confirmed", ["watching"], False, 0),
        ("confirmed", ["unknown"], True, 1),
        ("confirmed", ["overwritten"], False, 0),
        ("partial", ["overwritten", None], True, 6),
        ("partial", ["held", None], True, 3),
        ("refused", [None], False, 1),
        ("unknown", ["watching"], False, 1),
    ],
)
def test_the_exit_code(outcome, watches, watched, code):
    result = {"outcome": outcome, "shards": [{"watch": word} for word in watches]}
    assert command.exit_code(result, watched=watched) == code
