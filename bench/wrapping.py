"""Puts something around a function of the product, in this process only, without a hook in the product."""

from __future__ import annotations

import importlib
from collections.abc import Callable
from functools import wraps
from typing import Any

SERVICES = "checkpoints.services."


def wrap(function: str, around: Callable[..., Any]) -> None:
    """Put a call of around(real, ...) in the place of a function.

    It is named `module.name` in the services, or in full after "="; it is found by those who look it up by
    that name when they call it.
    """
    owner, name = _place(function)
    real = getattr(owner, name)

    @wraps(real)
    def wrapped(*words: Any, **named: Any) -> Any:
        return around(real, *words, **named)

    setattr(owner, name, wrapped)


def _place(function: str) -> tuple[Any, str]:
    """Return what holds a function, and its name there."""
    path = function[1:] if function.startswith("=") else SERVICES + function
    *parts, name = path.split(".")
    for end in range(len(parts), 0, -1):
        try:
            owner = importlib.import_module(".".join(parts[:end]))
        except ModuleNotFoundError:
            continue
        for part in parts[end:]:
            owner = getattr(owner, part)
        return owner, name
    raise ModuleNotFoundError(path)
