"""What can go wrong in a call to SLS: one small tree, every error with words a person can read."""
# ruff: noqa: N818 - the names say what happened; a suffix "Error" would not say more

from __future__ import annotations

from datetime import datetime
from typing import ClassVar


class SLSError(Exception):
    """The root of all errors of this package.

    `retryable` says whether the same read may be tried again; `outcome_unknown` is true only for a write
    that may have been carried out although no readable answer came.
    """

    retryable: ClassVar[bool] = False

    def __init__(
        self, message: str, *, operation: str = "", request_id: str = "", outcome_unknown: bool = False
    ) -> None:
        super().__init__(message)
        self.message = message
        self.operation = operation
        self.request_id = request_id
        self.server_time: datetime | None = None  # the clock of the service, when it answered
        self.outcome_unknown = outcome_unknown

    @property
    def label(self) -> str:
        """Return one short word for counters: the class name, or the code of the service."""
        return type(self).__name__


class ArgumentRefused(SLSError):
    """An argument that can never make a valid request; nothing was sent."""


class HostRefused(SLSError):
    """A host or an address that this installation must not call; nothing was sent."""


class WriteRefused(SLSError):
    """A write through a client that is read-only; nothing was sent."""


class ConnectionFailed(SLSError):
    """No answer came."""

    retryable = True


class Timeout(ConnectionFailed):
    """No answer came in time."""


class BadAnswer(SLSError):
    """An answer came that cannot be read."""


class ApiError(SLSError):
    """The service answered with an error (docs/sls-protocol.md, section Errors).

    `code` has one spelling per meaning ("ShardNotExist"); `raw_code` is the spelling received.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int,
        code: str,
        raw_code: str = "",
        operation: str = "",
        request_id: str = "",
        outcome_unknown: bool = False,
    ) -> None:
        super().__init__(message, operation=operation, request_id=request_id, outcome_unknown=outcome_unknown)
        self.status = status
        self.code = code
        self.raw_code = raw_code or code

    @property
    def label(self) -> str:
        """Return the code of the service, or the class name when there is none."""
        return self.code or type(self).__name__

    @property
    def is_invalid_cursor(self) -> bool:
        """Tell whether the position lies outside the range the shard still holds."""
        return self.code == "InvalidCursor"

    @property
    def is_clock_skew(self) -> bool:
        """Tell whether the service found our clock more than 15 minutes off."""
        return self.code in {"RequestTimeTooSkewed", "RequestTimeExpired"}


class Unauthenticated(ApiError):
    """The service does not accept the key, the signature or the security token."""


class Forbidden(ApiError):
    """The key is known but may not do this."""


class NotFound(ApiError):
    """The project, Logstore, shard, consumer group or consumer does not exist."""


class Throttled(ApiError):
    """A quota is used up; `retry_after` is the wait the service asked for in seconds, or None."""

    retryable = True
    retry_after: float | None = None


class ServerFault(ApiError):
    """The service failed; a write may have been carried out."""

    retryable = True
