"""The command `snapshot`: take, list, show, csv, schedule, and how it refuses."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.core.management import base, call_command

from checkpoints.management.commands import snapshot as command
from checkpoints.models import AuditRow, Snapshot
from tests.services import resetting as the

pytestmark = pytest.mark.django_db
WHERE = ["--endpoint", "test", "--project", "proj", "--logstore", "store", "--group", "cg-0"]
BY = ["--actor", "the-operator"]


@pytest.fixture(autouse=True)
def placed(emu, group, people):
    the.place(emu, {0: 15, 1: 5})
    return group


@pytest.fixture
def run(capsys, monkeypatch):
    """Run `snapshot` as from a shell; returns exit code, standard output and standard error."""
    monkeypatch.setattr(base.connections, "close_all", lambda: None)  # the transaction of the test stays open

    def run_(*words: str) -> tuple[int, str, str]:
        code = 0
        try:
            command.Command().run_from_argv(["manage.py", "snapshot", *words])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return run_


def take(run, *more) -> Any:
    code, out, _ = run("take", *WHERE, "--name", "before the deploy", *BY, *more, "--format", "json")
    assert code == 0
    return json.loads(out)


def test_take_prints_what_was_kept(emu, run):
    value = take(run)
    kept = Snapshot.objects.get()
    assert (value["id"], value["name"], value["taken_by"]) == (
        str(kept.pk),
        "before the deploy",
        "the-operator",
    )
    assert (value["endpoint"], value["group"], value["scheduled"]) == ("test", "cg-0", False)
    assert value["taken_at"].endswith("Z")
    assert value["shards"] == kept.shards
    assert value["shards"][0]["position"] == str(the.begin(emu, 0) + 15)
    assert value["shards"][2]["position"] is None


def test_show_prints_the_same_again(run):
    value = take(run)
    code, out, _ = run("show", value["id"], "--format", "json")
    assert (code, json.loads(out)) == (0, value)


def test_list_counts_the_shards_newest_first(run):
    first, second = take(run), take(run)
    found = json.loads(run("list", *WHERE, "--format", "json")[1])
    assert [one["id"] for one in found] == [second["id"], first["id"]]
    assert found[0]["shards"] == 4


def test_the_file_makes_a_plan_back_to_the_snapshot(emu, run, capsys, tmp_path):
    value = take(run)
    code, out, _ = run("csv", value["id"])
    assert (code, out.splitlines()[0], len(out.splitlines())) == (0, "shard,cursor", 3)
    file = tmp_path / "kept.csv"
    file.write_text(out)
    the.place(emu, {0: 3, 1: 3})
    call_command("reset", "plan", *WHERE, *BY, f"--to=file:{file}", "--format=json")
    plan = json.loads(capsys.readouterr().out)
    after = {line["shard"]: line["after"]["cursor"] for line in plan["shards"]}
    assert after == {line["shard"]: line["cursor"] for line in value["shards"][:2]}


def test_the_plain_form_is_for_people(run):
    _, out, _ = run("take", *WHERE, "--name", "kept", *BY)
    assert "4 shards\tkept" in out
    assert "shard 2\tno position\ttime not known" in out
    assert "\tkept" in run("list", *WHERE)[1]


def test_schedule_is_set_ended_and_audited(run, group):
    code, out, _ = run("schedule", *WHERE, "--hours", "6", *BY, "--format", "json")
    group.refresh_from_db()
    assert (code, json.loads(out)["hours"], group.snapshot_hours) == (0, 6, 6)
    assert "are taken by themselves" in run("schedule", *WHERE, "--hours", "off", *BY)[1]
    group.refresh_from_db()
    assert group.snapshot_hours is None
    rows = AuditRow.objects.filter(action="snapshot.scheduled")
    assert {row.actor_name for row in rows} == {"the-operator"}


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["take", *WHERE, "--name", "", *BY], "Give the snapshot a name."),
        (["take", *WHERE, "--name", "a\0b", *BY], "cannot be shown"),
        (["take", *WHERE, "--name", "x" * 101, *BY], "longer than 100"),
        (["take", *WHERE, *BY], "--name"),
        (["take", *WHERE, "--name", "x"], "--actor"),
        (["take", *WHERE, "--name", "x", "--actor", "the-viewer"], "may not reset"),
        (["take", *WHERE, "--name", "x", "--actor", "nobody"], "no active user"),
        (["take", *WHERE[:-1], "other", "--name", "x", *BY], "has no group"),
        (["list", *WHERE[:-1], "a\0b"], "control characters"),
        (["show", "x"], "There is no snapshot"),
        (["show", "a\0b"], "There is no snapshot"),
        (["csv", "11111111-1111-1111-1111-111111111111"], "There is no snapshot"),
        (["schedule", *WHERE, "--hours", "0", *BY], "1 to 168"),
        (["schedule", *WHERE, "--hours", "169", *BY], "1 to 168"),
        (["schedule", *WHERE, "--hours", "٦", *BY], "1 to 168"),
        (["schedule", *WHERE, "--hours", "6", "--actor", "the-viewer"], "may not reset"),
        (["nonsense"], "invalid choice"),
        ([], "required"),
    ],
)
def test_what_cannot_be_done_leaves_with_a_sentence(run, group, words, said):
    code, out, err = run(*words)
    group.refresh_from_db()
    assert (code in {1, 2}, out, Snapshot.objects.count(), group.snapshot_hours) == (True, "", 0, None)
    assert said in err
    assert "Traceback" not in err


def test_trouble_upstream_leaves_with_1_and_the_request_id(emu, run):
    emu.fault("ListShards", status=403, code="Unauthorized")
    code, _, err = run("take", *WHERE, "--name", "x", *BY)
    assert code == 1
    assert "ListShards Unauthorized" in err
