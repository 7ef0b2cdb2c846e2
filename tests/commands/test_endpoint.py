"""The command `endpoint`: results on standard output, sentences on standard error, exit codes."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from checkpoints.models import AuditRow, Endpoint

pytestmark = pytest.mark.django_db
SECRET = "testAccessKeySecret"
ARGUMENTS = ["prod", "--host", "https://cn-hangzhou.log.aliyuncs.com", "--access-key-id", "testAccessKeyId"]


@pytest.fixture(autouse=True)
def _environment(monkeypatch: pytest.MonkeyPatch, settings: Any) -> None:
    settings.SLS_ALLOW_HTTP = True
    settings.SLS_ALLOWED_HOSTS = ("127.0.0.1",)
    monkeypatch.setenv("SLS_ACCESS_KEY_SECRET", SECRET)
    monkeypatch.delenv("SLS_SECURITY_TOKEN", raising=False)


def run(*arguments: str) -> tuple[str, str]:
    """Return what stood on standard output and standard error."""
    out, err = io.StringIO(), io.StringIO()
    call_command("endpoint", *arguments, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_add_stores_and_says_so_on_standard_error() -> None:
    out, err = run("add", *ARGUMENTS)
    assert (out, err) == ("", "Endpoint prod was added.\n")
    endpoint = Endpoint.objects.get()
    assert (endpoint.scheme, endpoint.host) == ("https", "cn-hangzhou.log.aliyuncs.com")
    assert (endpoint.region, endpoint.signature, endpoint.protection) == ("cn-hangzhou", "v4", "reason")
    row = AuditRow.objects.get()
    assert (row.action, row.actor_id) == ("endpoint.added", "")
    assert row.actor_name.startswith("command line user ")


def test_add_prints_json_without_the_secret() -> None:
    out, _ = run("add", *ARGUMENTS, "--project", "proj-a", "--project", "proj-b", "--format", "json")
    row = json.loads(out)
    assert row["id"] == str(Endpoint.objects.get().pk)
    assert (row["typed_projects"], row["secret"], row["token"]) == (["proj-a", "proj-b"], "set", "not set")
    assert SECRET not in out


def test_the_secret_comes_from_standard_input(monkeypatch: pytest.MonkeyPatch, emu: Any) -> None:
    monkeypatch.delenv("SLS_ACCESS_KEY_SECRET")
    monkeypatch.setattr("sys.stdin", io.StringIO(SECRET + "\n"))
    run(
        "add",
        "e",
        "--host",
        emu.url,
        "--region",
        "cn-hangzhou",
        "--access-key-id",
        "testAccessKeyId",
        "--project",
        "proj",
    )
    out, _ = run("test", "e", "--format", "json")
    assert json.loads(out)["verdicts"][0]["ok"] is True


def test_an_empty_standard_input_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLS_ACCESS_KEY_SECRET")
    monkeypatch.setattr("sys.stdin", io.StringIO(""))
    with pytest.raises(CommandError, match="SLS_ACCESS_KEY_SECRET: Enter the AccessKey secret"):
        run("add", *ARGUMENTS)


def test_bytes_that_are_no_text_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SLS_ACCESS_KEY_SECRET")
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\xfe\n"), encoding="utf-8"))
    with pytest.raises(CommandError, match="not text"):
        run("add", *ARGUMENTS)


def test_the_secret_is_no_argument() -> None:
    with pytest.raises(CommandError, match="unrecognized arguments"):
        run("add", *ARGUMENTS, "--secret", SECRET)


WRONG = [
    (["", *ARGUMENTS[1:]], "NAME: This is empty"),
    (["a\0b", *ARGUMENTS[1:]], "NAME: A name has no control characters"),
    (["n" * 500, *ARGUMENTS[1:]], "NAME: This is longer than 80"),
    (["e", "--host", "https://evil.example.com", *ARGUMENTS[3:]], "--host: .*not a host of SLS"),
    (
        ["e", "--host", "ftp://cn-hangzhou.log.aliyuncs.com", *ARGUMENTS[3:]],
        "--host: Choose one of the values",
    ),
    (["e", "--host", "https://cn-hangzhou.log.aliyuncs.com/p", *ARGUMENTS[3:]], "--host: A host has no path"),
    (["e", "--host", "", *ARGUMENTS[3:]], "--host: This is empty"),
    (["e", "--host", "١٢٧.٠.٠.١", *ARGUMENTS[3:]], "--host: A host is written in plain ASCII"),
    ([*ARGUMENTS, "--region", "cn/x"], "--region: A region ID"),
    ([*ARGUMENTS, "--project", "a/b"], "--project: a/b is not a project name"),
    ([*ARGUMENTS, "--project", "\x1b[31m"], "--project: .* is not a project name"),
    ([*ARGUMENTS[:-1], "LTAI\udcff"], "--access-key-id: Only plain ASCII"),
    ([*ARGUMENTS, "--signature", "v9"], "invalid choice: 'v9'"),
    ([*ARGUMENTS, "--protection", "x"], "invalid choice: 'x'"),
]


@pytest.mark.parametrize(("arguments", "words"), WRONG)
def test_a_wrong_argument_gets_a_sentence_and_nothing_is_stored(arguments: list[str], words: str) -> None:
    with pytest.raises(CommandError, match=words) as refused:
        run("add", *arguments)
    assert refused.value.returncode == 1
    assert "\x1b" not in str(refused.value)
    assert not Endpoint.objects.exists()


def test_http_needs_the_setting(settings: Any) -> None:
    settings.SLS_ALLOW_HTTP = False
    with pytest.raises(CommandError, match="SLS_ALLOW_HTTP"):
        run("add", "e", "--host", "http://cn-hangzhou.log.aliyuncs.com", *ARGUMENTS[3:])


def test_without_the_key_nothing_is_stored(settings: Any) -> None:
    settings.SEALING_KEY = "nonsense!"
    with pytest.raises(CommandError, match="not base64"):
        run("add", *ARGUMENTS)
    assert not Endpoint.objects.exists()


def test_list_shows_what_is_there_and_not_what_was_removed() -> None:
    run("add", *ARGUMENTS)
    run("add", "gone", *ARGUMENTS[1:])
    run("remove", "gone")
    out, err = run("list")
    assert out == "prod\thttps://cn-hangzhou.log.aliyuncs.com\tcn-hangzhou\treason\tenabled\n"
    assert err == ""
    rows = json.loads(run("list", "--format", "json")[0])
    assert [row["name"] for row in rows] == ["prod"]
    assert "testAccessKeyId" not in json.dumps(rows)


def test_test_prints_one_verdict_per_operation(endpoint: Endpoint) -> None:
    lines = run("test", "test")[0].splitlines()
    assert [line.split()[0] for line in lines] == [
        "ListProject",
        "ListLogStores",
        "GetLogStore",
        "ListShards",
        "ListConsumerGroup",
        "GetCheckPoint",
        "GetCursor",
        "GetCursorTime",
        "UpdateCheckPoint",
    ]
    assert [line.split()[1] for line in lines] == ["ok"] * 8 + ["-"]


@pytest.mark.parametrize("form", ["text", "json"])
def test_a_failed_verdict_is_printed_and_makes_the_command_fail(
    emu: Any, endpoint: Endpoint, form: str
) -> None:
    emu.fault("GetCursor", status=403, code="Unauthorized", message="denied by sts or ram, action: {action}")
    out = io.StringIO()
    with pytest.raises(CommandError, match="The test of test failed: GetCursor"):
        call_command("endpoint", "test", "test", "--format", form, stdout=out)
    assert "log:GetCursorOrData" in out.getvalue()
    assert "Unauthorized" in out.getvalue()


def test_remove_wipes_the_credentials() -> None:
    run("add", *ARGUMENTS)
    out, err = run("remove", "prod", "--format", "json")
    assert json.loads(out)["secret"] == "not set"
    assert err == "Endpoint prod was removed.\n"


@pytest.mark.parametrize("verb", ["test", "remove"])
@pytest.mark.parametrize("name", ["nobody", "", "a\0b", "n" * 500, "١"])
def test_a_name_that_is_none_gets_a_sentence(verb: str, name: str) -> None:
    with pytest.raises(CommandError):
        run(verb, name)
