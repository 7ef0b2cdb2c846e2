"""Histories made up for verdicts, a sample a minute up to now."""

from datetime import UTC, datetime, timedelta

from checkpoints.domain.lag import ShardLag, State
from checkpoints.domain.moves import OwnWrite
from checkpoints.domain.verdicts import Sample, ShardSample, judge

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
TIMEOUT = timedelta(seconds=60)
TTL = timedelta(days=30)
MINUTE = timedelta(minutes=1)
OLD = NOW - timedelta(hours=3)


def history(positions, ends, *, shard=0, consumer="c-1", saved=None, states=None, lags=None, step=MINUTE):
    """One shard, a sample a minute up to now; saved at each move unless told otherwise."""
    count = len(positions)
    at = [NOW - step * (count - 1 - number) for number in range(count)]
    last, samples = OLD, []
    for number, position in enumerate(positions):
        if number and position != positions[number - 1]:
            last = at[number]
        seen = ShardSample(
            shard,
            states[number] if states else State.BEHIND,
            position,
            ends[number],
            saved[number] if saved else last,
            consumer,
            None if position is None else ends[number] - position,
            lags[number] if lags else 600.0,
        )
        samples.append(Sample(at[number], (seen,)))
    return samples


def together(*histories):
    return [Sample(row[0].at, tuple(one.shards[0] for one in row)) for row in zip(*histories, strict=True)]


def late(shard=0, *, backlog=100, age=600, **more):
    span = timedelta(seconds=age)
    known = {"lag": span, "unread_age": span, "data_loss_in": TTL - span}
    return ShardLag(shard, State.BEHIND, position=1, backlog=backlog, **(known | more))


def done(shard=0, state=State.CAUGHT_UP):
    return ShardLag(shard, state, position=1, backlog=0, lag=timedelta(0), unread_age=timedelta(0))


def judged(samples, *lags, **more):
    known = {"now": NOW, "group_timeout": TIMEOUT, "retention": TTL}
    return judge(samples, lags, **(known | more))


def own(shard, at, position):
    return [OwnWrite(shard, at.timestamp(), position)]


def told(verdict):
    return " ".join(str(reason) for reason in verdict.reasons)


STILL = [100] * 10
GROWING = list(range(200, 300, 10))
SAME = [200] * 10
