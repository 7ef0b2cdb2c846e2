"""Many confirmations at the same time, on a database that threads share."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User

from checkpoints.models import ConsumerGroup, Reset
from checkpoints.services import discovery, resets, sending
from tests.conftest import make_user, store_endpoint
from tests.services import resetting as the
from tests.services.at_once import confirm_many_times, together


@pytest.fixture
def stored(real_db, emu, settings):
    """A group and two operators that other threads see."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    discovery.discover(store_endpoint(emu), now=the.now())
    second = User.objects.create_user("second")
    second.groups.add(Group.objects.get(name="operator"))
    return ConsumerGroup.objects.get(name="cg-0"), make_user("operator"), second


def test_fifty_identical_confirmations_at_once_write_once_in_each_of_twenty_rounds(stored, emu):
    group, operator, _ = stored
    confirm_many_times(emu, group, operator, rounds=20, width=50)


def test_of_two_operators_at_once_one_is_refused(stored, emu):
    """Each has a plan of his own for the same shards; the second must not write over what the first wrote."""
    group, *both = stored
    for turn in range(20):
        the.place(emu, {0: 15, 1: 10})
        plans = [
            the.make(group, user, to, [0, 1]) for user, to in zip(both, ("earliest", "latest"), strict=True)
        ]
        before = len(the.sent(emu))
        results = together(*(lambda plan=plan: the.apply(plan, plan.maker) for plan in plans))
        made = [one for one in results if isinstance(one, Reset)]
        assert len(made) == 1, (turn, results)
        assert [type(one) for one in results if one not in made] in ([resets.Busy], [resets.Moved]), turn
        assert sorted(the.sent(emu)[before:]) == [
            (line.shard, line.after["cursor"]) for line in made[0].shards.all()
        ]


def test_a_reset_that_began_and_ended_between_the_reading_and_the_intent_of_another_is_not_written_over(
    stored, emu, monkeypatch
):
    group, first, second = stored
    the.place(emu, {0: 15})
    mine, other = the.make(group, first, "earliest", [0]), the.make(group, second, "latest", [0])
    commit = sending.commit_intent

    def late(*words, **more):
        monkeypatch.setattr(sending, "commit_intent", commit)
        the.apply(other, second)
        return commit(*words, **more)

    monkeypatch.setattr(sending, "commit_intent", late)
    with pytest.raises(resets.Refused):
        the.apply(mine, first)
    assert len(the.sent(emu)) == 1
