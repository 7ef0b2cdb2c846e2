"""`bench crash` in small: two rounds of every point on each database, and a judge that can say no."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psycopg
import pytest

from bench.crash_points import POINTS

ROOT = Path(__file__).resolve().parent.parent.parent
FEWEST_POINTS = 20
# What the judge has to say to each way of breaking the product in spoiled_crash.py.
COMPLAINTS = {
    "nothing": None,
    "a write before the intent": "1 writes without an intent",
    "no mark": "written without, or before, its mark",
    "a second write": "written 2 times",
    "another cursor": "was written and not planned",
    "a write while settling": "settling sent 1 writes",
    "no settling": "not settled: sending",
    "an outcome told twice": "['confirmed', 'confirmed'] for confirmed",
    "no outcome told": "[] for confirmed",
    "unchanged for written": "written and called unchanged",
    "confirmed for unwritten": "never written and called confirmed",
    "the watch not ended": "the watch was ended 0 times",
    "not killed": "not killed",
    "an edited audit": "Row 2 was changed",
}


def lines_of(process: subprocess.Popen[str]) -> list[Any]:
    out, err = process.communicate(timeout=900)
    assert out, err
    return [json.loads(line) for line in out.splitlines()]


def start(*command: str, url: str = "") -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=ROOT,
        env={**os.environ, "DATABASE_URL": url},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


@pytest.fixture(scope="module")
def on_sqlite() -> Iterator[subprocess.Popen[str]]:
    """Rounds on SQLite, started at once: those on PostgreSQL run beside them."""
    with start("bench.crash_run", "--rounds", "2") as process:
        yield process
        process.terminate()


@pytest.fixture
def on_postgres(on_sqlite: subprocess.Popen[str], postgres: str) -> Iterator[subprocess.Popen[str]]:
    """Rounds on PostgreSQL, in a database of their own."""
    with psycopg.connect(postgres, autocommit=True) as connection:
        connection.execute("CREATE DATABASE crash")
    with start("bench.crash_run", "--rounds", "2", url=f"{postgres.rpartition('/')[0]}/crash") as process:
        yield process
        process.terminate()


@pytest.mark.postgres
def test_a_process_killed_at_any_step_leaves_what_settles_truly_on_postgresql(on_postgres):
    check(lines_of(on_postgres))


def test_a_process_killed_at_any_step_leaves_what_settles_truly_on_sqlite(on_sqlite):
    check(lines_of(on_sqlite))


def check(tallies: list[Any]) -> None:
    assert [words for tally in tallies for words in tally["violations"]] == []
    assert {tally["point"] for tally in tallies} == {point.name for point in POINTS}
    assert len(tallies) >= FEWEST_POINTS
    assert {(tally["rounds"], tally["killed"]) for tally in tallies} == {(2, 2)}


def test_the_judge_sees_every_way_of_breaking_the_product():
    with start("tests.storage.spoiled_crash") as process:
        said = dict(lines_of(process))
    assert said.keys() == COMPLAINTS.keys()
    assert said["nothing"] == []
    deaf = {
        name: said[name]
        for name, words in COMPLAINTS.items()
        if words and not any(words in complaint for complaint in said[name])
    }
    assert deaf == {}
