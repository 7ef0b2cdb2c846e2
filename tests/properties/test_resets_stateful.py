"""Resets under a moving consumer, faults and two operators: what no order of events may bring about."""

from __future__ import annotations

from collections import Counter

import pytest
from django.contrib.auth.models import Permission
from hypothesis import HealthCheck, Phase, settings
from hypothesis.stateful import run_state_machine_as_test

from checkpoints import sls
from checkpoints.domain.outcomes import ShardOutcome
from checkpoints.services import applying, sending, settling
from checkpoints.services.connections import connect
from emulator.testing import running
from tests.conftest import store_endpoint
from tests.properties.machine import Resets

pytestmark = pytest.mark.django_db
STEPS = 50
PLAIN = settings(
    stateful_step_count=STEPS,
    deadline=None,
    derandomize=True,
    database=None,
    print_blob=False,
    report_multiple_bugs=False,
    suppress_health_check=list(HealthCheck),
)


@pytest.fixture(scope="module")
def cloud():
    with running(projects=1, logstores=1, shards=1, keys=None) as emulator:
        yield emulator


@pytest.fixture
def machine(cloud, people, monkeypatch):
    """The machine with an emulator, an endpoint and two operators; the second may not override."""
    monkeypatch.setitem(sls.Client.__init__.__kwdefaults__, "sleep", lambda _: None)  # between two tries
    people["viewer"].user_permissions.add(Permission.objects.get(codename="reset_checkpoint"))
    shared = (cloud, store_endpoint(cloud), [people["operator"], people["viewer"]])
    monkeypatch.setattr(Resets, "shared", shared, raising=False)
    monkeypatch.setattr(Resets, "tally", Counter(), raising=False)
    return Resets


def test_a_thousand_steps(machine):
    run_state_machine_as_test(machine, settings=settings(PLAIN, max_examples=30))
    tally = machine.tally
    assert tally["steps"] >= 1000
    assert min(tally["writes"], tally["resets"], tally["plans"]) >= 50, tally
    assert all(tally[f"refused: {code}"] for code in ("moved", "busy", "plan_used", "not_allowed")), tally


def resolve_again(monkeypatch):
    """Apply sends what the target means now, not what was confirmed."""
    commit = sending.commit_intent

    def resolved(plan, wanted, *, now, **more):
        again = applying._again(plan, wanted, lambda: now)
        plan.body = again.body if again else plan.body
        return commit(plan, wanted, now=now, **more)

    monkeypatch.setattr(sending, "commit_intent", resolved)


def skip_the_reading(monkeypatch):
    """Apply does not look whether a checkpoint moved."""
    monkeypatch.setattr(applying, "_moved", lambda *_: [])


def send_twice(monkeypatch):
    """Apply repeats a write, as a client would that retries everything."""
    write = sending._write
    monkeypatch.setattr(sending, "_write", lambda *words: (write(*words), write(*words))[1])


def send_when_settling(monkeypatch):
    """What a dead process left is sent, not read."""
    finish = settling.finish

    def sent(reset, seen, **words):
        receipt = sending.IntentReceipt(sending._key, reset, tuple(reset.shards.all()))
        sending.send(connect(reset.group.endpoint), receipt, lambda: words["now"])
        finish(reset, seen, **words)

    monkeypatch.setattr(settling, "finish", sent)


def believe_the_answer(monkeypatch):
    """What was sent is called confirmed, whatever is read back."""
    monkeypatch.setattr(settling, "outcome_of", lambda *_: ShardOutcome.CONFIRMED)


@pytest.mark.parametrize(
    ("fault", "words"),
    [
        (resolve_again, "was not in the confirmed plan|: confirmed, "),  # or what was, is not written
        (skip_the_reading, "although the re-read differed"),
        (send_twice, "written more than once"),
        (send_when_settling, "written outside of a confirmed apply"),
        (believe_the_answer, "confirmed"),
    ],
)
def test_a_product_with_this_fault_is_found_out(machine, monkeypatch, fault, words):
    fault(monkeypatch)
    quick = settings(PLAIN, max_examples=100, phases=[Phase.generate])
    with pytest.raises(AssertionError, match=words):
        run_state_machine_as_test(machine, settings=quick)
