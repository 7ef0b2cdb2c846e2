"""Resets under a moving consumer, faults and two operators: thousands of steps in random order.

    python3 run.py bench stateful [--steps 10000] [--seed 7]

The machine and its judge are those of the tests (tests/properties). A claim that does not hold ends the run
with the shortest order of events that hypothesis found for it, and exit code 1.
"""

from __future__ import annotations

import argparse
import logging
import random
import tempfile
import time
from collections import Counter
from typing import Any

from bench import results, stage

AT_ONCE = 40
EXPECTED = {
    *("plans", "resets", "writes", "no plan: upstream", "no plan: bad_plan"),
    *(f"refused: {code}" for code in ("moved", "consumers_active", "busy", "not_allowed", "upstream")),
    *(f"refused: plan_{code}" for code in ("used", "expired", "invalid")),
    *(f"shard: {word}" for word in ("confirmed", "unchanged", "refused", "unknown", "not_attempted")),
    *(f"watch: {word}" for word in ("overwritten", "taken_up", "held")),
}


def main() -> int:
    """Run, print and store; exit code 1 when something that should happen never did."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        stage.start(folder)
        begun = time.perf_counter()
        tally = run(options.steps, options.seed)
        seconds = time.perf_counter() - begun
    missing = sorted(EXPECTED - set(tally))
    rows = [{"what": what, "count": count} for what, count in sorted(tally.items())]
    results.write("stateful", rows, seed=options.seed, seconds=seconds, falsified=0, never_happened=missing)
    return 1 if missing else 0


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--steps", type=int, default=10_000)
    parser.add_argument("--seed", type=int, default=random.randrange(10**6), help="else random")
    return parser.parse_args()


def run(steps: int, seed: int) -> Counter[str]:
    """Drive the machine for so many steps; returns what happened how often."""
    import hypothesis
    from hypothesis import HealthCheck
    from hypothesis.stateful import run_state_machine_as_test

    from emulator.testing import running
    from tests.properties.machine import Resets

    logging.disable(logging.WARNING)  # every injected fault would be told
    Resets.tally = Counter()
    settings = hypothesis.settings(
        max_examples=AT_ONCE,
        stateful_step_count=50,
        deadline=None,
        database=None,
        report_multiple_bugs=False,
        suppress_health_check=list(HealthCheck),
    )
    with running(projects=1, logstores=1, shards=1, keys=None) as emulator:
        Resets.shared = arranged(emulator)
        while Resets.tally["steps"] < steps:
            run_state_machine_as_test(hypothesis.seed(seed)(Resets), settings=settings)
            seed += 1
            print(f"{Resets.tally['steps']} steps", flush=True)
    return Resets.tally


def arranged(emulator: Any) -> tuple[Any, Any, list[Any]]:
    """Return the emulator, its endpoint and two operators; the second may not override."""
    from django.contrib.auth.models import Permission, User

    from checkpoints import sls
    from checkpoints.models import Endpoint

    defaults = sls.Client.__init__.__kwdefaults__
    assert defaults is not None
    defaults["sleep"] = lambda _: None  # between two tries of a read
    first, second = stage.prepare(emulator), User.objects.create(username="second")
    second.user_permissions.add(Permission.objects.get(codename="reset_checkpoint"))
    return emulator, Endpoint.objects.get(), [first, second]


if __name__ == "__main__":
    raise SystemExit(main())
