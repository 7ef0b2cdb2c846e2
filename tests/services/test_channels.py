"""Channels: what each kind is sent and how it is signed, what may be called, what is never shown."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from urllib.parse import parse_qs, urlsplit

import pytest
from django.core import mail

from checkpoints.models import AuditRow, Channel
from checkpoints.services import channels, notice_text, posting, sealing
from checkpoints.services.audit import SYSTEM
from checkpoints.services.endpoint_fields import Invalid
from checkpoints.sls.network import addresses_of
from tests.services import alerting as the
from tests.services.alerting import at
from tests.services.test_canary import assert_absent, database_dump

pytestmark = pytest.mark.django_db
CANARY = 'c4n4ry/+="&zx9_81hq'
SECRET = "SEC000111222333"
BODY = {
    "id": "11111111-1111-1111-1111-111111111111", "event": "fired", "rule": "slow", "severity": "critical",
    "condition": "lag", "endpoint": "prod", "project": "pay", "logstore": "store", "consumer_group": "<g>",
    "at": "2026-11-20T03:00:00Z", "link": "https://sls.example.com/alerts/1/",
    "words": {
        "text": "The lag is %(value)s, the limit %(limit)s.", "values": {"value": "1h", "limit": "10m"},
    },
}  # fmt: skip
SAID = (
    "Critical: slow, <g>\nprod / pay / store / <g>\nThe lag is 1h, the limit 10m.\n"
    "2026-11-20 11:00:00 Asia/Shanghai\nhttps://sls.example.com/alerts/1/"
)


def post(channel):
    posting.post(channel, notice_text.text(BODY), BODY, now=at(0))


def sign(key, text):
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def test_a_webhook_gets_the_facts_as_json(heard):
    post(the.channel(heard.url))
    (one,) = heard
    assert one["path"] == "/hook"
    assert one["headers"]["Content-Type"] == "application/json; charset=utf-8"
    facts = {name: value for name, value in BODY.items() if name != "words"}
    assert one["body"] == facts | {"text": SAID}
    assert "X-Checkpoints-Signature" not in one["headers"]


def test_a_webhook_with_a_secret_gets_a_signed_body(heard):
    post(the.channel(heard.url, secret=SECRET))
    digest = hmac.new(SECRET.encode(), heard[0]["raw"], hashlib.sha256).hexdigest()
    assert heard[0]["headers"]["X-Checkpoints-Signature"] == f"sha256={digest}"


def test_dingtalk_is_signed_in_the_address_with_milliseconds(heard):
    heard.usual = (200, '{"errcode": 0, "errmsg": "ok"}')
    post(the.channel(heard.url + "?access_token=t0ken", kind="dingtalk", secret=SECRET))
    query = parse_qs(urlsplit(heard[0]["path"]).query, strict_parsing=True)
    stamp = str(int(at(0).timestamp() * 1000))
    assert query == {
        "access_token": ["t0ken"], "timestamp": [stamp], "sign": [sign(SECRET, f"{stamp}\n{SECRET}")],
    }  # fmt: skip
    assert heard[0]["body"] == {"msgtype": "text", "text": {"content": SAID}}


def test_feishu_is_signed_in_the_body_with_seconds(heard):
    heard.usual = (200, '{"code": 0, "msg": "success"}')
    post(the.channel(heard.url, kind="feishu", secret=SECRET))
    stamp = str(int(at(0).timestamp()))
    assert heard[0]["body"] == {
        "timestamp": stamp, "sign": sign(f"{stamp}\n{SECRET}", ""),
        "msg_type": "text", "content": {"text": SAID},
    }  # fmt: skip


@pytest.mark.parametrize("kind", ["dingtalk", "feishu"])
def test_without_a_secret_nothing_is_signed(heard, kind):
    heard.usual = (200, '{"errcode": 0, "code": 0}')
    post(the.channel(heard.url, kind=kind))
    assert heard[0]["path"] == "/hook"
    assert "sign" not in heard[0]["body"]


def test_slack_gets_a_text_in_which_nothing_is_markup(heard):
    post(the.channel(heard.url, kind="slack"))
    assert heard[0]["body"] == {"text": SAID.replace("<", "&lt;").replace(">", "&gt;")}


@pytest.mark.parametrize(
    ("kind", "answer", "sentence"),
    [
        ("webhook", (500, "x"), "status 500"),
        ("webhook", (404, "x"), "status 404"),
        ("webhook", (302, ""), "redirect, which is never followed"),
        ("webhook", (200, "x" * 70_000), "larger than this client reads"),
        ("slack", (403, "invalid_token"), "status 403"),
        ("dingtalk", (200, '{"errcode": 310000, "errmsg": "sign not match"}'), "310000 sign not match"),
        ("feishu", (200, '{"code": 19021, "msg": "sign match fail"}'), "19021 sign match fail"),
        ("feishu", (200, "<html>"), "cannot be read"),
        ("dingtalk", (200, "[]"), "cannot be read"),
        ("dingtalk", (200, "{}"), "refused"),
    ],
)
def test_an_answer_that_is_no_yes_is_told_in_words(heard, kind, answer, sentence):
    heard.usual = answer
    with pytest.raises(posting.Undelivered) as refused:
        post(the.channel(heard.url, kind=kind))
    assert sentence in str(refused.value)
    assert len(heard) == 1


def test_a_channel_that_is_not_there_is_told_in_words(heard, settings):
    channel = the.channel("http://127.0.0.1:1/hook")
    with pytest.raises(posting.Undelivered, match="not reached: No connection to 127"):
        post(channel)


def test_an_address_is_judged_again_when_it_is_called(heard, settings):
    channel = the.channel(heard.url)
    settings.ALERT_ALLOWED_HOSTS = ()
    with pytest.raises(posting.Undelivered, match="this machine"):
        post(channel)
    settings.ALERT_ALLOWED_HOSTS, settings.SLS_ALLOW_HTTP = ("127.0.0.1",), False
    with pytest.raises(posting.Undelivered, match="unprotected"):
        post(channel)
    assert heard == []


@pytest.mark.parametrize(
    ("address", "listed", "allowed"),
    [
        ("93.184.216.34", (), True),
        ("127.0.0.1", (), False),
        ("10.1.2.3", (), False),
        ("10.1.2.3", ("10.0.0.0/8",), True),
        ("10.1.2.3", ("hooks.example.com",), True),
        ("100.64.0.1", (), False),
        ("::1", (), False),
        ("::ffff:10.1.2.3", (), False),
        ("100.100.100.200", ("100.100.100.200", "hooks.example.com"), False),
        ("169.254.169.254", ("169.254.0.0/16", "hooks.example.com"), False),
    ],
)
def test_inside_addresses_are_called_only_when_listed_and_metadata_never(settings, address, listed, allowed):
    settings.ALERT_ALLOWED_HOSTS = listed
    try:
        posting.network().check_addresses("hooks.example.com", addresses_of([address]))
        called = True
    except posting.sls.HostRefused:
        called = False
    assert called is allowed


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"name": ""}, "name"),
        ({"name": "taken"}, "name"),
        ({"kind": "pigeon"}, "kind"),
        ({"url": ""}, "url"),
        ({"url": "hooks.example.com/x"}, "url"),
        ({"url": "ftp://hooks.example.com/x"}, "url"),
        ({"url": "https://user@hooks.example.com/x"}, "url"),
        ({"url": "https://hooks.example.com:99999/x"}, "url"),
        ({"url": "https://[/x"}, "url"),
        ({"url": "https://127.0.0.1/x"}, "url"),
        ({"url": "https://10.0.0.1/x"}, "url"),
        ({"url": "https://169.254.169.254/x"}, "url"),
        ({"url": "https://hooks.example.com/a b"}, "url"),
        ({"secret": "with blank"}, "secret"),
        ({"kind": "email"}, "kind"),
    ],
)
def test_what_makes_no_channel_is_refused_at_its_field(changes, field):
    the.channel("https://hooks.example.com/x", "taken")
    fields = {"name": "ops", "kind": "webhook", "url": "https://hooks.example.com/x"}
    with pytest.raises(Invalid) as refused:
        channels.add(channels.Fields(**(fields | changes)), actor=SYSTEM, now=at(0))
    assert list(refused.value.errors) == [field]
    assert Channel.objects.count() == 1


def test_http_is_refused_unless_it_is_allowed(settings):
    settings.SLS_ALLOW_HTTP = False
    with pytest.raises(Invalid, match="unprotected"):
        the.channel("http://hooks.example.com/x")


def test_the_address_and_the_secret_are_nowhere_but_sealed(heard, caplog):
    heard.usual = (500, "")
    with caplog.at_level(logging.DEBUG):
        channel = the.channel(f"{heard.url}?t=c4n4ry_81hq", secret="c4n4ry_81hq_too")
        channels.test(channel, actor=SYSTEM, now=at(0))
        with pytest.raises(posting.Undelivered):
            post(channel)
    rows = database_dump()
    assert "c4n4ry_81hq" not in rows
    assert "c4n4ry_81hq" not in repr(channel) + repr(channels.Fields("n", "webhook", url="c4n4ry_81hq"))
    after = AuditRow.objects.get(action="channel.added").after
    assert (after["place"], after["secret"]) == (heard.url.removesuffix("/hook"), "set")
    assert_absent(rows)


def test_an_edit_without_an_address_keeps_what_is_stored(heard):
    channel = the.channel(heard.url, secret=SECRET)
    changed = channels.edit(channel, channels.Fields("renamed", "webhook"), actor=SYSTEM, now=at(1))
    post(changed)
    assert "X-Checkpoints-Signature" in heard[0]["headers"]
    row = AuditRow.objects.get(action="channel.changed")
    assert (row.before["name"], row.after["name"]) == ("ops", "renamed")


def test_a_stored_secret_never_goes_to_another_address(heard):
    channel = the.channel("https://hooks.example.com/x", secret=SECRET)
    changed = channels.edit(
        channel, channels.Fields("ops", "webhook", url=heard.url), actor=SYSTEM, now=at(1)
    )
    post(changed)
    assert "X-Checkpoints-Signature" not in heard[0]["headers"]
    assert bytes(changed.sealed_secret) == b""


def test_another_kind_needs_its_address_anew():
    channel = the.channel("https://hooks.example.com/x")
    with pytest.raises(Invalid) as refused:
        channels.edit(channel, channels.Fields("ops", "slack"), actor=SYSTEM, now=at(1))
    assert list(refused.value.errors) == ["url"]


def test_what_was_sealed_for_one_channel_does_not_open_for_another(heard):
    first, second = the.channel(heard.url), the.channel(heard.url, "two")
    Channel.objects.filter(pk=second.pk).update(sealed_url=first.sealed_url)
    second.refresh_from_db()
    with pytest.raises(posting.Undelivered) as refused:
        post(second)
    assert isinstance(refused.value.__cause__, sealing.Tampered)
    assert heard == []


def test_a_test_says_what_became_of_it_and_is_audited(heard):
    channel = the.channel(heard.url)
    assert channels.test(channel, actor=SYSTEM, now=at(0)) is None
    assert heard[0]["body"]["event"] == "test"
    heard.usual = (500, "")
    assert str(channels.test(channel, actor=SYSTEM, now=at(1))) == "The channel answered with status 500."
    rows = AuditRow.objects.filter(action="channel.tested").order_by("seq")
    assert [row.outcome for row in rows] == ["passed", "failed"]
    assert rows[1].details["problem"] == "The channel answered with status 500."


def test_removing_is_audited():
    channels.remove(the.channel("https://hooks.example.com/x"), actor=SYSTEM, now=at(0))
    assert not Channel.objects.exists()
    assert AuditRow.objects.get(action="channel.removed").before["name"] == "ops"


def test_e_mail_is_sent_with_the_same_id_each_time(settings):
    settings.EMAIL_HOST = "smtp.example.com"
    fields = channels.Fields("post", "email", addresses="a@example.com; b@example.com a@example.com")
    channel = channels.add(fields, actor=SYSTEM, now=at(0))
    assert channel.place == "a@example.com, b@example.com"
    post(channel)
    (sent,) = mail.outbox
    assert (sent.subject, sent.to) == ("Critical: slow, <g>", ["a@example.com", "b@example.com"])
    assert sent.body == SAID.partition("\n")[2]
    assert BODY["id"] in sent.extra_headers["Message-ID"]


def test_without_a_mail_server_nothing_is_sent(settings):
    settings.EMAIL_HOST = "smtp.example.com"
    channel = channels.add(channels.Fields("post", "email", addresses="a@x.org"), actor=SYSTEM, now=at(0))
    settings.EMAIL_HOST = ""
    with pytest.raises(posting.Undelivered, match="EMAIL_URL"):
        post(channel)
    assert mail.outbox == []


@pytest.mark.parametrize("addresses", ["", "nobody", "a@x.org, b", "a@x.org\nBcc: b@x.org"])
def test_what_is_no_e_mail_address_is_refused(settings, addresses):
    settings.EMAIL_HOST = "smtp.example.com"
    with pytest.raises(Invalid) as refused:
        channels.add(channels.Fields("post", "email", addresses=addresses), actor=SYSTEM, now=at(0))
    assert list(refused.value.errors) == ["addresses"]


def test_a_resolved_notice_says_so():
    text = notice_text.text(BODY | {"event": "resolved", "link": ""})
    assert text.title == "Resolved: slow, <g>"
    assert json.dumps(text.lines).count("http") == 0
