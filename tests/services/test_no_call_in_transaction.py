"""The service is never asked while a transaction is open: a slow answer would hold the database."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connections, transaction

from checkpoints.models import ConsumerGroup
from checkpoints.services import collector, costing, discovery, endpoints, peeking, resets
from checkpoints.services import connections as upstream
from checkpoints.services.audit import SYSTEM, Actor
from checkpoints.sls.transport import Transport
from tests.conftest import make_user, store_endpoint
from tests.services import resetting as the


@pytest.fixture
def calls(real_db, monkeypatch, settings):
    """Remember of each call, whichever thread makes it, whether this thread has a transaction open."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    seen: list[bool] = []
    here, send = connections["default"], Transport.send

    def watched(self, *args, **kwargs):
        seen.append(here.in_atomic_block)
        return send(self, *args, **kwargs)

    monkeypatch.setattr(Transport, "send", watched)
    return seen


def assert_outside(calls: list[bool]) -> None:
    assert calls
    assert not any(calls)


def test_a_call_inside_a_transaction_would_be_seen(calls, emu):
    client = upstream.connect(store_endpoint(emu))
    with transaction.atomic():
        client.list_logstores("proj")
    assert calls == [True]


def test_collecting_asks_outside_of_transactions(calls, emu):
    store_endpoint(emu)
    collector.collect(now=the.now())
    assert_outside(calls)


def test_testing_an_endpoint_asks_outside_of_transactions(calls, emu):
    endpoints.test(store_endpoint(emu), actor=SYSTEM, now=the.now())
    assert_outside(calls)


def test_planning_applying_and_looking_ask_outside_of_transactions(calls, emu):
    discovery.discover(store_endpoint(emu), now=the.now())
    group, user = ConsumerGroup.objects.get(name="cg-0"), make_user("operator")
    the.place(emu, {0: 15})
    reset = the.apply(the.make(group, user, "earliest", [0]), user)
    resets.look(reset, now=the.now(), max_age=timedelta(0))
    assert_outside(calls)


def test_looking_at_lines_and_costs_asks_outside_of_transactions(calls, emu):
    discovery.discover(store_endpoint(emu), now=the.now())
    group, user = ConsumerGroup.objects.get(name="cg-0"), make_user("operator")
    the.place(emu, {0: 15})
    plan = the.make(group, user, "earliest", [0])
    calls.clear()
    peeking.peek(group, 0, user=user, actor=Actor.of(user), now=the.now(), plan=plan)
    costing.estimate(plan, now=the.now())
    assert_outside(calls)
