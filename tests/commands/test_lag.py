"""`lag` and `collect`: the contract's JSON, and a sentence for every bad argument."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from checkpoints.models import ConsumerGroup

pytestmark = pytest.mark.django_db

PLACE = ["--endpoint", "test", "--project", "proj", "--logstore", "store"]


def run(*words: str) -> str:
    out = StringIO()
    call_command(*words, stdout=out, stderr=StringIO())
    return out.getvalue()


def test_lag_fresh_prints_the_json_of_the_contract(emu: Any, endpoint: Any) -> None:
    for shard in range(4):
        end = int(emu.shard("proj", "store", shard)["end"])
        emu.set_checkpoint("proj", "store", "cg-0", shard, end - 2 - shard, consumer="c-1")
    report = json.loads(run("lag", *PLACE, "--group", "cg-0", "--fresh", "--format", "json"))
    assert {name: report[name] for name in ("endpoint", "project", "logstore", "retention_days")} == {
        "endpoint": "test",
        "project": "proj",
        "logstore": "store",
        "retention_days": 30,
    }
    group = report["groups"][0]
    assert group["backlog"] == 2 + 3 + 4 + 5
    assert group["timeout_seconds"] > 0
    shard = group["shards"][3]
    assert shard["backlog"] == 5
    assert shard["state"] == "behind"
    assert shard["consumer"] == "c-1"
    assert int(shard["end"]) - int(shard["position"]) == 5
    assert set(shard) == {
        "shard", "status", "state", "consumer", "checkpoint", "position", "begin", "end", "backlog", "lost",
        "lag_seconds", "lag_is_lower_bound", "unread_age_seconds", "consumed_until", "oldest_unread_at",
        "newest_at", "updated_at", "data_loss_in_seconds", "error",
    }  # fmt: skip
    assert report["as_of"].endswith("Z")


def test_a_group_never_read_is_null_and_not_zero(emu: Any, group: ConsumerGroup) -> None:
    report = json.loads(run("lag", *PLACE, "--format", "json"))
    assert report["as_of"] is None
    assert report["groups"][0]["backlog"] is None
    assert report["groups"][0]["lag_seconds"] is None
    assert report["groups"][0]["shards"] == []


def test_lag_as_text_says_unknown_where_nothing_is_known(emu: Any, group: ConsumerGroup) -> None:
    assert "cg-0: unknown, lag unknown, backlog unknown" in run("lag", *PLACE)


def test_collect_once_reads_every_group(emu: Any, endpoint: Any) -> None:
    run("collect", "--once")
    assert ConsumerGroup.objects.get().read_at is not None


def test_collect_once_fails_and_says_why_when_the_keys_are_refused(emu: Any, endpoint: Any) -> None:
    emu.fault(status=401, code="SignatureNotMatch", message="signature x not match", times=99)
    err = StringIO()
    with pytest.raises(CommandError):
        call_command("collect", "--once", "--endpoint", "test", stdout=StringIO(), stderr=err)
    assert "SignatureNotMatch" in err.getvalue()
    assert "request" in err.getvalue()


@pytest.mark.parametrize(
    ("option", "value", "words"),
    [
        ("--endpoint", "nowhere", "There is no endpoint"),
        ("--endpoint", "", "--endpoint is empty"),
        ("--endpoint", "x" * 300, "longer than 255"),
        ("--endpoint", "a\x00b", "control characters"),
        ("--project", "no/slash", "There is no Logstore"),
        ("--project", "\x1b[31m", "control characters"),
        ("--logstore", "日志", "There is no Logstore"),
        ("--group", "٣٤", "There is no consumer group"),
        ("--group", "", "--group is empty"),
    ],
)
def test_a_bad_argument_gets_a_sentence(
    option: str, value: str, words: str, emu: Any, group: ConsumerGroup
) -> None:
    arguments = dict(zip(PLACE[::2], PLACE[1::2], strict=True)) | {option: value}
    with pytest.raises(CommandError, match=words):
        run("lag", *[word for pair in arguments.items() for word in pair])


def test_upstream_trouble_is_a_sentence_with_the_request_id(emu: Any, group: ConsumerGroup) -> None:
    emu.fault(
        "ListShards", status=403, code="Unauthorized", message="denied by sts or ram, action: log:ListShards"
    )
    with pytest.raises(CommandError, match=r"Unauthorized.*request [0-9A-F]{24}"):
        run("lag", *PLACE, "--fresh")


def test_collect_for_ever_reads_what_is_due(emu: Any, endpoint: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def enough(_seconds: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("checkpoints.management.commands.collect.time.sleep", enough)
    with pytest.raises(KeyboardInterrupt):
        run("collect")
    assert ConsumerGroup.objects.get().read_at is not None
