"""Calls as a plain HTTP client makes them, for the tests of this folder."""

import http.client
import json
from typing import Any

from emulator.testing import Emulator

STORE = "/logstores/store"
GROUP = f"{STORE}/consumergroups/cg-0"
SHARD = f"{STORE}/shards/0"


class Reply:
    """Status, headers by lower-case name, and body of one answer."""

    def __init__(self, response: http.client.HTTPResponse) -> None:
        self.status = response.status
        self.names = [name for name, _ in response.getheaders()]
        self.headers = {name.lower(): value for name, value in response.getheaders()}
        self.body = response.read()

    @property
    def json(self) -> Any:
        return json.loads(self.body)


def call(
    emu: Emulator,
    method: str,
    path: str,
    body: bytes | None = None,
    *,
    host: str = "proj.127.0.0.1",
    headers: dict[str, str] | None = None,
) -> Reply:
    connection = http.client.HTTPConnection("127.0.0.1", emu.port, timeout=10)
    try:
        connection.request(method, path, body, {"Host": host, **(headers or {})})
        return Reply(connection.getresponse())
    finally:
        connection.close()
