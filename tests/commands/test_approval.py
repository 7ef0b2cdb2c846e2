"""The command `approval`: the JSON and the exit codes that scripts rely on."""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.core.management import base

from checkpoints.management.commands import approval as command
from checkpoints.models import Approval, ConsumerGroup, Endpoint
from tests.services import resetting as the

pytestmark = pytest.mark.django_db


@pytest.fixture
def plan(emu, group, people):
    the.place(emu, {0: 15})
    Endpoint.objects.update(protection="two-person")
    return the.make(ConsumerGroup.objects.get(pk=group.pk), people["operator"], "earliest", [0])


@pytest.fixture
def run(capsys, monkeypatch):
    """Run `approval` as from a shell; returns exit code, JSON or None, and what went to standard error."""
    monkeypatch.setattr(base.connections, "close_all", lambda: None)  # the transaction of the test stays open

    def run_(*words, form="json"):
        code = 0
        try:
            command.Command().run_from_argv(["manage.py", "approval", *map(str, words), "--format", form])
        except SystemExit as leaving:
            code = int(leaving.code or 0)
        out, err = capsys.readouterr()
        return code, (json.loads(out) if form == "json" and out.strip() else out), err

    return run_


def ask(run, plan, *more):
    return run("ask", plan.pk, "--actor", "the-operator", "--reason", "bad deploy", *more)


def answer(run, verb, plan, *more, actor="the-approver"):
    return run(verb, plan.pk, "--actor", actor, *more)


def test_asked_listed_approved(run, plan):
    code, value, _ = ask(run, plan, "--ticket", "INC-7", "--override-active")
    assert (code, value["plan"], value["hash"]) == (0, str(plan.pk), plan.hash)
    assert (value["state"], value["ticket"], value["override_active"]) == ("asked", "INC-7", True)
    assert (value["decided_by"], value["decided_at"], value["words"]) == (None, None, None)
    assert value["expires_at"].endswith("Z")
    assert run("list")[1] == [value]
    code, value, _ = answer(run, "approve", plan, "--words", "fine")
    assert (code, value["state"], value["decided_by"], value["words"]) == (
        0,
        "approved",
        "the-approver",
        "fine",
    )
    assert run("list")[:2] == (0, [])


def test_the_text_has_one_line_per_request(run, plan):
    assert run("list", form="text")[1] == ""
    ask(run, plan)
    _, out, _ = run("list", form="text")
    assert out == f"{plan.pk}\tasked\ttest/proj/store/cg-0\tearliest\tthe-operator\tbad deploy\n"


def test_a_denial_needs_its_words(run, plan):
    ask(run, plan)
    assert answer(run, "deny", plan)[0] == 1
    assert answer(run, "deny", plan, "--words", " ")[0] == 1
    assert Approval.objects.get().state == "asked"
    code, value, _ = answer(run, "deny", plan, "--words", "not now")
    assert (code, value["state"], value["words"]) == (0, "denied", "not now")


def test_a_plan_that_nobody_asked_about_leaves_with_8(run, plan):
    code, value, error = answer(run, "approve", plan)
    assert (code, value) == (8, "")
    assert "Nobody asked" in error


def test_expired_and_used_leave_with_7(run, plan, people, monkeypatch):
    ask(run, plan)
    Approval.objects.update(expires_at=the.now() - timedelta(seconds=1))
    assert answer(run, "approve", plan)[0] == 7
    Endpoint.objects.update(protection="none")
    the.apply(plan, people["operator"])
    assert answer(run, "approve", plan)[0] == 7
    assert ask(run, plan)[0] == 7


def test_what_may_not_be_leaves_with_1_and_a_sentence(run, plan):
    assert ask(run, plan)[0] == 0
    code, _, error = answer(run, "approve", plan, actor="the-operator")
    assert (code, "You may not approve resets." in error) == (1, True)
    assert answer(run, "approve", plan, actor="nobody")[0] == 1
    assert answer(run, "approve", plan, actor="a\x07")[0] == 1
    assert run("approve", "no-plan", "--actor", "the-approver")[0] == 1
    assert run("ask", plan.pk, "--actor", "the-operator")[0] == 1
    assert run("frob")[0] == 1
    assert Approval.objects.get().state == "asked"
