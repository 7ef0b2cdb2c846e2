"""Connections that check the address they dial, keep a deadline over all, and read only so much."""

from __future__ import annotations

import http.client
import io
import socket
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from .network import Network, addresses_of

SocketAddress = tuple[Any, ...]
Resolved = tuple[socket.AddressFamily, SocketAddress]


@dataclass(frozen=True)
class Limits:
    """Seconds and bytes one call may use; `total` is wall clock over all tries of the call."""

    connect: float = 3.0
    read: float = 10.0
    total: float = 20.0
    header_bytes: int = 32 * 1024
    body_bytes: int = 4 * 1024 * 1024
    raw_bytes: int = 8 * 1024 * 1024


class Budget(threading.local):
    """What is left for the call this thread is making, and whether its request left this machine."""

    deadline: float = float("inf")
    read: float = 10.0
    header_bytes: int = Limits.header_bytes
    body_bytes: int = Limits.body_bytes
    sent: bool = False

    def start(self, limits: Limits, deadline: float) -> None:
        """Begin a try that must end at `deadline` (monotonic seconds)."""
        self.deadline = deadline
        self.read = limits.read
        self.header_bytes = limits.header_bytes
        self.body_bytes = limits.body_bytes
        self.sent = False

    def left(self) -> float:
        """Return the seconds left, at most the time of one read; raise TimeoutError after the deadline."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the time for the whole call is used up")
        return min(self.read, left)


BUDGET = Budget()


class AnswerTooLarge(Exception):  # noqa: N818
    """More bytes came than this client reads."""


class GuardedReader(io.RawIOBase):
    """Reads a socket under the deadline of the call and up to a number of bytes."""

    def __init__(self, sock: socket.socket) -> None:
        self._sock = sock
        self._raw: io.RawIOBase = sock.makefile("rb", buffering=0)
        self.seen = 0
        self.ended = False
        self.limit = BUDGET.header_bytes

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(BUDGET.left())
        count: int | None = self._raw.readinto(buffer)
        self.seen += count or 0
        self.ended = count == 0
        if self.seen > self.limit:
            raise AnswerTooLarge
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Readable:
    """Gives the standard library's response a guarded file in place of the socket's own."""

    def __init__(self, sock: socket.socket) -> None:
        self.reader = GuardedReader(sock)

    def makefile(self, _mode: str) -> io.BufferedReader:
        return io.BufferedReader(self.reader)


class GuardedResponse(http.client.HTTPResponse):
    """A response whose headers and body have a largest size."""

    def __init__(self, sock: socket.socket, debuglevel: int = 0, method: str | None = None) -> None:
        readable = _Readable(sock)
        self._reader = readable.reader
        super().__init__(readable, debuglevel, method)  # type: ignore[arg-type]

    def begin(self) -> None:
        super().begin()
        if self._reader.ended:  # the standard library takes an end within the headers for their end
            raise http.client.IncompleteRead(b"")
        if self.length is not None and self.length > BUDGET.body_bytes:
            raise AnswerTooLarge
        self._reader.limit = self._reader.seen + BUDGET.body_bytes


class _Guarded(HTTPConnection):
    """What both kinds of connection share."""

    network: Network
    response_class = GuardedResponse

    def _new_conn(self) -> socket.socket:
        until = min(time.monotonic() + float(self.timeout or BUDGET.left()), BUDGET.deadline)
        found = self._look_up(until)
        self.network.check_addresses(self.host, addresses_of(str(address[0]) for _, address in found))
        problem = OSError("the name has no address")
        for family, address in found:
            try:
                sock = self._dial(family, address, until)
            except OSError as error:
                problem = error
            else:
                sys.audit("http.client.connect", self, self.host, self.port)
                return sock
        if isinstance(problem, TimeoutError):
            raise ConnectTimeoutError(self, f"no connection to {self.host} in time") from problem
        raise NewConnectionError(self, str(problem)) from problem

    def _look_up(self, until: float) -> list[Resolved]:
        try:
            return look_up(self.host.strip("[]"), self.port or self.default_port, until - time.monotonic())
        except TimeoutError as error:
            raise ConnectTimeoutError(self, f"the name {self.host} was not resolved in time") from error
        except (socket.gaierror, UnicodeError) as error:
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error

    def _dial(self, family: socket.AddressFamily, address: SocketAddress, until: float) -> socket.socket:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        sock = socket.socket(family, socket.SOCK_STREAM)
        try:
            for option in self.socket_options or ():
                sock.setsockopt(*option)
            sock.settimeout(left)
            sock.connect(address)
        except OSError:
            sock.close()
            raise
        return sock

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        BUDGET.sent = True
        super().send(data)


class GuardedHTTPConnection(_Guarded):
    """http:// under guard."""


class GuardedHTTPSConnection(_Guarded, HTTPSConnection):
    """https:// under guard; the certificate is checked against the name, not the address dialled."""


class _PoolOfGuarded(HTTPConnectionPool):
    def __init__(self, *args: Any, network: Network, **options: Any) -> None:
        super().__init__(*args, **options)
        self.network = network

    def _new_conn(self) -> Any:
        connection: Any = super()._new_conn()
        connection.network = self.network
        return connection


class GuardedHTTPPool(_PoolOfGuarded):
    """Keeps connections of http://."""

    ConnectionCls = GuardedHTTPConnection


class GuardedHTTPSPool(_PoolOfGuarded, HTTPSConnectionPool):
    """Keeps connections of https://."""

    ConnectionCls = GuardedHTTPSConnection


def look_up(name: str, port: int, seconds: float) -> list[Resolved]:
    """Return all addresses of a name once; raise TimeoutError when the look-up takes too long."""
    results: list[list[Resolved]] = []
    errors: list[Exception] = []

    def ask() -> None:
        try:
            found = socket.getaddrinfo(name, port, type=socket.SOCK_STREAM)
            results.append([(family, address) for family, _, _, _, address in found])
        except (OSError, UnicodeError) as error:
            errors.append(error)

    _within(ask, seconds)
    if errors:
        raise errors[0]
    if not results:
        raise TimeoutError
    return results[0]


def _within(task: Callable[[], None], seconds: float) -> None:
    thread = threading.Thread(target=task, daemon=True, name="sls-look-up")
    thread.start()
    thread.join(max(seconds, 0))
