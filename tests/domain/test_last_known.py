"""What is kept of shards that cannot be read."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from checkpoints.domain import last_known
from checkpoints.domain.lag import ShardFacts
from checkpoints.domain.positions import encode
from checkpoints.models.facts import dump, load

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
KNOWN = ShardFacts(0, False, encode(7), "worker-1", NOON, 1, 9)
FAILED = replace(KNOWN, end=None, error="GetCursor: denied")
MINUTE = timedelta(minutes=1)


def test_a_shard_that_cannot_be_read_comes_with_what_was_last_known():
    [fact] = last_known.keep([FAILED], [KNOWN], NOON)
    assert (fact.before, fact.before_at) == (KNOWN, NOON)


def test_it_is_handed_on_for_as_long_as_that_lasts():
    facts = [KNOWN]
    for minute in range(5):
        facts = last_known.keep([FAILED], facts, NOON + minute * MINUTE)
    assert (facts[0].before, facts[0].before_at) == (KNOWN, NOON)
    assert last_known.keep([KNOWN], facts, NOON) == [KNOWN]


def test_of_a_shard_that_was_never_known_nothing_is_kept():
    assert last_known.keep([FAILED], [], NOON) == [FAILED]
    assert last_known.keep([FAILED], [FAILED], NOON) == [FAILED]
    assert not last_known.nothing_is([FAILED])


def test_nothing_is_known_only_when_every_shard_fails_of_which_one_was_known():
    [kept] = last_known.keep([FAILED], [KNOWN], NOON)
    other = replace(FAILED, shard=1)
    assert last_known.nothing_is([kept, other])
    assert not last_known.nothing_is([kept, replace(KNOWN, shard=1)])
    assert not last_known.nothing_is([])
    assert last_known.as_they_were([kept, other]) == [KNOWN, other]


def test_what_was_last_known_is_stored_and_loaded():
    facts = last_known.keep([FAILED], [KNOWN], NOON)
    assert load(dump(facts)) == facts
    assert "before" not in dump([KNOWN])[0]
