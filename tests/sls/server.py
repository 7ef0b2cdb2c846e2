"""A scripted server: answers each request with the next script, and keeps what it received."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass
from urllib.parse import parse_qsl, unquote, urlsplit

Script = Callable[[socket.socket], None]


@dataclass
class Received:
    """One request as it came over the wire; header names in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def path(self) -> str:
        return unquote(urlsplit(self.target).path)

    @property
    def params(self) -> dict[str, str]:
        return dict(parse_qsl(urlsplit(self.target).query, keep_blank_values=True))


class Server:
    """Listens on 127.0.0.1; the last script is repeated for further requests."""

    def __init__(self, scripts: Iterable[Script], tls=None) -> None:
        self.scripts = list(scripts)
        self.received: list[Received] = []
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0))
        self._open: list[socket.socket] = []
        self.port = self._listener.getsockname()[1]
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def close(self) -> None:
        with suppress(OSError):
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for connection in self._open:
            connection.close()
        self._thread.join(5)

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            waiting = b""
            while True:
                request, waiting = _receive(connection, waiting)
                self.received.append(request)
                script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
                script(connection)
        except (OSError, EOFError):
            connection.close()


def _receive(connection: socket.socket, data: bytes) -> tuple[Received, bytes]:
    while b"\r\n\r\n" not in data:
        data += _more(connection)
    head, _, rest = data.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines)}
    length = int(headers.get("content-length", "0"))
    while len(rest) < length:
        rest += _more(connection)
    method, target, _ = first.split(" ")
    return Received(method, target, headers, rest[:length]), rest[length:]


def _more(connection: socket.socket) -> bytes:
    data = connection.recv(65536)
    if not data:
        raise EOFError
    return data


def reply(body: object = "", status: int = 200, **headers: str) -> Script:
    """Answer with a JSON body (or bytes as they are) and headers; "_" in a header name stands for "-"."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {
        "x-log-requestid": "5AEEC8DD3F5A1B2C4D5E6F70",
        "Date": "Sun, 06 May 2018 09:14:53 GMT",
        "Content-Type": "application/json",
        "Content-Length": str(len(raw)),
    }
    fields |= {name.replace("_", "-"): value for name, value in headers.items()}
    head = "".join(f"{name}: {value}\r\n" for name, value in fields.items() if value)
    data = f"HTTP/1.1 {status} X\r\n{head}\r\n".encode("latin-1") + raw
    return lambda connection: connection.sendall(data)


def error(status: int, code: str, message: str = "words", **headers: str) -> Script:
    """Answer with an error as SLS writes it."""
    return reply({"errorCode": code, "errorMessage": message}, status, **headers)


def raw(data: bytes) -> Script:
    """Send bytes and close the connection."""

    def script(connection: socket.socket) -> None:
        connection.sendall(data)
        raise EOFError

    return script


def drip(data: bytes, pause: float) -> Script:
    """Send bytes one by one."""

    def script(connection: socket.socket) -> None:
        for byte in data:
            connection.sendall(bytes([byte]))
            time.sleep(pause)

    return script


def silence(seconds: float) -> Script:
    """Say nothing for a while."""

    def script(connection: socket.socket) -> None:
        time.sleep(seconds)
        raise EOFError

    return script


def hang_up(connection: socket.socket) -> None:
    """Close the connection without an answer."""
    raise EOFError
