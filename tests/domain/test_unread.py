"""What is said of shards that could not be read."""

from __future__ import annotations

from datetime import timedelta

from checkpoints.domain import lag
from checkpoints.domain.lag import ShardFacts
from checkpoints.domain.messages import say
from checkpoints.domain.unread import unread_part, unread_reason
from tests.views.lagging import NOW, facts


def said(*shards: ShardFacts) -> str | None:
    found = unread_reason(shards, [lag.assess(one, now=NOW, retention=timedelta(days=30)) for one in shards])
    return found and str(found)


def test_it_says_how_many_of_the_shards_and_why():
    shards = facts("behind"), facts("unknown", 1), facts("unknown", 2, error="GetCursor: timed out")
    assert said(*shards) == "2 of 3 shards not read: ShardNotExist (request 5AEE)"


def test_without_a_reason_it_says_how_many():
    assert said(facts("behind"), facts("unknown", 1, error=None)) == "1 of 2 shards not read."


def test_nothing_is_said_when_all_were_read():
    assert said(facts("behind"), facts("caught_up", 1)) is None
    assert said() is None


def test_it_is_found_again_among_the_reasons_of_a_verdict():
    reason = unread_reason([facts("unknown")], [lag.assess(facts("unknown"), now=NOW, retention=None)])
    assert reason is not None
    assert unread_part([say("Something else.").dump(), reason.dump()]) == reason
    assert unread_part([say("Something else.").dump()]) is None
