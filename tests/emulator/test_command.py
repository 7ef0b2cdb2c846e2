"""`python -m emulator` as a process."""

import json
import re
import signal
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]


@contextmanager
def started(*flags: str) -> Iterator[tuple["subprocess.Popen[str]", str]]:
    command = [sys.executable, "-m", "emulator", "--port", "0", *flags]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        assert process.stdout is not None
        yield process, process.stdout.readline()
    finally:
        process.kill()
        process.communicate()


def run(*flags: str) -> "subprocess.CompletedProcess[str]":
    command = [sys.executable, "-m", "emulator", *flags]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, timeout=30, check=False)


def test_it_prints_one_line_with_its_address_and_serves_there() -> None:
    with started("--projects", "2", "--logstores", "3", "--scenario", "healthy") as (_, line):
        found = re.search(r"http://127\.0\.0\.1:\d+", line)
        assert found is not None
        with urllib.request.urlopen(found[0], timeout=10) as answer:  # noqa: S310
            assert [project["projectName"] for project in json.load(answer)["projects"]] == ["shop"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it_at_once(number: signal.Signals) -> None:
    with started() as (process, _):
        start = time.monotonic()
        process.send_signal(number)
        assert process.wait(5) == 0
        assert time.monotonic() - start < 2


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--port", "0", "--scenario", "nope"], "there is no scenario 'nope'; choose one of: healthy"),
        (["--port", "0", "--access-key-id", "only"], "belong together"),
        (["--port", "0", "--shards", "0"], "--shards must be at least 1"),
        (["--port", "70000"], "--port must be"),
        ([], "--port"),
    ],
)
def test_a_wrong_flag_is_explained_with_exit_code_2(flags: list[str], words: str) -> None:
    ended = run(*flags)
    assert ended.returncode == 2
    assert words in ended.stderr
    assert "Traceback" not in ended.stderr


def test_a_taken_port_is_explained() -> None:
    with started() as (_, line):
        port = line.split("127.0.0.1:")[1].split()[0]
        ended = run("--port", port)
        assert (ended.returncode, "cannot serve" in ended.stderr) == (1, True)
