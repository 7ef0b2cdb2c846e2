"""Lists, shards and consumer groups (docs/sls-protocol.md, section Operations)."""

from collections.abc import Callable

from emulator import data_operations
from emulator.calls import MOST_GROUPS, Answer, Call, as_json
from emulator.errors import ServiceError, json_invalid, parameter_invalid
from emulator.groups import Group

BIGGEST_PAGE = 500


def run(operation: str, call: Call) -> Answer:
    return OPERATIONS[operation](call)


def list_projects(call: Call) -> Answer:
    wanted = call.params.get("projectName", "")
    found = [project.describe() for name, project in sorted(call.world.projects.items()) if wanted in name]
    return _page(call, found, "projects", default=100)


def get_project(call: Call) -> Answer:
    return as_json(call.world.project(call.project).describe())


def list_logstores(call: Call) -> Answer:
    wanted = call.params.get("logstoreName", "")
    found = [name for name in sorted(call.world.project(call.project).logstores) if wanted in name]
    return _page(call, found, "logstores", default=200)


def get_logstore(call: Call) -> Answer:
    return as_json(call.logstore.describe())


def list_shards(call: Call) -> Answer:
    return as_json([shard.describe() for _, shard in sorted(call.logstore.shards(call.now).items())])


def split_shard(call: Call) -> Answer:
    count = _number(call.params.get("shardCount", "2"), "shardCount", low=2, high=64)
    shards = call.logstore.split(call.names["shard"], call.params.get("key", ""), call.now, count)
    return as_json([shard.describe() for shard in shards])


def merge_shards(call: Call) -> Answer:
    return as_json([shard.describe() for shard in call.logstore.merge(call.names["shard"], call.now)])


def list_groups(call: Call) -> Answer:
    return as_json([group.describe() for _, group in sorted(call.logstore.groups.items())])


def create_group(call: Call) -> Answer:
    body, groups = call.json_object(), call.logstore.groups
    name, timeout, order = body.get("consumerGroup"), body.get("timeout"), body.get("order", False)
    if not isinstance(name, str) or not name or not isinstance(order, bool):
        raise json_invalid("consumerGroup or order is invalid")
    if name in groups:
        raise ServiceError(400, "ConsumerGroupAlreadyExist", f"consumer group {name} already exist")
    if len(groups) >= MOST_GROUPS:
        raise ServiceError(400, "ConsumerGroupQuotaExceed", f"consumer group count exceeds {MOST_GROUPS}")
    groups[name] = Group(name, timeout=_timeout(timeout), order=order)
    return Answer(b"{}")


def update_group(call: Call) -> Answer:
    body, group = call.json_object(), call.group
    order = body.get("order")
    if order is not None and not isinstance(order, bool):
        raise json_invalid("order is invalid")
    timeout = _timeout(body["timeout"]) if "timeout" in body else None
    group.change(call.logstore.shards(call.now), timeout=timeout, order=order)
    return Answer()


def delete_group(call: Call) -> Answer:
    del call.logstore.groups[call.group.name]
    return Answer()


def heartbeat(call: Call) -> Answer:
    claimed, consumer = call.json(), call.params.get("consumer", "")
    if not isinstance(claimed, list) or not all(type(shard) is int for shard in claimed):
        raise json_invalid("the body must be an array of shard ids")
    if not consumer:
        raise parameter_invalid("consumer is empty")
    return as_json(call.group.heartbeat(consumer, set(claimed), call.logstore.shards(call.now), call.now))


def get_checkpoint(call: Call) -> Answer:
    rows = call.group.rows(call.logstore.shards(call.now))
    wanted = call.params.get("shard")
    return as_json(rows if wanted is None else [row for row in rows if str(row["shard"]) == wanted])


def update_checkpoint(call: Call) -> Answer:
    body = call.json_object()
    shard, text = body.get("shard"), body.get("checkpoint")
    if type(shard) is not int or not isinstance(text, str):
        raise json_invalid("shard or checkpoint is invalid")
    force = call.params.get("forceSuccess", "").lower() == "true"
    place = (call.project, call.names["logstore"], call.names["group"])
    consumer = call.params.get("consumer", "")
    call.world.commit(place, shard, text, consumer=consumer, force=force, request_id=call.request_id)
    return Answer()


def _timeout(value: object) -> int:
    if type(value) is not int or not 0 < value < 2**31:
        raise json_invalid("timeout is invalid")
    return value


def _number(text: str, name: str, *, low: int, high: int) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 10 or not low <= int(text) <= high:
        raise parameter_invalid(f"{name} {text} is invalid")
    return int(text)


def _page(call: Call, found: list[dict[str, object]] | list[str], name: str, *, default: int) -> Answer:
    offset = _number(call.params.get("offset") or "0", "offset", low=0, high=10**9)
    size = _number(call.params.get("size") or str(default), "size", low=0, high=BIGGEST_PAGE)
    page = found[offset : offset + size]
    return as_json({"count": len(page), "total": len(found), name: page})


OPERATIONS: dict[str, Callable[[Call], Answer]] = {
    "ListProject": list_projects,
    "GetProject": get_project,
    "ListLogStores": list_logstores,
    "GetLogStore": get_logstore,
    "ListShards": list_shards,
    "SplitShard": split_shard,
    "MergeShards": merge_shards,
    "ListConsumerGroup": list_groups,
    "CreateConsumerGroup": create_group,
    "UpdateConsumerGroup": update_group,
    "DeleteConsumerGroup": delete_group,
    "HeartBeat": heartbeat,
    "GetCheckPoint": get_checkpoint,
    "UpdateCheckPoint": update_checkpoint,
    "GetCursor": data_operations.get_cursor,
    "GetCursorTime": data_operations.get_cursor_time,
    "PullLogs": data_operations.pull_logs,
    "PutLogs": data_operations.put_logs,
}
