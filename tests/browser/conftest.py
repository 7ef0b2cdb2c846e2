"""The product as a newcomer starts it, an emulator beside it, and Debian's Chromium in front."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from emulator.testing import running
from tests.conftest import KEYS, ROLES

ROOT = Path(__file__).resolve().parent.parent.parent
PASSWORD = "a long enough pass phrase"
FLAGS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


class Product:
    """A served product: its address, and its commands on the same data."""

    def __init__(self, port: int, environment: dict[str, str]) -> None:
        self.address = f"http://127.0.0.1:{port}"
        self.environment = environment

    def command(self, *words: str) -> subprocess.CompletedProcess[str]:
        """Run a management command beside the server."""
        return subprocess.run(
            [sys.executable, "manage.py", *words],
            cwd=ROOT,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )


@contextmanager
def serving(emulator: Any, folder: Path) -> Iterator[Product]:
    """Serve the product with gunicorn for the emulator, one user per role, until the block ends."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    environment = {
        **os.environ,
        "DATA_DIR": str(folder),
        "BIND": f"127.0.0.1:{port}",
        "SLS_ALLOWED_HOSTS": "127.0.0.1",
        "SLS_ALLOW_HTTP": "1",
        "COLLECT_INTERVAL": "5",
        "SLS_ACCESS_KEY_SECRET": KEYS[1],
        "USER_PASSWORD": PASSWORD,
    }
    environment.pop("DJANGO_SETTINGS_MODULE", None)
    prepare = ["prepare", "--quiet", "--users", *ROLES, "--endpoint", f"test=http://{emulator.host}"]
    done = subprocess.run(
        [sys.executable, "manage.py", *prepare, "--access-key-id", KEYS[0]],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    server = [sys.executable, "-m", "gunicorn", "-c", "dashboard/gunicorn.py"]
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(server, cwd=ROOT, env=environment, stdout=log, stderr=log)
        try:
            wait_until(lambda: answers(f"http://127.0.0.1:{port}/healthz"), "the server answers")
            yield Product(port, environment)
        finally:
            process.terminate()
            process.wait(40)


def answers(address: str) -> bool:
    """Say whether the address answers with success."""
    try:
        with urllib.request.urlopen(address, timeout=2):  # noqa: S310
            return True
    except OSError:
        return False


def wait_until(claim: Callable[[], Any], what: str, seconds: float = 40) -> None:
    """Wait until a claim about other processes holds; fails with its words."""
    deadline = time.monotonic() + seconds
    while not claim():
        if time.monotonic() > deadline:
            pytest.fail(f"not within {seconds} s: {what}")
        time.sleep(0.1)


@pytest.fixture
def world() -> Iterator[Any]:
    """An emulator with 4 shards of 20 log groups written over the last hour, and nobody consuming."""
    with running(projects=1, logstores=1, shards=4, groups=1, prefill=20, span=3600, keys=KEYS) as emulator:
        yield emulator


@pytest.fixture
def product(world: Any, tmp_path: Path) -> Iterator[Product]:
    with serving(world, tmp_path / "data") as served:
        yield served


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    if shutil.which("chromium") is None:
        pytest.skip("Chromium is not installed (apt-get install chromium)")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=shutil.which("chromium"), args=FLAGS)
        yield chromium
        chromium.close()


@pytest.fixture
def page(browser: Any) -> Iterator[Any]:
    """A page that fails the test when a script fails or the content security policy refuses something."""
    context = browser.new_context(viewport={"width": 1440, "height": 1000}, locale="en-US")
    opened = context.new_page()
    complaints: list[str] = []
    opened.on("pageerror", lambda error: complaints.append(str(error)))
    opened.on(
        "console",
        lambda message: (
            complaints.append(message.text) if "Content Security Policy" in message.text else None
        ),
    )
    yield opened
    context.close()
    assert complaints == []


def sign_in(page: Any, product: Product, role: str = "operator") -> None:
    """Sign in through the page."""
    page.goto(f"{product.address}/login/")
    page.fill("input[name=username]", role)
    page.fill("input[name=password]", PASSWORD)
    page.click("main form button.primary")
    page.wait_for_url(f"{product.address}/")
