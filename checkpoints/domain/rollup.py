"""From the readings of a group to its totals, to what happened to it, and from fine steps to coarse ones."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import groupby

from checkpoints.domain.history import Mark, Sample, Seen, Total
from checkpoints.domain.lag import State
from checkpoints.domain.moves import STEPS, Move, OwnWrite, Place, Watcher, is_ours

BEFORE = STEPS + 1
"""How many samples ahead of the first one marks look at."""
FOREIGN = ("foreign", "ahead")
"""Kinds of marks that tell of a move by somebody else."""


def totals(
    samples: Iterable[Sample],
    *,
    before: Sample | None,
    own: Sequence[OwnWrite],
    gap: int,
    moved: Iterable[Mark] = (),
) -> list[Total]:
    """Return the group at each sample; `before` is the sample ahead of the first.

    Over more than `gap` seconds no rates are told. `own` is what this product wrote, `moved` are marks: what
    others wrote is not consumption either.
    """
    found, foreign = [], jumps(moved)
    for one in samples:
        near = before if before is not None and 0 < one.at - before.at <= gap else None
        written = None if near is None else _written(near, one)
        drained = None if near is None else _drained(near, one, own, foreign)
        seconds = 0 if near is None else one.at - near.at
        lag, at_least, backlog = _worst(one.shards.values())
        rates = (written, 0 if written is None else seconds, drained, 0 if drained is None else seconds)
        found.append(Total(one.at, lag, lag, at_least, backlog, backlog, *rates))
        before = one
    return found


def _worst(shards: Collection[Seen]) -> tuple[int | None, int, int | None]:
    """Return lag, whether it is a lower bound, and backlog, by the rules of domain.lag.total.

    With a shard unknown the backlog is: what the others have would look as if it had fallen.
    """
    counted = [seen for seen in shards if seen.state is not State.FINISHED]
    if shards and not counted:
        return 0, 0, 0
    lags = [seen.lag for seen in counted if seen.lag is not None]
    backlogs = [seen.backlog for seen in counted if seen.backlog is not None]
    is_complete = all(seen.state is not State.UNKNOWN for seen in counted)
    is_lower_bound = bool(lags) and any(map(_at_least, counted))
    lag = max(lags, default=None)
    return (
        (lag or None) if is_lower_bound else lag,
        int(is_lower_bound),
        sum(backlogs) if backlogs and is_complete else None,
    )


def _at_least(seen: Seen) -> bool:
    if seen.lag is None:
        return seen.state in (State.BEHIND, State.AT_BEGIN, State.UNKNOWN)
    return seen.state in (State.AT_BEGIN, State.EXPIRED)


def _written(before: Sample, after: Sample) -> int | None:
    steps = [
        None if old.end is None or new.end is None else new.end - old.end for old, new in _both(before, after)
    ]
    known = [step for step in steps if step is not None and step >= 0]
    return sum(known) if known and len(known) == len(steps) else None


def jumps(marks: Iterable[Mark]) -> dict[int, set[int]]:
    """Return the shards that somebody else moved, by when that was seen."""
    found: dict[int, set[int]] = {}
    for mark in marks:
        if mark.kind in FOREIGN:
            found.setdefault(mark.at, set()).update(mark.shards)
    return found


def _drained(
    before: Sample, after: Sample, own: Sequence[OwnWrite], foreign: Mapping[int, Collection[int]]
) -> int | None:
    """Return what was consumed; moves that are no consumption count for nothing, not as nothing."""
    moved = {write.shard for write in own if is_ours([write.at], before.at, after.at)}
    moved |= {shard for at, shards in foreign.items() if before.at < at <= after.at for shard in shards}
    steps = []
    for shard, new in after.shards.items():
        old = before.shards.get(shard)
        if old is None or shard in moved or old.state in (State.EXPIRED, State.INVALID):
            continue
        if State.UNKNOWN in (old.state, new.state):
            return None
        if old.state is new.state is State.NEVER_SAVED:
            steps.append(0)
        elif old.position is not None and new.position is not None and new.position >= old.position:
            steps.append(new.position - old.position)
    return sum(steps) if steps else None


def _both(before: Sample, after: Sample) -> Iterator[tuple[Seen, Seen]]:
    for shard, new in after.shards.items():
        if (old := before.shards.get(shard)) is not None:
            yield old, new


def marks(
    samples: Sequence[Sample], *, before: Sequence[Sample], own: Sequence[OwnWrite], timeout: float
) -> list[Mark]:
    """Return what happened between samples: moves that were not of the group, and changes of owner.

    `before` are up to BEFORE samples ahead of the first: they tell how fast the group consumes.
    """
    found: list[Mark] = []
    watchers: dict[int, Watcher] = {}
    owners: dict[int, str] = {}
    for number, one in enumerate([*before, *samples]):
        seen_now = {shard: seen for shard, seen in one.shards.items() if seen.state is not State.UNKNOWN}
        happened: dict[str, list[int]] = {"foreign": [], "ahead": [], "owner": []}
        for shard, seen in seen_now.items():
            if shard not in watchers:
                watchers[shard] = Watcher((write for write in own if write.shard == shard), timeout=timeout)
            move = watchers[shard].see(Place(one.at, seen.position, seen.backlog, seen.owner, seen.saved_at))
            if move is not None:
                happened["foreign" if move is Move.BACK else "ahead"].append(shard)
            if owners.get(shard, seen.owner) != seen.owner:
                happened["owner"].append(shard)
            owners[shard] = seen.owner
        found += [
            Mark(one.at, kind, tuple(sorted(shards)), _names(one, shards))
            for kind, shards in happened.items()
            if shards and number >= len(before)
        ]
    return found


def _names(one: Sample, shards: Iterable[int]) -> str:
    names = sorted({one.shards[shard].owner for shard in shards} - {""})
    return ", ".join(names[:3]) + (" …" if len(names) > 3 else "")


def roll_samples(samples: Iterable[Sample], step: int) -> list[Sample]:
    """Return one sample per step: places as they last were, lag and backlog at their greatest."""
    found = []
    for _, part in groupby(samples, key=lambda one: one.at // step):
        inside = list(part)
        shards = {shard for one in inside for shard in one.shards}
        found.append(Sample(inside[-1].at, {shard: _last(inside, shard) for shard in sorted(shards)}))
    return found


def _last(inside: Sequence[Sample], shard: int) -> Seen:
    all_seen = [one.shards[shard] for one in inside if shard in one.shards]
    known = [seen for seen in all_seen if seen.state is not State.UNKNOWN] or all_seen
    return known[-1]._replace(
        lag=_most(seen.lag for seen in known), backlog=_most(seen.backlog for seen in known)
    )


def roll_totals(points: Iterable[Total], step: int) -> list[Total]:
    """Return one total per step; what was not known in all of it stays not known."""
    found = []
    for _, part in groupby(points, key=lambda one: one.at // step):
        inside = list(part)
        found.append(inside[0] if len(inside) == 1 else _joined(inside))
    return found


def _joined(inside: Sequence[Total]) -> Total:
    at, lag, lag_low, at_least, backlog, backlog_low, written, written_in, drained, drained_in = zip(
        *inside, strict=True
    )
    return Total(
        at[-1],
        _most(lag),
        _least(lag_low),
        max(at_least),
        _most(backlog),
        _least(backlog_low),
        _sum(written),
        sum(written_in),
        _sum(drained),
        sum(drained_in),
    )


def roll_marks(found: Iterable[Mark], step: int) -> list[Mark]:
    """Return at most one mark of each kind per step."""
    parts: dict[tuple[int, str], list[Mark]] = {}
    for mark in found:
        parts.setdefault((mark.at // step, mark.kind), []).append(mark)
    return [
        Mark(same[-1].at, kind, tuple(sorted({shard for one in same for shard in one.shards})), same[-1].who)
        for (_, kind), same in parts.items()
    ]


def _most(values: Iterable[int | None]) -> int | None:
    return max((value for value in values if value is not None), default=None)


def _least(values: Iterable[int | None]) -> int | None:
    return min((value for value in values if value is not None), default=None)


def _sum(values: Iterable[int | None]) -> int | None:
    known = [value for value in values if value is not None]
    return sum(known) if known else None
