"""From host, method and path to an operation (docs/sls-protocol.md, sections Hosts and Operations)."""

from dataclasses import dataclass, field
from urllib.parse import unquote

from emulator.errors import ServiceError
from emulator.http import Request


@dataclass(slots=True)
class Route:
    """Which operation is asked for, and on what."""

    operation: str
    project: str | None
    names: dict[str, str] = field(default_factory=dict)


SHARD_READS = {"cursor": "GetCursor", "cursor_time": "GetCursorTime", "log": "PullLogs", "logs": "PullLogs"}
SHARD_WRITES = {"split": "SplitShard", "merge": "MergeShards"}
GROUP_POSTS = {"heartbeat": "HeartBeat", "checkpoint": "UpdateCheckPoint"}
GROUP_CALLS = {"GET": "GetCheckPoint", "PUT": "UpdateConsumerGroup", "DELETE": "DeleteConsumerGroup"}
ACTIONS = {
    "GetCursor": "GetCursorOrData",
    "GetCursorTime": "GetCursorOrData",
    "PullLogs": "GetCursorOrData",
    "PutLogs": "PostLogStoreLogs",
    "GetCheckPoint": "GetConsumerGroupCheckPoint",
    "UpdateCheckPoint": "ConsumerGroupUpdateCheckPoint",
    "HeartBeat": "ConsumerGroupHeartBeat",
}


def project_of(host: str) -> str | None:
    """Return the project a Host names, None at account level.

    `proj.x@127.0.0.1:8080` is `proj`; a bare IP, localhost, or a name without a further label is the account.
    """
    name, at, _ = host.partition("@")
    if not at:
        name = name.rpartition(":")[0] if ":" in name else name
    first, dot, rest = name.partition(".")
    if not dot or name.replace(".", "").isdigit():
        return None
    return None if _is_service_host(first, rest) else first


def _is_service_host(first: str, rest: str) -> bool:
    """Recognise the endpoint's own host: cn-hangzhou.log.aliyuncs.com, sls.test."""
    return rest.startswith("log.") or (first == "sls" and "." not in rest)


def route(request: Request) -> Route:
    """Return the operation of a request; raise 400 or 404 for what is none."""
    project = project_of(request.target_host or request.headers.get("host", ""))
    if "@" in request.headers.get("host", ""):
        project = project_of(request.headers["host"])
    parts = [unquote(part) for part in request.path.split("/") if part]
    operation = _operation(request, parts, project)
    if operation is None:
        raise ServiceError(404, "InvalidAPI", f"no operation for {request.method} {request.path}")
    return Route(operation, project, _names(parts))


def ram_action(operation: str) -> str:
    """Return the permission an operation needs."""
    return "log:" + ACTIONS.get(operation, operation)


def resource(where: Route, region: str) -> str:
    """Return the resource name as it stands in messages about missing permissions."""
    text = f"acs:log:{region}:1234567890123456:project/{where.project or '*'}"
    text += f"/logstore/{where.names['logstore']}" if "logstore" in where.names else ""
    return text + (f"/consumergroup/{where.names['group']}" if "group" in where.names else "")


def _names(parts: list[str]) -> dict[str, str]:
    names = dict(zip(("logstore",), parts[1:2], strict=False))
    if len(parts) == 4:
        names["group" if parts[2] == "consumergroups" else "shard"] = parts[3]
    return names


def _operation(request: Request, parts: list[str], project: str | None) -> str | None:
    method = request.method
    if not parts:
        return {"GET": "ListProject" if project is None else "GetProject"}.get(method)
    if project is None:
        raise ServiceError(400, "MissingHost", "the Host header names no project")
    if parts[0] != "logstores" or len(parts) > 4:
        return None
    if len(parts) < 3:
        calls = {"GET": "GetLogStore", "POST": "PutLogs"} if len(parts) == 2 else {"GET": "ListLogStores"}
        return calls.get(method)
    if parts[2] == "shards":
        return _shard_operation(request, parts[3:])
    return _group_operation(request, parts[3:]) if parts[2] == "consumergroups" else None


def _shard_operation(request: Request, rest: list[str]) -> str | None:
    if not rest:
        return "ListShards" if request.method == "GET" else None
    if request.method == "POST":
        return "PutLogs" if rest[0] in {"lb", "route"} else SHARD_WRITES.get(request.params.get("action", ""))
    return SHARD_READS.get(request.params.get("type", "")) if request.method == "GET" else None


def _group_operation(request: Request, rest: list[str]) -> str | None:
    if not rest:
        return {"GET": "ListConsumerGroup", "POST": "CreateConsumerGroup"}.get(request.method)
    if request.method == "POST":
        return GROUP_POSTS.get(request.params.get("type", ""))
    return GROUP_CALLS.get(request.method)
