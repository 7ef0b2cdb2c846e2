"""Keys that do not print themselves."""

from __future__ import annotations

import hmac
from dataclasses import dataclass, field
from typing import NoReturn


class Secret:
    """A text that is shown as *** everywhere, cannot be pickled or copied, and compares in constant time."""

    __slots__ = ("_value",)
    __hash__ = None  # type: ignore[assignment]

    def __init__(self, value: str) -> None:
        self._value = value

    def reveal(self) -> str:
        """Return the text; call this only where it is used, never to keep or log it."""
        return self._value

    def __repr__(self) -> str:
        return "***"

    def __format__(self, spec: str) -> str:
        return "***"

    def __bool__(self) -> bool:
        return bool(self._value)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __reduce_ex__(self, protocol: object) -> NoReturn:
        raise TypeError("a secret is not pickled or copied")


@dataclass(frozen=True)
class Credentials:
    """An access key, with the security token of a temporary one."""

    access_key_id: str
    secret: Secret = field(hash=False)
    security_token: Secret | None = field(default=None, hash=False)

    def hide(self, words: str) -> str:
        """Return words with *** in place of the secrets."""
        for secret in (self.secret, self.security_token):
            if secret:
                words = words.replace(secret.reveal(), "***")
        return words
