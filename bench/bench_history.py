"""How many bytes the history takes: readings of three kinds of groups, packed as the product does it.

What counts is what the large size takes for the full retention: 1,500 groups of 10 shards, read each minute;
raw for 48 hours, in five minutes for 14 days, in hours for 90 days.
"""

from __future__ import annotations

import argparse
import random
import time
from collections.abc import Iterator, Sequence
from datetime import UTC, datetime, timedelta

from bench import results
from checkpoints.domain import history, rollup
from checkpoints.domain.history import FIVE, HOURLY, RAW, Level, Sample
from checkpoints.domain.lag import ShardFacts, assess
from checkpoints.domain.positions import encode

KINDS = ("moving", "idle", "stuck")
START = datetime(2026, 11, 1, tzinfo=UTC)
FIRST = 1_547_470_682_376_513_446
GROUPS, SHARDS = 1500, 10
ROW_BYTES = 150
"""What a row costs beside what is packed: header, key, times, and its entries in three indexes."""
DAYS = {RAW: 2.0, FIVE: 14.0, HOURLY: 90.0}


def readings(kind: str, days: int, seed: int) -> Iterator[tuple[datetime, list[ShardFacts]]]:
    """Yield a reading about every minute: noise in what is written, in what is consumed and in the times."""
    dice = random.Random(seed)
    ends = [FIRST + dice.randrange(10**9) for _ in range(SHARDS)]
    places = [end - dice.randrange(200) for end in ends]
    paces = [dice.uniform(5, 60) for _ in ends]
    newest = [START] * SHARDS
    saved = [START] * SHARDS
    for minute in range(days * 1440):
        now = START + timedelta(minutes=minute, seconds=dice.random() * 2)
        for shard, pace in enumerate(paces):
            if kind != "idle" or minute % 97 == 0:
                ends[shard] += max(0, int(dice.gauss(pace, pace / 5)))
                newest[shard] = now - timedelta(seconds=dice.randrange(3))
            if kind == "moving":
                places[shard] = min(ends[shard], places[shard] + max(0, int(dice.gauss(pace, pace / 4))))
                saved[shard] = now - timedelta(seconds=dice.randrange(5))
            elif kind == "idle":
                places[shard] = ends[shard]
        yield now, [_facts(shard, ends, places, newest, saved, paces) for shard in range(SHARDS)]


def _facts(
    shard: int,
    ends: Sequence[int],
    places: Sequence[int],
    newest: Sequence[datetime],
    saved: Sequence[datetime],
    paces: Sequence[float],
) -> ShardFacts:
    left = ends[shard] - places[shard]
    until = newest[shard] - timedelta(seconds=left / paces[shard] * 60)
    return ShardFacts(
        shard,
        False,
        encode(places[shard]),
        f"consumer-{shard % 3}-7f9c",
        saved[shard],
        FIRST,
        ends[shard],
        START,
        newest[shard],
        until if left else None,
        until + timedelta(seconds=1) if left else None,
    )


def samples(kind: str, days: int) -> list[Sample]:
    """Return the readings as samples."""
    return [
        history.sample(at, facts, [assess(fact, now=at, retention=None) for fact in facts])
        for at, facts in readings(kind, days, seed=4)
    ]


def level_bytes(found: Sequence[Sample], level: Level) -> tuple[float, float]:
    """Return the bytes of a group-sample and of a group per day at a level, rows and all."""
    points = rollup.totals(found, before=None, resets=[], gap=1800)
    if level.step:
        found, points = rollup.roll_samples(found, level.step), rollup.roll_totals(points, level.step)
    packed = rows = 0
    for start in sorted({level.start(one.at) for one in found}):
        packed += len(history.pack_samples([one for one in found if level.start(one.at) == start]))
        packed += len(history.pack_totals([one for one in points if level.start(one.at) == start]))
        rows += 1
    days = (found[-1].at - found[0].at) / 86_400
    return packed / len(found) / SHARDS, (packed + rows * ROW_BYTES) / days


def main() -> None:
    """Pack each kind at each level and tell what the large size would take."""
    options = argparse.ArgumentParser()
    options.add_argument("--days", type=int, default=14)
    days = options.parse_args().days
    rows = []
    for kind in KINDS:
        begun = time.perf_counter()
        found = samples(kind, days)
        raw = [one for one in found if one.at < found[0].at + 2 * 86_400]
        for level, name in ((RAW, "raw"), (FIVE, "5 min"), (HOURLY, "hourly")):
            each, a_day = level_bytes(raw if level is RAW else found, level)
            rows.append(
                {
                    "group": kind,
                    "level": name,
                    "bytes_per_sample": each,
                    "gb": a_day * DAYS[level] * GROUPS / 1e9,
                }
            )
        rows[-1]["seconds"] = time.perf_counter() - begun
    for row in rows:
        row.setdefault("seconds", "")
    whole = {kind: sum(float(str(row["gb"])) for row in rows if row["group"] == kind) for kind in KINDS}
    results.write("history", rows, gb_if_all_moved=whole["moving"], gb_if_all_were_idle=whole["idle"])


if __name__ == "__main__":
    main()
