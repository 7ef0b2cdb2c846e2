"""The start script without its installing: the command line, the refusals, the child processes."""

from __future__ import annotations

import http.server
import signal
import socket
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

import run

SLEEP = ["-c", "import time; time.sleep(60)"]


@pytest.fixture(autouse=True)
def this_interpreter(monkeypatch: pytest.MonkeyPatch) -> None:
    """Use the packages that run these tests, as RUN_VENV=0 does."""
    monkeypatch.setenv("RUN_VENV", "0")


@pytest.fixture
def children() -> Iterator[run.Processes]:
    before = signal.getsignal(signal.SIGTERM)
    with run.Processes() as made:
        yield made
    signal.signal(signal.SIGTERM, before)


def script(*arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(run.ROOT / "run.py"), *arguments]
    return subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)


@pytest.mark.parametrize(
    ("line", "wanted"),
    [
        ("demo", {"port": 8000, "data_dir": None, "scenario": "demo", "seed": 1}),
        ("demo --port 9 --data-dir d --scenario s --seed 2", {"port": 9, "data_dir": Path("d"), "seed": 2}),
        ("serve", {"port": 8000, "bind": "127.0.0.1"}),
        ("serve --port 9 --bind ::1", {"port": 9, "bind": "::1"}),
        ("test", {"require_all": False}),
        ("test --require-all", {"require_all": True}),
        ("bench lag", {"name": "lag"}),
    ],
)
def test_the_command_line_is_the_one_of_the_contract(line: str, wanted: dict[str, object]) -> None:
    found = vars(run.parser().parse_args(line.split()))
    assert {name: found[name] for name in wanted} == wanted


@pytest.mark.parametrize("name", ["demo", "serve", "test", "check", "bench"])
def test_every_command_runs_the_function_of_its_name(name: str) -> None:
    found = run.parser().parse_args([name, "lag"] if name == "bench" else [name])
    assert found.run is getattr(run, name)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "COMMAND"),
        (["fly"], "invalid choice: 'fly'"),
        (["serve", "--prot", "1"], "unknown arguments: --prot 1"),
        (["check", "extra"], "unknown arguments: extra"),
        (["demo", "--port", "many"], "invalid int value: 'many'"),
    ],
)
def test_a_wrong_command_line_is_refused_with_a_sentence(arguments: list[str], words: str) -> None:
    done = script(*arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_an_unknown_benchmark_names_the_known_ones() -> None:
    done = script("bench", "speed")
    assert done.returncode == 1
    assert done.stderr.startswith("There is no benchmark 'speed'; there is: ")
    assert "lag" in done.stderr


def test_the_script_needs_nothing_but_the_standard_library() -> None:
    command = [sys.executable, "-I", "-S", str(run.ROOT / "run.py"), "--help"]
    done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")


def test_without_venv_the_missing_package_is_named(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    failing = tmp_path / "python"
    failing.write_text("#!/bin/sh\necho no ensurepip\nexit 1\n")
    failing.chmod(0o755)
    monkeypatch.setattr(run, "VENV", tmp_path / "venv")
    monkeypatch.setattr(run.sys, "executable", str(failing))
    monkeypatch.setattr(run, "may_install", lambda: False)
    with pytest.raises(SystemExit, match=r"Install the package python3-venv and try again\.\nno ensurepip"):
        run.make_environment()


def test_what_is_installed_already_is_not_installed_again(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import hashlib

    monkeypatch.delenv("RUN_VENV")
    monkeypatch.setattr(run, "VENV", tmp_path)  # without an interpreter: an installation would fail
    monkeypatch.setattr(run, "make_environment", lambda: pytest.fail("an environment was made"))
    wanted = hashlib.sha256((run.ROOT / "requirements.txt").read_bytes()).hexdigest()
    (tmp_path / ".installed-1").write_text(wanted)
    run.install(run.RUNTIME)


def test_where_nothing_can_be_installed_the_missing_packages_are_named(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(run, "may_install", lambda: False)
    monkeypatch.setattr(run, "has", lambda name: name != "pg_ctl")
    run.install_system()
    assert capsys.readouterr().err == "Missing here: postgresql.\n"


def test_a_fresh_directory_is_empty_and_private(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "old").touch()
    made = run.fresh_directory(tmp_path / "data")
    assert list(made.iterdir()) == []
    assert stat.S_IMODE(made.stat().st_mode) == 0o700


def test_a_free_port_can_be_bound() -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", run.free_port()))


def test_the_exit_code_and_the_environment_of_a_program_are_handed_on() -> None:
    assert run.run(["-c", "import os, sys; sys.exit(int(os.environ['CODE']))"], {"CODE": "7"}) == 7


def test_a_step_that_fails_ends_everything(children: run.Processes) -> None:
    with pytest.raises(SystemExit, match="3"):
        children.finish(["-c", "import sys; sys.exit(3)"], {})


def test_children_end_with_their_parent() -> None:
    before = signal.getsignal(signal.SIGTERM)
    with run.Processes() as made:
        made.start("sleeper", SLEEP, {})
        child = made.children["sleeper"]
        assert child.poll() is None
    signal.signal(signal.SIGTERM, before)
    assert child.poll() == -signal.SIGTERM


def test_a_child_that_ends_ends_everything_and_is_named(children: run.Processes) -> None:
    children.start("emulator", ["-c", "import sys; sys.exit(4)"], {})
    with pytest.raises(SystemExit, match=r"The emulator ended with code 4; see above\."):
        children.watch()


def test_waiting_for_an_address_ends_with_the_child_that_should_answer(children: run.Processes) -> None:
    children.start("web server", ["-c", ""], {})
    with pytest.raises(SystemExit, match="The web server ended with code 0"):
        children.wait_for(f"http://127.0.0.1:{run.free_port()}/")


def test_waiting_ends_as_soon_as_the_address_answers(children: run.Processes, tmp_path: Path) -> None:
    handler = type("Quiet", (http.server.BaseHTTPRequestHandler,), {"do_GET": lambda self: self.answer()})
    handler.answer = lambda self: (self.send_response(200), self.end_headers())  # type: ignore[attr-defined]
    handler.log_message = lambda *_: None  # type: ignore[attr-defined]
    with http.server.HTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
        thread.start()
        children.wait_for(f"http://127.0.0.1:{server.server_port}/")
        server.shutdown()
        thread.join()


def test_an_interrupt_ends_the_watch_in_peace(
    children: run.Processes, monkeypatch: pytest.MonkeyPatch
) -> None:
    def interrupt(_seconds: float) -> None:
        raise KeyboardInterrupt

    children.start("sleeper", SLEEP, {})
    with monkeypatch.context() as interrupted:
        interrupted.setattr(run.time, "sleep", interrupt)
        assert children.watch() == 0
