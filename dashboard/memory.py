"""How the garbage collector is set in processes that stay: the web server, the workers."""

from __future__ import annotations

import gc


def settle() -> None:
    """Let it leave alone what is loaded by now and is never garbage, and look ten times less often.

    Looking through all of it again and again costs a tenth of a page, and half as much of a reading.
    """
    gc.freeze()
    gc.set_threshold(10_000, 10, 10)
