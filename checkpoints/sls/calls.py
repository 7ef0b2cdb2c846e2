"""A call: sign, send, read, and for reads try again within the time of the whole call."""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from typing import Generic, Protocol, TypeVar
from urllib.parse import quote

from .connections import BUDGET, Limits
from .errors import ArgumentRefused, BadAnswer, SLSError, Throttled, Timeout
from .faults import fault, plain
from .model import Answer
from .parsing import Unreadable
from .signing import Signer, Unsigned, encode_value
from .transport import Reply, Transport

T = TypeVar("T")
Observer = Callable[[str, str, float], None]

TRIES = 3
LONGEST_WAIT = 30.0
PROJECT = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,62}", re.ASCII)
SEGMENT = re.compile(r"[^/\\?#\x00-\x20\x7f]{1,128}")
USER_AGENT = "sls-checkpoints/0.1"


class Throttle(Protocol):
    """Decides when a call may go out; asked before each try, told when the service says "too many"."""

    def wait(self) -> float:
        """Return the seconds until this try may go out, and count it."""

    def refused(self) -> None:
        """Hear that the service throttled a call."""


@dataclass(frozen=True, slots=True)
class Call(Generic[T]):
    """One operation on its way; `read` turns a 200 reply into the value."""

    operation: str
    read: Callable[[Reply], T]
    project: str = ""
    path: str = "/"
    params: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""

    @property
    def method(self) -> str:
        """Return POST for the one write, GET for all reads."""
        return "POST" if self.body else "GET"

    @property
    def write(self) -> bool:
        """Tell whether this changes something; writes are never tried twice."""
        return bool(self.body)


@dataclass(frozen=True)
class Caller:
    """Makes calls to one endpoint."""

    transport: Transport
    signer: Signer
    limits: Limits
    hide: Callable[[str], str]
    observe: Observer | None
    throttle: Throttle | None
    clock: Callable[[], float]
    sleep: Callable[[float], None]
    random: Callable[[], float]

    def make(self, call: Call[T]) -> Answer[T]:
        """Return the answer, or raise SLSError with the operation filled in."""
        deadline = time.monotonic() + self.limits.total
        tries = 1 if call.write else TRIES
        for number in range(1, tries):
            try:
                return self._try(call, deadline)
            except SLSError as error:
                wait = self._wait(error, number)
                if not error.retryable or wait > deadline - time.monotonic():
                    raise
            self.sleep(wait)
        return self._try(call, deadline)

    def _wait(self, error: SLSError, number: int) -> float:
        asked = error.retry_after if isinstance(error, Throttled) else None
        if asked is not None:
            return asked if asked <= LONGEST_WAIT else float("inf")
        return 0.2 + self.random() * (0.8 if number == 1 else 1.8)

    def _try(self, call: Call[T], deadline: float) -> Answer[T]:
        self._wait_for_turn(call, deadline)
        started = time.monotonic()
        label = "OK"
        try:
            return self._exchange(call, deadline)
        except SLSError as error:
            error.operation = call.operation
            label = error.label
            if self.throttle and isinstance(error, Throttled):
                self.throttle.refused()
            raise
        finally:
            if self.observe:
                self.observe(call.operation, label, time.monotonic() - started)

    def _wait_for_turn(self, call: Call[T], deadline: float) -> None:
        seconds = self.throttle.wait() if self.throttle else 0.0
        if seconds > deadline - time.monotonic():
            words = "Too many calls wait for their turn at this endpoint; nothing was sent"
            raise Timeout(words, operation=call.operation)
        if seconds > 0:
            self.sleep(seconds)

    def _exchange(self, call: Call[T], deadline: float) -> Answer[T]:
        try:
            headers = self.signer.sign(self._unsigned(call), self.clock())
            target = _target(call)
        except UnicodeEncodeError:
            raise ArgumentRefused("A text holds half a character and cannot be sent") from None
        try:
            reply = self.transport.send(call.method, call.project, target, headers, call.body, deadline)
        except SLSError as error:
            error.outcome_unknown = call.write and BUDGET.sent
            raise
        request_id = plain(reply.headers.get("x-log-requestid", ""), 64)
        try:
            value = self._value(call, reply)
        except SLSError as error:
            error.request_id = request_id
            error.server_time = server_date(reply.headers.get("date", ""))
            error.message = self.hide(error.message)
            error.args = (error.message,)
            raise
        return Answer(value, request_id, self._server_time(reply))

    def _unsigned(self, call: Call[T]) -> Unsigned:
        headers = {
            "Host": self.transport.host_header(call.project),
            "User-Agent": USER_AGENT,
            "x-log-apiversion": "0.6.0",
            **call.headers,
        }
        if not call.body:
            headers["x-log-bodyrawsize"] = "0"
        return Unsigned(call.method, call.path, call.params, headers, call.body)

    def _value(self, call: Call[T], reply: Reply) -> T:
        if reply.status != 200:
            raise fault(reply.status, reply.headers, reply.body, write=call.write)
        if reply.headers.get("content-encoding", "identity").strip().lower() not in {"", "identity", "lz4"}:
            raise BadAnswer(
                "The answer is packed in a way that was not asked for", outcome_unknown=call.write
            )
        try:
            return call.read(reply)
        except Unreadable as error:
            raise BadAnswer(f"The answer cannot be read: {error}") from None

    def _server_time(self, reply: Reply) -> datetime:
        return server_date(reply.headers.get("date", "")) or datetime.fromtimestamp(self.clock(), UTC)


@lru_cache(maxsize=64)
def server_date(text: str) -> datetime | None:
    """Return the time of a Date header in UTC, or None."""
    try:
        when = parsedate_to_datetime(text)
        return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)
    except (ValueError, OverflowError):
        return None


def project_name(name: str) -> str:
    """Return the name if it can be the first label of a host name; raise ArgumentRefused otherwise."""
    if not PROJECT.fullmatch(name):
        raise ArgumentRefused("A project name has letters, digits and hyphens, at most 63")
    return name


def segment(name: str, what: str) -> str:
    """Return a name that is one segment of a path; raise ArgumentRefused otherwise."""
    if not SEGMENT.fullmatch(name) or name in {".", ".."} or not name.isprintable():
        raise ArgumentRefused(f"A {what} name has 1 to 128 characters, none of them a blank or a slash")
    return name


def _target(call: Call[T]) -> str:
    path = quote(call.path, safe="/~")
    if not call.params:
        return path
    return path + "?" + "&".join(f"{key}={encode_value(value)}" for key, value in call.params.items())
