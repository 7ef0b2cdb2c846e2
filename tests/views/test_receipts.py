"""Receipts of resets: what they tell, in what form, and that nothing in them becomes markup."""

from __future__ import annotations

import json
import re
from datetime import timedelta
from typing import Any

import pytest
from django.template.loader import render_to_string
from django.test import RequestFactory
from django.urls import reverse
from django.utils import translation

from checkpoints.models import Approval, ConsumerGroup, Reset, ShardReset, Wait
from checkpoints.queries import receipts
from checkpoints.queries.receipt_text import as_markdown
from checkpoints.services import resets
from checkpoints.services.audit import Actor
from checkpoints.views import receipts as views
from tests.conftest import KEYS
from tests.services import resetting as the

pytestmark = pytest.mark.django_db
URL = "https://lag.example/resets/1/"


@pytest.fixture
def operator(people):
    return people["operator"]


@pytest.fixture
def reset(emu, group, operator):
    """A reset of four shards: one refused by the service, one that had nothing saved."""
    the.place(emu, {0: 15, 1: 5, 2: 20})
    plan = the.make(group, operator, "earliest")
    emu.fault("UpdateCheckPoint", status=400, code="InvalidShardCheckPoint", times=1)
    actor = Actor.of(operator, "10.1.2.3")
    words = {"reason": "bad deploy", "ticket": "INC-7", "now": the.now()}
    return resets.apply(plan, user=operator, actor=actor, **words)


def machine(reset) -> dict[str, Any]:
    return receipts.receipt(Reset.objects.get(pk=reset.pk), url=URL, now=the.now())


def text(reset) -> str:
    return as_markdown(machine(reset))


def fact(reset, name: str) -> str:
    found = re.search(rf"^\| {name} \| (.*) \|$", text(reset), re.MULTILINE)
    assert found, f"there is no row {name}"
    return found[1]


def line_with(reset, outcome: str) -> dict[str, Any]:
    return next(line for line in machine(reset)["shards"] if line["outcome"] == outcome)


def test_it_tells_who_when_from_where_what_and_why(reset, group):
    found = machine(reset)
    told = ("who", "source_ip", "endpoint", "project", "logstore", "group", "reason", "ticket", "url")
    assert [found[name] for name in told] == [
        "the-operator", "10.1.2.3", "test", "proj", "store", "cg-0", "bad deploy", "INC-7", URL,
    ]  # fmt: skip
    assert found["started_at"] == reset.started_at.isoformat().replace("+00:00", "Z")
    assert (found["target"], found["target_in_words"]) == (
        "earliest",
        "To the oldest log group still retained.",
    )
    assert (found["plan"]["hash"], found["plan"]["made_by"]) == (reset.plan.hash, "the-operator")
    assert fact(reset, "Who") == "the-operator from 10.1.2.3"
    assert fact(reset, "Ticket") == "INC-7"
    assert reset.plan.hash in fact(reset, "Plan hash")


def test_every_shard_tells_before_target_read_back_and_outcome(emu, reset):
    found = machine(reset)
    confirmed, refused = line_with(reset, "confirmed"), line_with(reset, "refused")
    stored = ShardReset.objects.get(reset=reset, shard=confirmed["shard"])
    assert (confirmed["before"], confirmed["after"]) == (stored.before, stored.after)
    assert confirmed["read_back"]["position"] == confirmed["after"]["position"]
    assert confirmed["request_id"] == stored.request_id
    assert (refused["error"]["code"], refused["watch"]) == ("InvalidShardCheckPoint", None)
    assert refused["error"]["message"] == "The service does not accept this checkpoint."
    assert found["totals"]["outcomes"]["refused"] == 1
    assert found["totals"]["shards"] == 4
    assert found["outcome"] == "partial"
    assert "(4 shards: " in fact(reset, "Outcome")
    assert confirmed["after"]["cursor"] in text(reset)
    assert "refused: The service does not accept this checkpoint." in text(reset)


def test_every_shard_tells_how_far_it_moved_and_what_lies_at_its_end(emu, reset):
    row = next(row for row in text(reset).splitlines() if row.startswith("| 2 | "))
    assert f"= {the.end(emu, 2)}, the end |" in row
    assert "| rewind: 20 consumed again |" in row
    assert "| 3 | never saved |" in text(reset)
    assert [line["log_groups"] for line in machine(reset)["shards"]] == [15, 5, 20, 0]


def test_it_tells_what_the_watch_saw_and_why(emu, reset):
    shard = line_with(reset, "confirmed")["shard"]
    the.place(emu, {shard: 18}, seconds_ago=-5, consumer="worker-1")
    resets.look(Reset.objects.get(pk=reset.pk), now=the.later(10))
    line = next(one for one in machine(reset)["shards"] if one["shard"] == shard)
    assert line["watch"] in {"overwritten", "taken_up"}
    assert any("worker-1" in sentence for sentence in line["watch_reasons"])
    assert machine(reset)["watch"]["going_on"] is True
    assert fact(reset, "Watch").startswith("going on, until ")


def test_it_gives_the_command_lines_exactly_and_no_key(reset):
    found = machine(reset)
    assert len(found["do"]) >= 2
    for line in found["do"] + found["undo"]:
        assert line.startswith("aliyunlog log update_check_point --project=proj --logstore=store ")
        assert f"\n{line}\n" in text(reset)
    for key in KEYS:
        assert key not in text(reset) + json.dumps(found)


def test_what_was_not_asked_for_is_null_and_said_in_words(reset):
    found = machine(reset)
    assert (found["approval"], found["waited"], found["overrode_active"]) == (None, None, False)
    assert fact(reset, "Approval") == "not asked for"
    assert fact(reset, "Waited for quiet") == "no"
    assert fact(reset, "Overridden") == "none"


@pytest.mark.parametrize(
    ("state", "decided", "told"),
    [
        ("asked", False, "not answered"),
        ("approved", True, "approved by the-approver"),
        ("denied", True, "denied by the-approver"),
    ],
)
def test_an_approval_tells_who_asked_and_who_answered(reset, people, state, decided, told):
    at = the.now()
    answer = {"decided_by": people["approver"], "decided_by_name": "the-approver", "decided_at": at}
    Approval.objects.create(
        plan=reset.plan, plan_hash=reset.plan.hash, asked_by=people["operator"], asked_at=at,
        expires_at=at, reason="r", state=state, words="looked | at it" if decided else "",
        **(answer if decided else {}),
    )  # fmt: skip
    assert machine(reset)["approval"]["state"] == state
    assert told in fact(reset, "Approval")
    assert (r"looked \| at it" in fact(reset, "Approval")) is decided


def test_flags_are_loud(reset):
    Reset.objects.update(overrode_active=True, broke_glass=True)
    told = fact(reset, "Overridden")
    assert "somebody was consuming" in told
    assert "**broke glass**" in told


def test_a_wait_tells_since_when(reset, operator):
    at = the.now() - timedelta(minutes=5)
    Wait.objects.create(
        plan=reset.plan,
        group=reset.group,
        user=operator,
        reason="r",
        asked_at=at,
        deadline=the.now(),
        applied_plan=reset.plan,
    )
    assert machine(reset)["waited"]["asked_at"] == at.isoformat().replace("+00:00", "Z")
    assert fact(reset, "Waited for quiet").startswith("since ")


EVIL = "x | y `z` <img src=x onerror=alert(1)> [a](javascript:b)\n\n# big ![i](http://e/p)"


def test_nothing_that_others_typed_becomes_markup(reset):
    Reset.objects.update(reason=EVIL, ticket=EVIL, actor_name=EVIL)
    ConsumerGroup.objects.update(name=EVIL)
    ShardReset.objects.update(request_id="`|<b>`", error={"code": EVIL, "request_id": "", "operation": "",
        "message": {"text": EVIL, "values": {}}, "advice": {"text": "", "values": {}}})  # fmt: skip
    shown = text(reset)
    prose = re.sub(r"(?ms)^(`{3,})sh$.*?^\1$", "", shown)
    assert "<img" not in prose
    assert "<b>" not in prose
    assert not re.search(r"(?<!\\)\]\(", prose)
    assert [line for line in prose.splitlines() if line.startswith("# ")] == [shown.splitlines()[0]]
    rows = [line for line in prose.splitlines() if line.startswith("|")]
    cells = {len(re.findall(r"(?<!\\)\|", row)) - 1 for row in rows}
    assert cells == {2, 8}
    assert machine(reset)["reason"] == EVIL


def test_a_checkpoint_that_is_no_cursor_stays_in_its_cell_and_its_block(reset):
    foreign = {"cursor": "a`|```b", "position": None, "time": None}
    ShardReset.objects.update(before=foreign)
    body = reset.plan.body
    for line in body["shards"]:
        line["before"] = foreign
    type(reset.plan).objects.update(body=body)
    assert r"a\`\|\`\`\`b (not readable)" in text(reset)
    assert "\n````sh\n" in text(reset)


def test_it_is_english_whatever_the_language_of_the_page(reset):
    with translation.override("zh-hans"):
        assert fact(reset, "Target") == "earliest: To the oldest log group still retained."
        assert text(reset).isascii()


def test_it_comes_as_a_file_with_its_type(signed_in, reset):
    viewer = signed_in("viewer")
    found = viewer.get(reverse("reset-receipt-md", args=[reset.pk]))
    assert found["Content-Type"] == "text/markdown; charset=utf-8"
    assert found["Content-Disposition"] == f'attachment; filename="receipt-{reset.pk}.md"'
    assert f"http://testserver/resets/{reset.pk}/" in found.content.decode()
    found = viewer.get(reverse("reset-receipt-json", args=[reset.pk]))
    assert found["Content-Type"] == "application/json"
    assert found["Content-Disposition"] == f'attachment; filename="receipt-{reset.pk}.json"'
    assert found.json()["url"] == f"http://testserver/resets/{reset.pk}/"


def test_a_reset_still_being_sent_has_a_receipt_too(signed_in, reset):
    ShardReset.objects.update(outcome="sending", read_back=None, settled_at=None, error=None)
    Reset.objects.update(outcome="sending", finished_at=None, watch_until=None, looked_at=None)
    assert (machine(reset)["outcome"], machine(reset)["finished_at"]) == ("sending", None)
    assert fact(reset, "Finished") == "not known"
    assert "not read" in text(reset)


def test_the_page_links_copies_and_shows_the_command_lines(reset, operator):
    request = RequestFactory().get("/")
    request.user = operator
    found = Reset.objects.get(pk=reset.pk)
    context = {"reset": found, "receipt": views.panel(request, found)}
    html = render_to_string("resets/_receipt.html", context, request=request)
    assert reverse("reset-receipt-md", args=[reset.pk]) in html
    assert reverse("reset-receipt-json", args=[reset.pk]) in html
    assert f"http://testserver/resets/{reset.pk}/" in html
    assert 'data-copy="# Reset of cg-0: partial' in html
    assert html.count("aliyunlog log update_check_point") >= 2 * len(machine(reset)["do"])
