#!/usr/bin/env python3
"""Start, test and check the product on a machine that has nothing but Python 3.11: see README.md.

Only the standard library here: this file makes the virtual environment that holds everything else.
"""

from __future__ import annotations

import argparse
import contextlib
import hashlib
import os
import secrets
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from pathlib import Path

ROOT = Path(__file__).resolve().parent
VENV = ROOT / ".venv"
RUNTIME = ["requirements.txt"]
DEVELOPMENT = ["requirements.txt", "requirements-dev.txt"]
# What the full test run needs: a program to look for, and the Debian package it is in.
SYSTEM = {
    "chromium": "chromium",
    "redis-server": "redis-server",
    "pg_ctl": "postgresql",
    "xgettext": "gettext",
    "font": "fonts-wqy-microhei",
}
ROLES = ["viewer", "peeker", "operator", "approver", "admin", "auditor"]


def main() -> int:
    """Run the command given on the command line; returns its exit code."""
    if sys.version_info < (3, 11):
        sys.exit(f"Python 3.11 or newer is needed; this is {sys.version.split()[0]}.")
    options, rest = parser().parse_known_args()
    if rest and options.run not in {test, bench}:
        parser().error(f"unknown arguments: {' '.join(rest)}")
    return int(options.run(options, rest))


def parser() -> argparse.ArgumentParser:
    """Return the command line; `test` and `bench` hand on what they do not know."""
    top = argparse.ArgumentParser(prog="run.py", description=__doc__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")

    def command(name: str, run: object, about: str) -> argparse.ArgumentParser:
        made = commands.add_parser(name, help=about, description=about)
        made.set_defaults(run=run)
        return made

    one = command(
        "demo", demo, "the dashboard with a stand-in for SLS, acting consumers and one user per role"
    )
    one.add_argument("--port", type=int, default=8000)
    one.add_argument("--data-dir", type=Path, default=None)
    one.add_argument("--scenario", default="demo")
    one.add_argument("--seed", type=int, default=1)
    one = command("serve", serve, "the dashboard for real endpoints, with the embedded database")
    one.add_argument("--port", type=int, default=8000)
    one.add_argument("--bind", default="127.0.0.1")
    one = command("test", test, "the whole test suite; further arguments go to pytest")
    one.add_argument(
        "--require-all", action="store_true", help="install what is missing, fail on what is skipped"
    )
    command("check", check, "lint, format, types, templates, import contracts, migrations, catalogues, locks")
    one = command("bench", bench, "one benchmark of bench/; writes JSON to bench/results/")
    one.add_argument("name")
    return top


def demo(options: argparse.Namespace, _rest: list[str]) -> int:
    """Serve the product beside the emulator until interrupted."""
    install(RUNTIME)
    emulator_port, password = free_port(), secrets.token_urlsafe(9)
    key, secret = "demo-access-key", secrets.token_urlsafe(24)
    environment = {
        "DATA_DIR": str(options.data_dir or fresh_directory(ROOT / "var" / "demo")),
        "SLS_ALLOWED_HOSTS": "127.0.0.1",
        "SLS_ALLOW_HTTP": "1",
        "COLLECT_INTERVAL": "15",
        "SLS_ACCESS_KEY_SECRET": secret,
        "USER_PASSWORD": password,
    }
    world = ["--scenario", options.scenario, "--seed", str(options.seed), "--port", str(emulator_port)]
    keys = ["--access-key-id", key, "--access-key-secret", secret]
    with Processes() as running:
        running.start("emulator", ["-m", "emulator", *world, *keys], environment)
        there = ["--endpoint", f"demo=http://127.0.0.1:{emulator_port}", "--access-key-id", key]
        running.finish(["manage.py", "prepare", "--quiet", "--users", *ROLES, *there], environment)
        address, users = running.serve(f"127.0.0.1:{options.port}", environment), ", ".join(ROLES)
        print(f"Serving {address} user: operator password: {password} (users: {users})", flush=True)
        return running.watch()


def serve(options: argparse.Namespace, _rest: list[str]) -> int:
    """Serve the product for real endpoints until interrupted; the first start prints a set-up link."""
    install(RUNTIME)
    bind = f"{options.bind}:{options.port}"
    with Processes() as running:
        running.finish(["manage.py", "prepare", "--address", f"http://{bind}/"], {})
        print(f"Serving {running.serve(bind, {})}", flush=True)
        return running.watch()


def test(options: argparse.Namespace, rest: list[str]) -> int:
    """Run the test suite; with --require-all install what the machine lacks first."""
    install(DEVELOPMENT)
    if options.require_all:
        install_system()
        rest = [*rest, "--require-all"]
    workers = [] if any(word.startswith("-n") for word in rest) else ["-n", "2", "--dist", "loadfile"]
    return run(["-m", "pytest", "-rs", *workers, *rest])


def check(_options: argparse.Namespace, _rest: list[str]) -> int:
    """Run every static check, all of them even when one fails."""
    install(DEVELOPMENT)
    install_system(["xgettext"])
    return run(["-m", "bench.checks"], {"DATA_DIR": str(fresh_directory(ROOT / "var" / "check"))})


def bench(options: argparse.Namespace, rest: list[str]) -> int:
    """Run one benchmark."""
    install(DEVELOPMENT)
    known = sorted(path.stem for path in (ROOT / "bench").glob("bench_*.py"))
    if f"bench_{options.name}" not in known:
        names = ", ".join(name.removeprefix("bench_") for name in known)
        sys.exit(f"There is no benchmark {options.name!r}; there is: {names}.")
    return run(["-m", f"bench.bench_{options.name}", *rest])


def install(files: list[str]) -> None:
    """Make the virtual environment and install the locked packages, unless that is done already."""
    if os.environ.get("RUN_VENV") == "0":
        return
    stamp = VENV / f".installed-{len(files)}"
    wanted = hashlib.sha256(b"".join((ROOT / name).read_bytes() for name in files)).hexdigest()
    if stamp.exists() and stamp.read_text() == wanted:
        return
    if not (VENV / "bin" / "python").exists():
        make_environment()
    print(f"Installing {', '.join(files)} into {VENV.name} ...", file=sys.stderr, flush=True)
    command = [str(VENV / "bin" / "python"), "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    lists = [word for name in files for word in ("-r", name)]
    done = subprocess.run([*command, "--require-hashes", *lists], cwd=ROOT, check=False)
    if done.returncode:
        sys.exit("The packages could not be installed; pip says why above.")
    stamp.write_text(wanted)


def make_environment() -> None:
    """Make .venv; as root on Debian or Ubuntu install what is missing for that."""
    command = [sys.executable, "-m", "venv", str(VENV)]
    done = subprocess.run(command, cwd=ROOT, check=False, capture_output=True, text=True)
    if done.returncode == 0:
        return
    shutil.rmtree(VENV, ignore_errors=True)
    if not may_install():
        sys.exit(f"Python's venv is missing. Install the package python3-venv and try again.\n{done.stdout}")
    apt_install(["python3-venv"])
    subprocess.run(command, cwd=ROOT, check=True)


def may_install() -> bool:
    """Say whether packages can be installed here."""
    return os.geteuid() == 0 and shutil.which("apt-get") is not None


def install_system(programs: list[str] | None = None) -> None:
    """Install the Debian packages of the programs that are missing, where that may be done."""
    missing = [SYSTEM[name] for name in programs or SYSTEM if not has(name)]
    if missing and may_install():
        apt_install(missing)
    elif missing:
        print(f"Missing here: {', '.join(missing)}.", file=sys.stderr, flush=True)


def has(program: str) -> bool:
    """Say whether a program (or a font for Chinese) is there."""
    if program == "font":
        return any(Path("/usr/share/fonts").rglob("wqy-microhei*"))
    if program == "pg_ctl":
        return any(Path("/usr/lib/postgresql").glob("*/bin/pg_ctl"))
    return shutil.which(program) is not None


def apt_install(packages: list[str]) -> None:
    """Install Debian packages, saying so."""
    print(f"Installing with apt-get: {', '.join(packages)} ...", file=sys.stderr, flush=True)
    environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
    for command in (
        ["apt-get", "update"],
        ["apt-get", "install", "-y", "--no-install-recommends", *packages],
    ):
        done = subprocess.run(command, check=False, capture_output=True, text=True, env=environment)
        if done.returncode:
            sys.exit(f"{' '.join(command)} failed:\n{done.stdout[-2000:]}{done.stderr[-2000:]}")


def python() -> str:
    """Return the interpreter that has the packages."""
    return sys.executable if os.environ.get("RUN_VENV") == "0" else str(VENV / "bin" / "python")


def run(arguments: list[str], environment: dict[str, str] | None = None) -> int:
    """Run Python with these arguments to its end; returns the exit code."""
    path = {"PATH": f"{Path(python()).parent}{os.pathsep}{os.environ.get('PATH', '')}"}
    return subprocess.run(
        [python(), *arguments], cwd=ROOT, check=False, env={**os.environ, **path, **(environment or {})}
    ).returncode


def fresh_directory(path: Path) -> Path:
    """Return an empty private directory at path: the emulator forgets, so what was read from it goes too."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True, mode=0o700)
    return path


def free_port() -> int:
    """Return a port nobody listens on just now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


class Processes:
    """Child processes that end together."""

    def __init__(self) -> None:
        self.children: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> Processes:
        signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
        return self

    def __exit__(self, *_: object) -> None:
        for number in (signal.SIGTERM, signal.SIGINT):  # a second signal must not leave children behind
            signal.signal(number, signal.SIG_IGN)
        for child in reversed(self.children.values()):
            child.terminate()
        for child in self.children.values():
            with contextlib.suppress(subprocess.TimeoutExpired, KeyboardInterrupt):
                child.wait(30)
            child.kill()

    def start(self, name: str, arguments: list[str], environment: dict[str, str]) -> None:
        """Start Python with these arguments in the background."""
        # A session of its own: an interrupt at the terminal reaches us first; we end the children in order.
        self.children[name] = subprocess.Popen(
            [python(), *arguments], cwd=ROOT, env={**os.environ, **environment}, start_new_session=True
        )

    def serve(self, bind: str, environment: dict[str, str]) -> str:
        """Start the web server and wait until it answers; returns its address."""
        server = ["-m", "gunicorn", "-c", "dashboard/gunicorn.py"]
        self.start("web server", server, {**environment, "BIND": bind})
        self.wait_for(f"http://{bind}/healthz")
        return f"http://{bind}/"

    def finish(self, arguments: list[str], environment: dict[str, str]) -> None:
        """Run Python with these arguments to its end; a failure ends everything."""
        if code := run(arguments, environment):
            sys.exit(code)

    def wait_for(self, address: str) -> None:
        """Wait until the address answers, up to 60 s; a child that ended before ends everything."""
        until = time.monotonic() + 60
        while time.monotonic() < until:
            self._ended()
            with contextlib.suppress(urllib.error.URLError, OSError):
                urllib.request.urlopen(address, timeout=2).close()  # noqa: S310 -- our own address
                return
            time.sleep(0.1)
        sys.exit(f"{address} did not answer within 60 s.")

    def watch(self) -> int:
        """Wait for an interrupt, or for the first child to end."""
        with contextlib.suppress(KeyboardInterrupt):
            while True:
                time.sleep(0.5)
                self._ended()
        return 0

    def _ended(self) -> None:
        for name, child in self.children.items():
            if (code := child.poll()) is not None:
                sys.exit(f"The {name} ended with code {code}; see above.")


if __name__ == "__main__":
    sys.exit(main())
