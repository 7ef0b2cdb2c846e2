"""The server: from bytes to an operation and back, with faults, delays and counters on the way."""

import asyncio
import json
import random
import time
from collections.abc import Callable
from email.utils import formatdate

from emulator import control, operations
from emulator.calls import Answer, Call
from emulator.errors import ServiceError
from emulator.faults import DROP, Fault, Faults, Stats
from emulator.http import Connection, Request, answer
from emulator.routes import Route, ram_action, resource, route
from emulator.signing import Gate
from emulator.world import World

TICK_SECONDS = 1.0
Headers = list[tuple[str, str]]


class Server:
    """Answer API calls and control calls about one world."""

    def __init__(self, world: World, *, gate: Gate | None = None) -> None:
        self.world = world
        self.gate = gate
        self.faults = Faults()
        self.stats = Stats()
        self.port = 0
        self._dated = (0, "")
        self._open: set[Connection] = set()
        self._listener: asyncio.Server | None = None
        self._ticking: asyncio.TimerHandle | None = None

    async def start(self, host: str, port: int) -> None:
        """Listen, and let the world live on; port 0 picks a free one."""
        loop = asyncio.get_running_loop()
        self._listener = await loop.create_server(
            lambda: Connection(self.serve, self._watch), host, port, backlog=1024
        )
        self.port = self._listener.sockets[0].getsockname()[1]
        self._tick()

    async def close(self) -> None:
        """Stop at once: no more connections, and the open ones are cut."""
        if self._listener is not None:
            loop = asyncio.get_running_loop()
            for listening in self._listener.sockets:  # one accepted in this very turn still has to be made
                loop.remove_reader(listening.fileno())
            await asyncio.sleep(0)
            self._listener.close()
        if self._ticking is not None:
            self._ticking.cancel()
        # A connection accepted a moment ago reaches us only some turns of the loop later.
        for _ in range(5):
            for connection in list(self._open):
                connection.drop()
            await asyncio.sleep(0)

    def serve(self, connection: Connection, request: Request) -> None:
        if request.path.startswith("/_emulator/"):
            connection.send(control.handle(self, request), close=not request.keeps_alive)
            return
        self.stats.arrive()
        try:
            where = route(request)
        except ServiceError as error:
            self._reply(
                connection, request, Route("Unknown", None), self._refusal(error, _request_id()), error.status
            )
            return
        self._serve_call(connection, request, where)

    def _serve_call(self, connection: Connection, request: Request, where: Route) -> None:
        request_id = _request_id()
        fault = self.faults.strike(where.operation, where.project)
        if fault is not None and not fault.after_effect:
            self._fail(connection, request, where, fault, request_id)
            return
        try:
            status, payload = 200, self._success(self._answer(request, where, request_id), request_id)
        except ServiceError as error:
            status, payload = error.status, self._refusal(error, request_id)
        if fault is not None:
            self._fail(connection, request, where, fault, request_id)
            return
        self._reply(connection, request, where, payload, status)

    def _answer(self, request: Request, where: Route, request_id: str) -> Answer:
        params, headers, body = request.params, request.headers, request.body
        if self.gate is not None:
            now = time.time() + self.world.skew_seconds
            self.gate.check(request.method, request.path, params, headers, body, now)
        call = Call(
            self.world, self.world.now(), where.project or "", where.names, params, headers, body, request_id
        )
        result = operations.run(where.operation, call)
        self._count_bodies(where.operation, headers, result)
        return result

    def _fail(
        self, connection: Connection, request: Request, where: Route, fault: Fault, request_id: str
    ) -> None:
        if fault.status != DROP:
            self._reply(connection, request, where, self._broken(fault, where, request_id), fault.status)
        else:
            self._settle(where, DROP, connection.drop)

    def _reply(
        self, connection: Connection, request: Request, where: Route, payload: bytes, status: int
    ) -> None:
        self._settle(where, status, lambda: connection.send(payload, close=not request.keeps_alive))

    def _settle(self, where: Route, status: int, finish: Callable[[], None]) -> None:
        """Count and finish a call, now or after its delay."""

        def settle() -> None:
            self.stats.leave()
            self.stats.count(where.operation, where.project, status)
            finish()

        delay = self.faults.delay_seconds(where.operation, where.project)
        if delay > 0:
            asyncio.get_running_loop().call_later(delay, settle)
        else:
            settle()

    def _count_bodies(self, operation: str, headers: dict[str, str], result: Answer) -> None:
        if operation == "PutLogs":
            self.stats.bodies["in:" + (headers.get("x-log-compresstype") or "plain")] += 1
        elif operation == "PullLogs" and result.body:
            self.stats.bodies["out:" + (dict(result.headers).get("x-log-compresstype") or "plain")] += 1

    def _success(self, result: Answer, request_id: str) -> bytes:
        head = [*self._common(request_id), ("content-type", result.content_type), *result.headers]
        return answer(200, result.body, head)

    def _refusal(self, error: ServiceError, request_id: str) -> bytes:
        body = json.dumps({"errorCode": error.code, "errorMessage": error.message}).encode()
        return answer(error.status, body, [*self._common(request_id), ("content-type", "application/json")])

    def _broken(self, fault: Fault, where: Route, request_id: str) -> bytes:
        message = fault.message.replace("{action}", ram_action(where.operation))
        message = message.replace("{resource}", resource(where, self.world.region))
        body = fault.body
        if body is None:
            body = json.dumps({"errorCode": fault.code, "errorMessage": message})
        extra = {"content-type": "application/json"} | {
            name.lower(): text for name, text in fault.headers.items()
        }
        return answer(fault.status, body.encode(), [*self._common(request_id), *extra.items()])

    def _common(self, request_id: str) -> Headers:
        return [("server", "nginx"), ("date", self._date()), ("x-log-requestid", request_id)]

    def _date(self) -> str:
        second = int(self.world.now() + self.world.skew_seconds)
        if self._dated[0] != second:
            self._dated = (second, formatdate(second, usegmt=True))
        return self._dated[1]

    def _watch(self, connection: Connection, *, is_open: bool) -> None:
        (self._open.add if is_open else self._open.discard)(connection)
        self.stats.connections = len(self._open)

    def _tick(self) -> None:
        self.world.tick()
        self._ticking = asyncio.get_running_loop().call_later(TICK_SECONDS, self._tick)


def _request_id() -> str:
    return f"{random.getrandbits(96):024X}"
