"""The pages at the large size: how long people wait, how many queries a page takes, and with which indexes.

60 projects, 1,000 Logstores, 6,000 shards, 1,500 groups, 15,000 (group, shard) rows and 30 days of history on
SQLite; the web server as the product starts it. Twenty people open pages, look at each for one to two
seconds, and have another page open that refreshes itself. By that the goals are judged. Then twenty who do
not look at all: what the server can do at most. Then the first load again with the collector at work, inside
of the web process and beside it, against an emulator on the same cores.
"""

from __future__ import annotations

import argparse
import os
import statistics
import sys
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "dashboard.settings")
os.environ |= {"SLS_ALLOWED_HOSTS": "127.0.0.1", "SLS_ALLOW_HTTP": "1"}

from bench import emulation, fleet, pages_server, results

GOALS = {"overview": 200, "group": 200, "history": 150}
"""Milliseconds within which 95 of 100 answers have come."""
CHART = "group, chart"
"""Counts as history: the same chart on the page of the group."""
LOOKING, HURRYING = "20 people who look", "20 clients without pause"
COLLECTED = {"inside": f"{LOOKING}, collector inside", "beside": f"{LOOKING}, collector beside"}
WARM, WARM_AND_READ = 10, 90
"""Seconds before anything is measured; with a collector, until it has read every Logstore once."""


def main() -> int:
    """Measure, print and store; exit code 1 when a goal is missed."""
    options = arguments()
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = options.folder or Path(temporary)
        os.environ["DATA_DIR"] = str(folder)
        port = prepared(folder, options.logstores)
        queries = counted()
        found = used(folder, port, options)
    return report(found, queries)


def arguments() -> argparse.Namespace:
    """Return the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--logstores", type=int, default=fleet.LOGSTORES, help="fewer make a smaller fleet")
    parser.add_argument("--seconds", type=float, default=60, help="how long each load is measured")
    parser.add_argument("--folder", type=Path, help="where the data is kept; made when it is not there")
    parser.add_argument("--without-collector", action="store_true", help="leave out the last two loads")
    return parser.parse_args()


def prepared(folder: Path, logstores: int) -> int:
    """Fill the database unless it is there; returns the port of the emulator that the endpoints name."""
    folder.mkdir(mode=0o700, exist_ok=True)
    import django

    django.setup()
    from django.core.management import call_command

    from bench import pages_fleet, pages_people

    call_command("migrate", verbosity=0)
    call_command("collectstatic", verbosity=0, interactive=False)
    kept = folder / "port"
    if not kept.exists():
        port = emulation.free_port()
        pages_fleet.fill(fleet.stores(logstores), host=f"127.0.0.1:{port}", world=folder / "world.json")
        pages_people.fill()
        kept.write_text(str(port))
    return int(kept.read_text())


def counted() -> list[Any]:
    """Return the queries of each page, as somebody who may only look and somebody who may do everything."""
    from bench import pages_queries
    from bench.pages_people import EVERYTHING, LITTLE
    from checkpoints.models import Alert, ConsumerGroup

    group = ConsumerGroup.objects.order_by("-shard_count", "severity")[0]
    alert = Alert.objects.filter(state="firing")[0]
    with pages_server.kept_young():
        clients = [pages_queries.signed_in(name) for name in (LITTLE, EVERYTHING)]
        return pages_queries.counts(clients, pages_queries.addresses(group.pk, alert.pk))


def used(folder: Path, port: int, options: argparse.Namespace) -> dict[str, Any]:
    """Return what every answer took, by load."""
    from bench.pages_people import PASSWORD, names
    from checkpoints.models import ConsumerGroup

    def order(warm: float, *loads: str) -> dict[str, Any]:
        times = {"warm": warm, "seconds": options.seconds}
        wanted = [{"name": name, "looks": name != HURRYING, **times} for name in loads]
        return {"people": names(), "password": PASSWORD, "groups": groups, "loads": wanted}

    groups = list(ConsumerGroup.objects.values_list("pk", flat=True))
    with pages_server.kept_young(), pages_server.serving(folder) as server:
        found = pages_server.used_by_people(server, order(WARM, LOOKING, HURRYING), folder)
    assert not ConsumerGroup.objects.filter(problem__isnull=False).exists(), "a page asked the service"
    for collector, name in {} if options.without_collector else COLLECTED.items():
        world = ["--world", str(folder / "world.json")]
        with (
            emulation.running(*world, module="bench.pages_world", port=port),
            pages_server.copied(folder) as copy,
            pages_server.serving(copy, collector=collector) as server,
        ):
            found |= pages_server.used_by_people(server, order(WARM_AND_READ, name), folder)
    return found


def report(found: dict[str, Any], queries: list[Any]) -> int:
    """Print, store, and compare with the goals."""
    from bench.pages_queries import MOST

    p95 = {page: percentile(of_page(found[LOOKING]["times"], page), 95) for page in GOALS}
    most = max(count.queries for count in queries)
    whole = sorted(set().union(*(count.read_whole for count in queries)))
    goals = {
        **{f"{page}, p95 in ms (goal: under {goal})": p95[page] for page, goal in GOALS.items()},
        f"queries of a page (goal: at most {MOST})": most,
        "tables read whole without an index (goal: none)": ", ".join(whole) or "none",
    }
    rows = [row for load, figures in found.items() for row in answered(load, figures["times"])]
    pages = {
        count.page: {"queries": count.queries, "along an index": sorted(count.walked)} for count in queries
    }
    loads = {name: summary(figures) for name, figures in found.items()}
    results.write("pages", rows, **goals, loads=loads, queries=pages)
    met = all(p95[page] < goal for page, goal in GOALS.items()) and most <= MOST and not whole
    return 0 if met else 1


def answered(load: str, times: dict[str, list[float]]) -> Iterator[dict[str, Any]]:
    """Yield a row for each kind of answer, in milliseconds."""
    for kind, seconds in sorted(times.items()):
        yield {
            "load": load,
            "answer": kind,
            "number": len(seconds),
            "p50": 1000 * statistics.median(seconds),
            "p95": percentile(seconds, 95),
            "p99": percentile(seconds, 99),
        }


def summary(figures: dict[str, Any]) -> dict[str, Any]:
    """Return how much a load was, and what it took of the server."""
    number = sum(map(len, figures["times"].values()))
    return {
        "answers a second": number / figures["seconds"],
        "processor ms of an answer": 1000 * figures["processor"] / number,
        "processor of the server, per cent": 100 * figures["processor"] / figures["seconds"],
        "load of the machine": figures["machine"],
    }


def percentile(seconds: Iterable[float], share: int) -> float:
    """Return the milliseconds that so many of a hundred do not exceed."""
    ordered = sorted(seconds)
    return 1000 * ordered[-(-len(ordered) * share // 100) - 1]


def of_page(times: dict[str, list[float]], page: str) -> list[float]:
    """Return the seconds of all answers that count as a page: itself, and what it refreshes itself with."""
    pages = {kind: "history" if kind == CHART else kind.split(",")[0].split()[0] for kind in times}
    return [seconds for kind, some in times.items() if pages[kind] == page for seconds in some]


if __name__ == "__main__":
    sys.exit(main())
