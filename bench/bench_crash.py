"""Kills the process that applies a plan at every step, and judges what the next one makes of it.

    python3 run.py bench crash [--rounds 25] [--database sqlite|postgres|both]

The witness of the emulator is the judge: no write without a committed intent, one outcome per shard, each
of them true, nothing sent while settling, nobody locked out. The databases run at the same time.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from typing import Any

from bench import emulation, postgres, results


def main() -> int:
    """Run, print and store; exit code 1 on any violation, 2 when PostgreSQL is missing."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=25)
    parser.add_argument("--database", choices=["sqlite", "postgres", "both"], default="both")
    options = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # and take along what was started
    chosen = ["sqlite", "postgres"] if options.database == "both" else [options.database]
    try:
        with ExitStack() as stack:
            runs = {name: stack.enter_context(started(name, options.rounds)) for name in chosen}
            tallies = [{"database": name, **tally} for name, run in runs.items() for tally in tallies_of(run)]
            failed = any(run.wait() for run in runs.values())
    except postgres.Missing as missing:
        print(missing, file=sys.stderr)
        return 2
    violations = [f"{tally['database']}: {words}" for tally in tallies for words in tally["violations"]]
    results.write(
        "crash",
        [row(tally) for tally in tallies],
        points=len({tally["point"] for tally in tallies}),
        rounds=sum(tally["rounds"] for tally in tallies),
        killed=sum(tally["killed"] for tally in tallies),
        violations=violations,
    )
    return 1 if violations or failed else 0


@contextmanager
def started(database: str, rounds: int) -> Iterator[subprocess.Popen[str]]:
    """Start the rounds on one database in a process of their own, with a server of its own if need be."""
    with ExitStack() as stack:
        url = stack.enter_context(postgres.running()) if database == "postgres" else ""
        command = [sys.executable, "-m", "bench.crash_run", "--rounds", str(rounds)]
        environment = {**os.environ, "DATABASE_URL": url}
        run = stack.enter_context(
            subprocess.Popen(command, cwd=emulation.ROOT, env=environment, stdout=subprocess.PIPE, text=True)
        )
        try:
            yield run
        finally:
            run.terminate()


def tallies_of(run: subprocess.Popen[str]) -> list[dict[str, Any]]:
    """Return what a run found at each point, once it has ended."""
    return [json.loads(line) for line in run.communicate()[0].splitlines()]


def row(tally: dict[str, Any]) -> dict[str, Any]:
    """Return one line of the table."""
    settled = ", ".join(f"{count} {word}" for word, count in sorted(tally["settled"].items()))
    return {
        "database": tally["database"],
        "point": tally["point"],
        "rounds": tally["rounds"],
        "killed": tally["killed"],
        "writes before": tally["writes"],
        "violations": len(tally["violations"]),
        "settled as": settled,
    }


if __name__ == "__main__":
    raise SystemExit(main())
