"""The operations of SLS in use, one method each (docs/sls-protocol.md, section Operations)."""

from __future__ import annotations

import json
import random as randomness
import time
from collections.abc import Callable
from datetime import datetime
from types import TracebackType
from typing import Literal, Self, TypeVar

from . import parsing
from .calls import Call, Caller, Observer, Throttle, project_name, segment
from .connections import Limits
from .credentials import Credentials
from .errors import ArgumentRefused, BadAnswer, WriteRefused
from .loggroups import read_pull
from .model import Answer, Checkpoint, ConsumerGroup, Logstore, Page, Project, Pulled, Shard
from .network import Network
from .signing import signer_of
from .transport import Reply, Transport

T = TypeVar("T")

PAGE_SIZE = 500
MOST_PAGES = 20
JSON_TYPE = {"Content-Type": "application/json"}
PULL_HEADERS = {"Accept": "application/x-protobuf", "Accept-Encoding": "lz4"}


class Client:
    """Calls one endpoint of SLS; safe to share between threads.

    `host` is the endpoint ("cn-hangzhou.log.aliyuncs.com", "127.0.0.1:8089"); an address or localhost is
    dialled as it is and the project goes into the Host header. Reads are tried up to three times within
    20 seconds, the write once. Raises HostRefused for a host outside `network`, ArgumentRefused for a v4
    signature without a region. `observe` is told operation, code ("OK" for success) and seconds of each try;
    `throttle` says when each try may go out.
    """

    def __init__(  # noqa: PLR0913 - keyword-only settings of one connection
        self,
        *,
        host: str,
        credentials: Credentials,
        scheme: str = "https",
        region: str = "",
        signature: Literal["v1", "v4"] = "v4",
        network: Network = Network(),  # noqa: B008 - frozen
        threads: int = 32,
        read_only: bool = False,
        observe: Observer | None = None,
        throttle: Throttle | None = None,
        limits: Limits = Limits(),  # noqa: B008 - frozen
        clock: Callable[[], float] = time.time,
        sleep: Callable[[float], None] = time.sleep,
        random: Callable[[], float] = randomness.random,
    ) -> None:
        self._read_only = read_only
        self._limits = limits
        self._transport = Transport(scheme, host, network, threads, limits)
        self._caller = Caller(
            transport=self._transport,
            signer=signer_of(signature, credentials, region),
            limits=limits,
            hide=credentials.hide,
            observe=observe,
            throttle=throttle,
            clock=clock,
            sleep=sleep,
            random=random,
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all connections."""
        self._transport.close()

    def list_projects(
        self, *, name: str = "", offset: int = 0, size: int = PAGE_SIZE
    ) -> Answer[Page[Project]]:
        """Return one page of the projects of the account whose names contain `name`."""
        params = {"offset": str(offset), "size": str(size), "resourceGroupId": ""}
        if name:
            params["projectName"] = name
        return self._json("ListProject", lambda value: parsing.projects(value, offset), params=params)

    def all_projects(self) -> list[Project]:
        """Return all projects of the account, page by page."""
        return _all_pages("ListProject", lambda offset: self.list_projects(offset=offset)).value

    def list_logstores(self, project: str) -> Answer[list[str]]:
        """Return the names of all Logstores of a project; the request id is that of the last page."""

        def page(offset: int) -> Answer[Page[str]]:
            return self._json(
                "ListLogStores",
                lambda value: parsing.logstore_names(value, offset),
                project=project_name(project),
                path="/logstores",
                params={"offset": str(offset), "size": str(PAGE_SIZE)},
            )

        return _all_pages("ListLogStores", page)

    def get_logstore(self, project: str, logstore: str) -> Answer[Logstore]:
        """Return one Logstore; raises NotFound."""
        return self._json(
            "GetLogStore", parsing.logstore, project=project_name(project), path=_logstore(logstore)
        )

    def list_shards(self, project: str, logstore: str) -> Answer[list[Shard]]:
        """Return all shards of a Logstore, readonly ones too."""
        path = _logstore(logstore) + "/shards"
        return self._json("ListShards", parsing.shards, project=project_name(project), path=path)

    def list_consumer_groups(self, project: str, logstore: str) -> Answer[list[ConsumerGroup]]:
        """Return the consumer groups of a Logstore."""
        path = _logstore(logstore) + "/consumergroups"
        return self._json(
            "ListConsumerGroup", parsing.consumer_groups, project=project_name(project), path=path
        )

    def get_checkpoints(
        self, project: str, logstore: str, group: str, shard: int | None = None
    ) -> Answer[list[Checkpoint]]:
        """Return the checkpoints of a group, for all shards or one; an unknown shard gives an empty list."""
        return self._json(
            "GetCheckPoint",
            parsing.checkpoints,
            project=project_name(project),
            path=_group(logstore, group),
            params={} if shard is None else {"shard": str(shard)},
        )

    def update_checkpoint(
        self,
        project: str,
        logstore: str,
        group: str,
        *,
        shard: int,
        checkpoint: str,
        consumer: str = "",
        force: bool = True,
    ) -> Answer[None]:
        """Store a checkpoint; never tried twice. An error with `outcome_unknown` may have stored it.

        Raises WriteRefused when the client is read-only.
        """
        if self._read_only:
            raise WriteRefused("This connection is read-only", operation="UpdateCheckPoint")
        call = Call(
            "UpdateCheckPoint",
            read=_nothing,
            project=project_name(project),
            path=_group(logstore, group),
            params={"type": "checkpoint", "consumer": consumer, "forceSuccess": str(force)},
            headers=JSON_TYPE,
            body=json.dumps({"shard": _shard(shard), "checkpoint": _cursor(checkpoint)}).encode(),
        )
        return self._caller.make(call)

    def get_cursor(
        self, project: str, logstore: str, shard: int, at: Literal["begin", "end"] | datetime
    ) -> Answer[str]:
        """Return the cursor of the begin, the end, or the first log group received at or after a time."""
        return self._json(
            "GetCursor",
            parsing.cursor,
            project=project_name(project),
            path=f"{_logstore(logstore)}/shards/{_shard(shard)}",
            params={"type": "cursor", "from": at if isinstance(at, str) else _seconds(at)},
            headers=JSON_TYPE,
        )

    def get_cursor_time(self, project: str, logstore: str, shard: int, cursor: str) -> Answer[datetime]:
        """Return when the log group at a cursor was received; at the end: the present time."""
        return self._json(
            "GetCursorTime",
            parsing.cursor_time,
            project=project_name(project),
            path=f"{_logstore(logstore)}/shards/{_shard(shard)}",
            params={"type": "cursor_time", "cursor": _cursor(cursor)},
            headers=JSON_TYPE,
        )

    def pull_logs(
        self,
        project: str,
        logstore: str,
        shard: int,
        cursor: str,
        *,
        count: int = 10,
        max_bytes: int = Limits.raw_bytes,
        end_cursor: str = "",
    ) -> Answer[Pulled]:
        """Return up to `count` (1 to 1000) log groups from a cursor on; BadAnswer if above `max_bytes`."""
        if not 1 <= count <= 1000:
            raise ArgumentRefused("PullLogs reads 1 to 1000 log groups", operation="PullLogs")
        params = {"type": "log", "cursor": _cursor(cursor), "count": str(count)}
        if end_cursor:
            params["end_cursor"] = _cursor(end_cursor)
        most = min(max_bytes, self._limits.raw_bytes)
        call = Call(
            "PullLogs",
            read=lambda reply: read_pull(reply.headers, reply.body, most),
            project=project_name(project),
            path=f"{_logstore(logstore)}/shards/{_shard(shard)}",
            params=params,
            headers=PULL_HEADERS,
        )
        return self._caller.make(call)

    def _json(
        self,
        operation: str,
        read: Callable[[object], T],
        *,
        project: str = "",
        path: str = "/",
        params: dict[str, str] | None = None,
        headers: dict[str, str] | None = None,
    ) -> Answer[T]:
        def read_reply(reply: Reply) -> T:
            return read(parsing.read_json(reply.body))

        return self._caller.make(Call(operation, read_reply, project, path, params or {}, headers or {}))


def _all_pages(operation: str, page: Callable[[int], Answer[Page[T]]]) -> Answer[list[T]]:
    items: list[T] = []
    offset: int | None = 0
    for _ in range(MOST_PAGES):
        answer = page(offset or 0)
        items.extend(answer.value.items)
        offset = answer.value.next_offset
        if offset is None:
            return Answer(items, answer.request_id, answer.server_time)
    raise BadAnswer(f"The list does not end after {MOST_PAGES} pages", operation=operation)


def _nothing(_reply: Reply) -> None:
    """Read the empty answer of a write."""


def _logstore(name: str) -> str:
    return f"/logstores/{segment(name, 'Logstore')}"


def _group(logstore: str, group: str) -> str:
    return f"{_logstore(logstore)}/consumergroups/{segment(group, 'consumer group')}"


def _shard(number: int) -> int:
    if number < 0:
        raise ArgumentRefused("A shard is a number from 0 on")
    return number


def _cursor(text: str) -> str:
    try:
        return parsing.plain_cursor(text)
    except parsing.Unreadable as error:
        raise ArgumentRefused(str(error)) from None


def _seconds(at: datetime) -> str:
    if at.tzinfo is None:
        raise ArgumentRefused("A time needs its zone")
    seconds = int(at.timestamp() // 1)
    if seconds < 0:
        raise ArgumentRefused("A time before 1970 is before all data")
    return str(seconds)
