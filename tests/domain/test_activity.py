from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.domain.activity import ActivitySample, ActivityVerdict, activity

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


def ago(seconds):
    return NOW - timedelta(seconds=seconds)


def shard(number=0, *, at=0, saved=600, position=10, consumer="c-1", at_end=True, unread=None):
    return ActivitySample(
        ago(at),
        number,
        None if saved is None else ago(saved),
        position,
        consumer,
        at_end,
        None if unread is None else ago(unread),
    )


def judged(*samples, timeout=60, **more):
    return activity(samples, now=NOW, group_timeout=timedelta(seconds=timeout), **more)


CASES = {
    "saved while we looked": ([shard(at=10), shard(position=11)], ActivityVerdict.ACTIVE),
    "saved the same place again": ([shard(at=10), shard(saved=500)], ActivityVerdict.ACTIVE),
    "saved a moment ago": ([shard(saved=30)], ActivityVerdict.ACTIVE),
    "a clock ahead of ours": ([shard(saved=-3)], ActivityVerdict.ACTIVE),
    "one of two shards saved": ([shard(0), shard(1, saved=5)], ActivityVerdict.ACTIVE),
    "idle at the end": ([shard()], ActivityVerdict.PROBABLY_ACTIVE),
    "owned and nothing to read": (
        [shard(saved=None, position=None)],
        ActivityVerdict.PROBABLY_ACTIVE,
    ),
    "end not known": ([shard(at_end=None)], ActivityVerdict.PROBABLY_ACTIVE),
    "unread for a moment only": ([shard(at_end=False, unread=20)], ActivityVerdict.PROBABLY_ACTIVE),
    "unread for long": ([shard(at_end=False, unread=300)], ActivityVerdict.QUIET),
    "unread, age not known": ([shard(at_end=False)], ActivityVerdict.QUIET),
    "one of two unread": ([shard(0), shard(1, at_end=False, unread=300)], ActivityVerdict.QUIET),
    "nobody's name": ([shard(consumer="")], ActivityVerdict.QUIET),
    "never saved": ([shard(saved=None, position=None, consumer="")], ActivityVerdict.NEVER),
    "no shards": ([], ActivityVerdict.NEVER),
}


@pytest.mark.parametrize("case", CASES)
def test_activity_is_told_from_what_was_saved_and_what_lies_unread(case):
    samples, verdict = CASES[case]
    assert judged(*samples).verdict is verdict


def test_the_groups_timeout_widens_what_counts_as_fresh():
    assert judged(shard(saved=90), timeout=100).verdict is ActivityVerdict.ACTIVE
    assert judged(shard(saved=90), timeout=10).verdict is ActivityVerdict.PROBABLY_ACTIVE


def test_a_faster_flush_narrows_what_counts_as_fresh():
    assert (
        judged(shard(saved=30), timeout=4, flush=timedelta(seconds=3)).verdict
        is ActivityVerdict.PROBABLY_ACTIVE
    )


def test_our_own_write_is_no_evidence():
    moved = [shard(at=10, consumer=""), shard(saved=4, position=3, consumer="")]
    assert judged(*moved, own_writes=[(0, ago(5), 3)]).verdict is ActivityVerdict.QUIET
    assert judged(*moved, own_writes=[(1, ago(5), 3), (0, ago(50), 3)]).verdict is ActivityVerdict.ACTIVE


def test_a_save_elsewhere_right_after_our_own_write_is_somebody_else():
    assert judged(shard(saved=4, position=4), own_writes=[(0, ago(5), 3)]).verdict is ActivityVerdict.ACTIVE


def test_a_group_made_anew_has_not_been_consumed_because_its_checkpoint_is_gone():
    made_anew = [shard(at=10, consumer=""), shard(saved=None, position=None, consumer="")]
    assert judged(*made_anew).verdict is ActivityVerdict.NEVER


def test_the_names_of_consumers_are_listed_once():
    assert judged(shard(0, consumer="b"), shard(1, consumer="a"), shard(2, consumer="b")).consumers == (
        "a",
        "b",
    )


def test_the_evidence_gives_shards_and_ages():
    quiet = judged(shard(1, at_end=False, unread=300), shard(0, at_end=False, unread=300))
    assert [str(reason) for reason in quiet.reasons] == [
        "The last checkpoint was saved 10m ago.",
        "Log groups lie unread on shards 0, 1 and nobody saves.",
    ]
