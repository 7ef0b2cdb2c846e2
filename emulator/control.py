"""The control plane under /_emulator/: unsigned, not counted, never delayed, JSON both ways."""

import json
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from emulator import cursors
from emulator.errors import ServiceError, parameter_invalid
from emulator.faults import Fault
from emulator.groups import Group
from emulator.http import Request, answer

if TYPE_CHECKING:
    from emulator.server import Server

Body = dict[str, Any]
OK: Body = {"ok": True}


def handle(server: "Server", request: Request) -> bytes:
    """Answer a control call; whatever is wrong with it comes back as 400 with words."""
    try:
        status, value = 200, _result(server, request)
    except ServiceError as error:
        status, value = error.status, {"errorCode": error.code, "errorMessage": error.message}
    except (KeyError, TypeError, ValueError) as error:
        status, value = (
            400,
            {"errorCode": "ParameterInvalid", "errorMessage": f"{type(error).__name__}: {error}"},
        )
    return answer(status, json.dumps(value).encode(), [("content-type", "application/json")])


def _result(server: "Server", request: Request) -> object:
    name = (request.method, request.path.removeprefix("/_emulator/").rstrip("/"))
    if name not in CALLS:
        raise ServiceError(404, "InvalidAPI", f"no control call {request.method} {request.path}")
    body = json.loads(request.body) if request.body else dict(request.params)
    if not isinstance(body, dict):
        raise parameter_invalid("the body must be a JSON object")
    return CALLS[name](server, body)


def stats(server: "Server", _body: Body) -> object:
    return server.stats.describe()


def reset_stats(server: "Server", _body: Body) -> object:
    server.stats.reset()
    return OK


def latency(server: "Server", body: Body) -> object:
    """Delay an operation (null: any) of a project (null: any) by ms; 0 for all takes every delay away."""
    key, seconds = (body.get("operation"), body.get("project")), float(body["ms"]) / 1000
    if key == (None, None) and seconds == 0:
        server.faults.latency.clear()
    else:
        server.faults.latency[key] = seconds
    return OK


def faults(server: "Server", body: Body) -> object:
    if body.pop("clear", False):
        server.faults.active.clear()
        return OK
    server.faults.active.append(Fault(**body))
    return OK


def put(server: "Server", body: Body) -> object:
    """Write count invented log groups to one shard, or in turn to all when shard is null."""
    logstore, now = server.world.logstore(body["project"], body["logstore"]), server.world.now()
    for _ in range(int(body.get("count", 1))):
        chosen = body.get("shard")
        shard = logstore.next_writable(now) if chosen is None else logstore.shard(chosen, now)
        shard.write(now)
    return OK


def shard(server: "Server", body: Body) -> object:
    """Change status, retention or write rate of a shard."""
    now = server.world.now()
    chosen = server.world.logstore(body["project"], body["logstore"]).shard(body["shard"], now)
    chosen.advance(now)
    if body.get("status") is not None:
        _set_status(chosen, body["status"], now)
    if body.get("ttl_seconds") is not None:
        chosen.ttl_seconds = float(body["ttl_seconds"])
    if body.get("rate") is not None:
        chosen.set_rate(float(body["rate"]), now)
    return {**chosen.describe(), "begin": str(chosen.begin(now)), "end": str(chosen.end(now))}


def show_group(server: "Server", body: Body) -> object:
    world, now = server.world, server.world.now()
    logstore = world.logstore(body["project"], body["logstore"])
    group = world.group(body["project"], body["logstore"], body["group"])
    group.expire(now)
    shards = logstore.shards(now)
    return {
        **group.describe(),
        "checkpoints": {str(row["shard"]): row for row in group.rows(shards)},
        "owners": {str(number): holder for number, holder in sorted(group.holders.items())},
        "consumers": dict(group.consumers),
        "states": {str(number): group.state(one, shards, now) for number, one in sorted(shards.items())},
    }


def make_group(server: "Server", body: Body) -> object:
    """Make a group, or change one, with checkpoints given as positions, begin, end, or cursor texts."""
    world, now = server.world, server.world.now()
    place = (body["project"], body["logstore"], body["group"])
    logstore = world.logstore(*place[:2])
    group = logstore.groups.setdefault(place[2], Group(place[2]))
    group.change(logstore.shards(now), timeout=body.get("timeout"), order=body.get("order"))
    for number, wanted in (body.get("checkpoints") or {}).items():
        shard_ = logstore.shard(number, now, missing_status=404)
        text = _cursor(wanted, shard_.begin(now), shard_.end(now))
        world.commit(place, number, text, consumer=body.get("consumer") or "", force=True)
        if body.get("updated") is not None:
            group.checkpoints[int(number)].updated = int(float(body["updated"]) * 1_000_000)
    return OK


def clock(server: "Server", body: Body) -> object:
    """Move the world's time, or the clock that signatures and Date are judged by, and let actors act."""
    server.world.offset_seconds = float(body.get("offset_seconds", server.world.offset_seconds))
    server.world.skew_seconds = float(body.get("skew_seconds", server.world.skew_seconds))
    server.world.tick()
    return {"now": server.world.now()}


def options(server: "Server", body: Body) -> object:
    """Choose what a pull from an expired cursor gets: error or clamp."""
    server.world.clamps_expired_pulls = {"error": False, "clamp": True}[body["expired_pull"]]
    return OK


def writes(server: "Server", _body: Body) -> object:
    return list(server.world.writes)


def _set_status(chosen: "Any", status: str, now: float) -> None:
    if status not in {"readonly", "readwrite"}:
        raise parameter_invalid(f"status {status} is invalid")
    if status == "readonly":
        chosen.close(now)
    else:
        chosen.readonly_since = None


def _cursor(wanted: object, begin: int, end: int) -> str:
    if wanted in {"begin", "end"}:
        return cursors.encode(begin if wanted == "begin" else end)
    if isinstance(wanted, int) or (isinstance(wanted, str) and wanted.isdigit()):
        return cursors.encode(int(wanted))
    return str(wanted)


CALLS: dict[tuple[str, str], Callable[["Server", Body], object]] = {
    ("GET", "stats"): stats,
    ("POST", "stats/reset"): reset_stats,
    ("POST", "latency"): latency,
    ("POST", "faults"): faults,
    ("POST", "put"): put,
    ("POST", "shard"): shard,
    ("GET", "group"): show_group,
    ("POST", "group"): make_group,
    ("POST", "clock"): clock,
    ("POST", "options"): options,
    ("GET", "writes"): writes,
}
