"""Emulators without keys: one shared by tests that only read, one for each test that changes something."""

from collections.abc import Iterator

import pytest

from emulator.testing import Emulator, running


@pytest.fixture(scope="module")
def shared() -> Iterator[Emulator]:
    with running(keys=None) as emulator:
        yield emulator


@pytest.fixture
def emu() -> Iterator[Emulator]:
    with running(keys=None) as emulator:
        yield emulator
