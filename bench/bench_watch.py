"""Resets of groups that the official SDK consumes, drawn from seeds: is the watch right, and in time?

    python3 run.py bench watch [--runs 100] [--first 0] [--width 4]

Each run has an emulator and an SDK process of its own (tests/watched_runs.py says what happens in it). An
overwritten reset has to be told within the consumer's flush interval and 2 polls of 1 s. Exit code 1 when any
verdict is wrong or late.
"""

from __future__ import annotations

import argparse
import logging
import os
import tempfile
from collections import Counter
from typing import TYPE_CHECKING, Any

from bench import results, stage

if TYPE_CHECKING:
    from tests.watched_runs import Result


def main() -> int:
    """Run all seeds, print and store; exit code 1 when a verdict was wrong or late."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stage.start(folder)
        done = run(list(range(options.first, options.first + options.runs)), options.width)
    bad = [one.seed for one in done if not one.ok]
    late = [one.told - one.flush for one in done if one.limit is not None]
    figures: dict[str, Any] = {
        **{f"runs {kind}": count for kind, count in sorted(Counter(one.kind for one in done).items())},
        "seconds from flush interval to overwritten, at most (goal: 2 polls, 2.000)": max(late, default=None),
        "wrong or late (goal: none)": bad,
    }
    results.write("watch", [row(one) for one in done], **figures)
    return 1 if bad else 0


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--runs", type=int, default=100)
    parser.add_argument("--first", type=int, default=0, help="the first seed")
    parser.add_argument("--width", type=int, default=2 * (os.cpu_count() or 1), help="runs at once")
    return parser.parse_args()


def run(seeds: list[int], width: int) -> list[Result]:
    """Run the seeds on a database of their own, where other threads see what one commits."""
    from django.contrib.auth.models import Group, User
    from django.core.management import call_command

    from tests.watched_runs import run_all

    logging.disable(logging.WARNING)
    call_command("migrate", verbosity=0)
    user = User.objects.create(username="operator")
    user.groups.add(Group.objects.get(name="operator"))
    return run_all(seeds, user, width=width)


def row(one: Result) -> dict[str, Any]:
    """Return one line of the table."""
    return {
        "seed": one.seed,
        "kind": one.kind,
        "verdict": "/".join(sorted(set(one.verdicts))),
        "shards": one.shards,
        "target": one.target,
        "flush s": one.flush,
        "consumer saved after s": "-" if one.saved is None else one.saved,
        "told after s": one.told,
        "at most": "-" if one.limit is None else one.limit,
        "ok": one.ok,
    }


if __name__ == "__main__":
    raise SystemExit(main())
