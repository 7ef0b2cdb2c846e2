"""Bad arguments of every command: a sentence and an exit code, no traceback, and nothing stored or sent."""

from __future__ import annotations

import pytest
from django.core.management import base, call_command, load_command_class
from django.core.management.base import CommandError

from checkpoints.models import AuditRow, Endpoint, Plan, Reset
from tests.services import resetting as the

pytestmark = pytest.mark.django_db

LONG, NUL, BYTES, ARABIC, WIDE = "x" * 100_000, "a\0b", "a\udc80b", "\u0661\u0662", "\uff11\uff12"
ODD = {"empty": "", "long": LONG, "NUL": NUL, "control": "a\x1bb", "bytes": BYTES}
PLACE = {"endpoint": "test", "project": "proj", "logstore": "store", "group": "cg-0"}


@pytest.fixture
def refused(capsys, monkeypatch):
    """Run a command as from a shell; it must leave with an exit code and a short sentence."""
    monkeypatch.setattr(base.connections, "close_all", lambda: None)  # the transaction of the test stays open

    def refused_(*words: str) -> str:
        with pytest.raises(SystemExit) as leaving:
            load_command_class("checkpoints", words[0]).run_from_argv(["manage.py", *words])
        out, err = capsys.readouterr()
        assert leaving.value.code in {1, 2}
        assert "Traceback" not in out + err
        assert err.strip()
        return err

    return refused_


def place_with(**changes: str) -> list[str]:
    return [f"--{name}={value}" for name, value in (PLACE | changes).items()]


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", PLACE)
def test_a_name_that_cannot_be_is_refused_by_lag(refused, group, name, odd):
    refused("lag", *place_with(**{name: ODD[odd]}))


@pytest.mark.parametrize("odd", ODD)
@pytest.mark.parametrize("name", PLACE)
def test_a_name_that_cannot_be_is_refused_by_reset_plan(refused, group, people, name, odd):
    words = place_with(**{name: ODD[odd]})
    refused("reset", "plan", *words, "--to", "earliest", "--shards", "0", "--actor", "the-operator")
    assert not Plan.objects.exists()


TARGETS = {
    **ODD,
    "Arabic digits": f"-{ARABIC}m",
    "full-width digits": f"-{WIDE}groups",
    "no base64": "cursor:!!!",
    "half base64": "cursor:MTIz=4",
    "no number": "cursor:YWJj",
    "another shard's cursor": "cursor:OTk5OTk5OTk5OTk5",
    "no date": "2026-02-31T00:00:00Z",
    "a year too far": "99999-01-01T00:00:00Z",
    "huge epoch": "9" * 60,
    "unknown zone": "2026-01-01 00:00 Mars/Base",
    "endless": "-" + "9" * 30 + "d",
    "no such group": "group:nobody",
    "group with a slash": "group:a/b",
    "no file": "file:/nowhere/at/all.csv",
    "a directory": "file:/",
    "a binary": "file:/bin/ls",
    "a device": "file:/dev/zero",
    "bytes in a file": "file:/\udc80",
    "NUL in a file": "file:/a\0b",
    "no such reset": "undo:11111111-1111-1111-1111-111111111111",
    "no id": "undo:x",
    "no snapshot": "snapshot:1",
}


@pytest.mark.parametrize("target", TARGETS)
def test_a_target_that_makes_no_sense_makes_no_plan(refused, emu, group, people, target):
    the.place(emu, {0: 5})
    to = f"--to={TARGETS[target]}"
    refused("reset", "plan", *place_with(), to, "--shards", "0", "--actor", "the-operator")
    assert not Plan.objects.exists()


def test_an_undo_of_another_groups_reset_makes_no_plan(refused, emu, group, people):
    the.place(emu, {0: 5})
    reset = the.apply(the.make(group, people["operator"], "earliest", [0]), people["operator"])
    other = type(group).objects.create(
        logstore=group.logstore, name="other", in_order=False, timeout_seconds=60
    )
    to = f"--to=undo:{reset.pk}"
    refused("reset", "plan", *place_with(group=other.name), to, "--shards", "0", "--actor", "the-operator")
    assert Plan.objects.count() == 1


SHARDS = {
    **ODD,
    "negative": "-1",
    "huge": "9" * 400,
    "endless range": "0-999999999",
    "many ranges": "0-4000,5000-9000",
    "backwards": "3-1",
    "nonexistent": "77",
    "Arabic digits": ARABIC,
    "full-width digits": WIDE,
    "nothing between": "0,,1",
}


@pytest.mark.parametrize("shards", SHARDS)
def test_shards_that_cannot_be_make_no_plan(refused, emu, group, people, shards):
    chosen = f"--shards={SHARDS[shards]}"
    refused("reset", "plan", *place_with(), "--to=earliest", chosen, "--actor", "the-operator")
    assert not Plan.objects.exists()


@pytest.mark.parametrize("odd", [*ODD, "nobody"])
def test_an_actor_that_cannot_be_makes_no_plan(refused, group, people, odd):
    refused("reset", "plan", *place_with(), "--to=earliest", "--shards=0", f"--actor={ODD.get(odd, odd)}")
    assert not Plan.objects.exists()


@pytest.mark.parametrize("odd", ODD)
def test_a_plan_id_that_cannot_be_is_refused(refused, people, odd):
    refused("reset", "apply", ODD[odd], "--actor=the-operator", "--reason=why")
    assert not Reset.objects.exists()


@pytest.mark.parametrize("odd", ODD)
def test_a_reason_that_cannot_be_kept_sends_nothing(refused, emu, group, people, odd):
    the.place(emu, {0: 5})
    plan = the.make(group, people["operator"], "earliest", [0])
    refused("reset", "apply", str(plan.pk), "--actor=the-operator", f"--reason={ODD[odd]}")
    assert (Reset.objects.count(), the.sent(emu)) == (0, [])


@pytest.mark.parametrize("odd", [odd for odd in ODD if odd != "empty"])
def test_a_ticket_that_cannot_be_kept_sends_nothing(refused, emu, group, people, odd):
    the.place(emu, {0: 5})
    plan = the.make(group, people["operator"], "earliest", [0])
    words = [str(plan.pk), "--actor=the-operator", "--reason=why", f"--ticket={ODD[odd]}"]
    refused("reset", "apply", *words)
    assert (Reset.objects.count(), the.sent(emu)) == (0, [])


@pytest.mark.parametrize("seconds", ["", "-1", "x", "1e9", "9" * 50, "9" * 5000])
def test_a_watch_that_cannot_be_sends_nothing(refused, emu, group, people, seconds):
    the.place(emu, {0: 5})
    plan = the.make(group, people["operator"], "earliest", [0])
    words = [str(plan.pk), "--actor=the-operator", "--reason=why", f"--watch={seconds}"]
    refused("reset", "apply", *words)
    assert the.sent(emu) == []


@pytest.mark.parametrize("limit", ["", "0", "-1", ARABIC, WIDE, "9" * 5000, "1.5", NUL])
def test_a_limit_that_cannot_be_is_refused(refused, db, limit):
    refused("audit", "list", f"--limit={limit}")


@pytest.mark.parametrize("option", ["--group", "--action"])
@pytest.mark.parametrize("odd", ["NUL", "control", "bytes"])
def test_a_filter_of_the_audit_that_cannot_be_is_refused(refused, db, option, odd):
    refused("audit", "list", f"{option}={ODD[odd]}")


def test_a_very_long_filter_of_the_audit_finds_nothing(db, capsys):
    call_command("audit", "list", group=LONG)
    assert capsys.readouterr().out.strip() == ""


ENDPOINT = {
    "name": "new",
    "host": "https://cn-hangzhou.log.aliyuncs.com",
    "region": "cn-hangzhou",
    "access-key-id": "LTAI000000000000",
    "project": "proj",
}
ENDPOINTS = [
    *[(name, odd) for name in ("name", "host", "access-key-id", "project") for odd in ODD.values() if odd],
    ("name", ""),
    ("host", ""),
    ("access-key-id", ""),
    ("host", "https://example.com"),
    ("host", "https://user:pass@cn-hangzhou.log.aliyuncs.com"),
    ("host", "https://cn-hangzhou.log.aliyuncs.com:99999"),
    ("host", "https://cn-hangzhou.log.aliyuncs.com:\u0661"),
    ("host", "https://cn-hangzhou.log.aliyuncs.com/path?x=1#y"),
    ("host", "https://[::1"),
    ("host", "http://cn-hangzhou.log.aliyuncs.com"),
    ("host", "https://100.100.100.200"),
    ("host", "https://2852039166"),
    ("host", "file:///etc/passwd"),
    ("project", "a/b"),
    ("project", "../x"),
    ("region", LONG),
    ("region", NUL),
    ("region", BYTES),
]


@pytest.mark.parametrize(("field", "value"), ENDPOINTS, ids=lambda text: ascii(text)[:24])
def test_a_field_that_cannot_be_stores_no_endpoint(refused, db, settings, monkeypatch, field, value):
    settings.SLS_ALLOW_HTTP = False
    monkeypatch.setenv("SLS_ACCESS_KEY_SECRET", "sEcReT-0123456789")
    fields = ENDPOINT | {field: value}
    name = fields.pop("name")
    refused("endpoint", "add", *[f"--{key}={text}" for key, text in fields.items()], "--", name)
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize("secret", [" ", LONG, "a\x01b", BYTES, "\u5bc6\u7801"])
def test_a_secret_that_cannot_be_is_refused_and_not_repeated(refused, db, monkeypatch, secret):
    monkeypatch.setenv("SLS_ACCESS_KEY_SECRET", secret)
    fields = dict(ENDPOINT)
    name = fields.pop("name")
    err = refused("endpoint", "add", *[f"--{key}={text}" for key, text in fields.items()], name)
    assert not Endpoint.objects.exists()
    assert not secret.strip() or secret not in err


@pytest.mark.parametrize("verb", ["test", "remove"])
@pytest.mark.parametrize("odd", [*ODD, "nobody"])
def test_an_endpoint_that_cannot_be_is_neither_tested_nor_removed(refused, endpoint, verb, odd):
    before = AuditRow.objects.count()
    refused("endpoint", verb, ODD.get(odd, odd))
    assert AuditRow.objects.count() == before


@pytest.mark.parametrize("odd", ODD)
def test_a_user_name_that_cannot_be_makes_no_user(refused, db, monkeypatch, odd):
    from django.contrib.auth.models import User

    monkeypatch.setenv("USER_PASSWORD", "correct horse battery staple")
    refused("user", "add", ODD[odd], "--role", "viewer")
    assert not User.objects.exists()


@pytest.mark.parametrize("password", ["1", "password", BYTES])
def test_a_password_that_cannot_be_makes_no_user(refused, db, monkeypatch, password):
    from django.contrib.auth.models import User

    monkeypatch.setenv("USER_PASSWORD", password)
    refused("user", "add", "somebody", "--role", "viewer")
    assert not User.objects.exists()


@pytest.mark.parametrize("odd", [*ODD, "nobody"])
def test_collect_refuses_an_endpoint_that_cannot_be(odd):
    with pytest.raises(CommandError):
        call_command("collect", once=True, endpoint=ODD.get(odd, odd))
