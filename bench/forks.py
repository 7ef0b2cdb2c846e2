"""Child processes made by fork: quick, because everything is loaded already."""

from __future__ import annotations

import json
import os
import signal
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

Say = Callable[[object], None]
PATIENCE = 60


@dataclass(frozen=True)
class Ended:
    """What a child process said before it ended, and the signal that ended it, 0 when none did."""

    said: list[Any]
    signal: int

    @property
    def result(self) -> Any:
        """The last thing the child said; raises RuntimeError when it failed or said nothing."""
        last = self.said[-1] if self.said else {"error": f"ended by signal {self.signal}"}
        if isinstance(last, dict) and "error" in last:
            raise RuntimeError(last["error"])
        return last


def in_child(work: Callable[[Say], object]) -> Ended:
    """Run work in a fork of this process, which must have neither threads nor a connection to the database.

    What it says has to be JSON; it is ended after PATIENCE seconds.
    """
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        signal.alarm(PATIENCE)

        def say(words: object) -> None:
            os.write(writer, json.dumps(words).encode() + b"\n")

        try:
            work(say)
        except BaseException as error:  # noqa: BLE001 - the child ends here whatever happened
            traceback.print_exc()
            say({"error": repr(error)})
        os._exit(0)
    os.close(writer)
    with os.fdopen(reader, encoding="utf-8") as lines:
        said = [json.loads(line) for line in lines]
    return Ended(said, os.WTERMSIG(os.waitpid(child, 0)[1]))
