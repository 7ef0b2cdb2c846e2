"""Reads one group of many shards fresh, beside the official SDK doing the same calls and beside the limit.

The limit is the round trips on the critical path: the lists, which can all be asked at once, and then every
other call shared out evenly over the threads, each at the injected latency and nothing else.
"""

from __future__ import annotations

import argparse
import math
import os
import statistics
import tempfile
import time
import warnings
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
os.environ.setdefault("DATA_DIR", tempfile.mkdtemp(prefix="bench-"))

from bench import emulation, results

PLACE = ("proj", "store", "cg-0")
LISTS = 3  # ListShards, ListConsumerGroup, GetCheckPoint


def main() -> int:
    """Measure, print and store; exit code 1 when a goal is missed."""
    options = arguments()
    os.environ["SLS_CONCURRENCY"] = str(options.threads)
    world = ["--shards", str(options.shards), "--prefill", "50", "--latency-ms", str(options.latency_ms)]
    with emulation.running(*world, "--groups", "1") as emulator:
        make_behind(emulator, options.shards)
        figures = [measure(emulator, options) for _ in range(options.rounds)]
    best = {name: statistics.median(figure[name] for figure in figures) for name in figures[0]}
    rows = [
        {"what": "limit", "seconds": best["limit"], "calls": int(best["calls"]), "times the limit": 1.0},
        row("this client, first reading", best, "ours", "calls"),
        row("this client, nothing changed", best, "again", "again_calls"),
        row("official SDK, same threads", best, "sdk", "sdk_calls"),
    ]
    goals = {
        "times the limit (goal: at most 1.25)": best["ours"] / best["limit"],
        "times faster than the SDK (goal: at least 2)": best["sdk"] / best["ours"],
        f"calls of a reading with nothing changed (goal: at most {options.shards + 3})": best["again_calls"],
    }
    if options.serial:
        rows.append(row("official SDK, serial", best, "serial", "sdk_calls"))
    results.write("lag", rows, **goals)
    met = best["ours"] <= 1.25 * best["limit"] and best["sdk"] >= 2 * best["ours"]
    return 0 if met and best["again_calls"] <= options.shards + 3 else 1


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--shards", type=int, default=256)
    parser.add_argument("--latency-ms", type=float, default=20)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--serial", action="store_true", help="the SDK one call after the other, too")
    return parser.parse_args()


def row(what: str, best: dict[str, float], seconds: str, calls: str) -> dict[str, Any]:
    """Return one line of the table."""
    ratio = best[seconds] / best["limit"]
    return {"what": what, "seconds": best[seconds], "calls": int(best[calls]), "times the limit": ratio}


def make_behind(emulator: emulation.Emulator, shards: int) -> None:
    """Put every checkpoint ten log groups before the end, so that every time has to be asked for."""
    project, logstore, group = PLACE
    for shard in range(shards):
        found = emulator.control("POST", "shard", project=project, logstore=logstore, shard=shard)
        position = int(found["end"]) - 10
        emulator.control(
            "POST",
            "group",
            project=project,
            logstore=logstore,
            group=group,
            checkpoints={str(shard): position},
        )


def measure(emulator: emulation.Emulator, options: argparse.Namespace) -> dict[str, float]:
    """Return the figures of one round; the three ways take turns in the same round."""
    known, ours, calls = first_reading(emulator)
    again, again_calls = timed(emulator, known)
    sdk, sdk_calls = timed(emulator, lambda: sdk_reading(emulator, options.threads))
    lists = sum(calls.get(name, 0) for name in ("ListShards", "ListConsumerGroup", "GetCheckPoint"))
    per_shard = sum(calls.values()) - lists
    rounds = math.ceil(lists / options.threads) + math.ceil(per_shard / options.threads)
    figures = {
        "ours": ours,
        "calls": sum(calls.values()),
        "limit": rounds * options.latency_ms / 1000,
        "again": again,
        "again_calls": sum(again_calls.values()),
        "sdk": sdk,
        "sdk_calls": sum(sdk_calls.values()),
    }
    if options.serial:
        figures["serial"] = timed(emulator, lambda: sdk_reading(emulator, 1))[0]
    return figures


def timed(emulator: emulation.Emulator, call: Callable[[], object]) -> tuple[float, dict[str, int]]:
    """Return the seconds a call took and what it asked of the service."""
    emulator.control("POST", "stats/reset")
    begun = time.perf_counter()
    call()
    seconds = time.perf_counter() - begun
    return seconds, emulator.calls()


def first_reading(emulator: emulation.Emulator) -> tuple[Callable[[], object], float, dict[str, int]]:
    """Read the group with nothing known; returns a way to read it again with what was learned."""
    from checkpoints import sls
    from checkpoints.services import parallel, reading, seen

    client = sls.Client(
        host=emulator.host,
        scheme="http",
        region="cn-hangzhou",
        credentials=sls.Credentials(emulation.KEYS[0], sls.Secret(emulation.KEYS[1])),
        network=sls.Network(allowed_hosts=("127.0.0.1",), allow_http=True),
        threads=int(os.environ["SLS_CONCURRENCY"]),
    )
    client.list_shards(PLACE[0], PLACE[1])  # a connection, and the signing key of the day
    parallel.pool(client)  # the settings are read when a process starts

    def read(known: seen.Known) -> Callable[[], seen.LogstoreSeen]:
        return lambda: reading.read(
            client, *PLACE[:2], only=PLACE[2], known=known, refresh_begins=False, retention=timedelta(days=30)
        )

    found: list[seen.LogstoreSeen] = []
    seconds, calls = timed(emulator, lambda: found.append(read(seen.Known())()))
    facts = found[0].groups[0].facts
    assert facts
    assert all(fact.newest_at and fact.read_at and fact.unread_at for fact in facts)
    known = seen.Known()
    known.learn(facts)
    return read(known), seconds, calls


def sdk_reading(emulator: emulation.Emulator, threads: int, signature: str = "v4") -> None:
    """Make the same calls with the official SDK: the lists, then per shard both ends and three times."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        from aliyun.log import LogClient
        from aliyun.log.util import base64_encodestring as encode
    project, logstore, group = PLACE
    client = LogClient(emulator.sdk_endpoint, *emulation.KEYS, auth_version=signature, region="cn-hangzhou")

    def shard_times(found: dict[str, Any]) -> None:
        shard = found["shard"]
        client.get_begin_cursor(project, logstore, shard)
        end = client._get_cursor_as_int(client.get_end_cursor(project, logstore, shard).get_cursor())
        position = client._get_cursor_as_int(found["checkpoint"])
        for wanted in (end - 1, position - 1, position):
            client.get_cursor_time(project, logstore, shard, encode(str(wanted)).strip())

    client.list_shards(project, logstore)
    client.list_consumer_group(project, logstore)
    checkpoints = client.get_check_point(project, logstore, group).consumer_group_check_poins
    with ThreadPoolExecutor(threads) as pool:
        list(pool.map(shard_times, checkpoints))


if __name__ == "__main__":
    raise SystemExit(main())
