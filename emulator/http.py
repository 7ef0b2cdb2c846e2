"""Just enough HTTP/1.1 for API clients: keep-alive, bodies by Content-Length, one answer at a time."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import unquote_plus

BIGGEST_HEAD = 64 * 1024
BIGGEST_BODY = 64 * 1024 * 1024
REASONS = {
    200: "OK",
    400: "Bad Request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    411: "Length Required",
    413: "Payload Too Large",
    429: "Too Many Requests",
    500: "Internal Server Error",
    502: "Bad Gateway",
    503: "Service Unavailable",
}


@dataclass(slots=True)
class Request:
    """A request as received: path not decoded, parameters decoded, header names in lower case."""

    method: str
    path: str
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes
    target_host: str = ""

    @property
    def keeps_alive(self) -> bool:
        return "close" not in self.headers.get("connection", "").lower()


class Watch(Protocol):
    """Is told when a connection opens and closes."""

    def __call__(self, connection: "Connection", *, is_open: bool) -> None: ...


class BadRequestError(Exception):
    """Bytes that are no acceptable HTTP request; status tells which refusal."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status


class Connection(asyncio.Protocol):
    """Cut a byte stream into requests and hand them to `serve` one by one."""

    def __init__(self, serve: "Callable[[Connection, Request], None]", watch: "Watch") -> None:
        self.serve = serve
        self.watch = watch
        self.buffer = b""
        self.busy = False
        self.draining = False
        self.asked_to_continue = False
        self.transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)  # noqa: S101
        self.transport = transport
        self.watch(self, is_open=True)

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002
        self.transport = None
        self.watch(self, is_open=False)

    def data_received(self, data: bytes) -> None:
        self.buffer += data
        self.drain()

    def drain(self) -> None:
        """Serve what has arrived completely, unless an answer is still owed."""
        self.draining = True
        try:
            while not self.busy and self.buffer and self.transport is not None and self._serve_next():
                pass
        except BadRequestError as error:
            self.send(answer(error.status, str(error).encode(), [("connection", "close")]), close=True)
        finally:
            self.draining = False

    def send(self, payload: bytes, *, close: bool) -> None:
        """Write the owed answer, then go on with what has arrived meanwhile."""
        self.busy = False
        if self.transport is None:
            return
        self.transport.write(payload)
        if close:
            self.buffer = b""
            self.transport.close()
        elif self.buffer and not self.draining:
            self.drain()

    def drop(self) -> None:
        """Reset the connection without an answer."""
        self.busy = False
        if self.transport is not None:
            self.transport.abort()

    def _serve_next(self) -> bool:
        request = self._next_request()
        if request is None:
            return False
        self.busy = True
        self.serve(self, request)
        return True

    def _next_request(self) -> Request | None:
        head_end = self.buffer.find(b"\r\n\r\n")
        if head_end < 0:
            if len(self.buffer) > BIGGEST_HEAD:
                raise BadRequestError(400, "the head is too long")
            return None
        request, size = parse_head(self.buffer[:head_end])
        body_start = head_end + 4
        if len(self.buffer) < body_start + size:
            self._continue(request)
            return None
        request.body = self.buffer[body_start : body_start + size]
        self.buffer = self.buffer[body_start + size :]
        self.asked_to_continue = False
        return request

    def _continue(self, request: Request) -> None:
        if not self.asked_to_continue and request.headers.get("expect", "").lower() == "100-continue":
            self.asked_to_continue = True
            if self.transport is not None:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")


def parse_head(head: bytes) -> tuple[Request, int]:
    """Return the request without its body, and the body's size; raise BadRequestError."""
    first, *lines = head.decode("utf-8", "replace").split("\r\n")
    words = first.split(" ")
    if len(words) != 3 or not words[2].startswith("HTTP/1."):
        raise BadRequestError(400, "not an HTTP/1.1 request")
    headers: dict[str, str] = {}
    for line in lines:
        name, _, value = line.partition(":")
        headers[name.lower()] = value.strip()
    method, target, _ = words
    target_host, path_and_query = split_target(target)
    path, _, query = path_and_query.partition("?")
    return Request(method, path, parse_query(query), headers, b"", target_host), _body_size(method, headers)


def split_target(target: str) -> tuple[str, str]:
    """Return host and path of an absolute-form target, or an empty host."""
    for scheme in ("http://", "https://"):
        if target.startswith(scheme):
            host, slash, rest = target.removeprefix(scheme).partition("/")
            return host, slash + rest or "/"
    return "", target


def parse_query(query: str) -> dict[str, str]:
    params: dict[str, str] = {}
    for part in query.split("&") if query else ():
        key, _, value = part.partition("=")
        params[unquote_plus(key)] = unquote_plus(value)
    return params


def answer(status: int, body: bytes, headers: list[tuple[str, str]]) -> bytes:
    head = "".join(f"{name}: {value}\r\n" for name, value in headers)
    reason = REASONS.get(status, "Unknown")
    return f"HTTP/1.1 {status} {reason}\r\n{head}content-length: {len(body)}\r\n\r\n".encode() + body


def _body_size(method: str, headers: dict[str, str]) -> int:
    if "transfer-encoding" in headers:
        raise BadRequestError(411, "Content-Length is needed")
    text = headers.get("content-length")
    if text is None:
        if method in {"POST", "PUT"}:
            raise BadRequestError(411, "Content-Length is needed")
        return 0
    if not text.isascii() or not text.isdigit():
        raise BadRequestError(400, "Content-Length is wrong")
    if len(text) > 9 or int(text) > BIGGEST_BODY:
        raise BadRequestError(413, "the body is too long")
    return int(text)
