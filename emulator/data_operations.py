"""Cursors and log bodies (docs/sls-protocol.md, sections Cursors and Log bodies)."""

from emulator import compression, cursors, protobuf
from emulator.calls import Answer, Call
from emulator.errors import ServiceError, cursor_invalid, parameter_invalid
from emulator.shards import Shard, key_number

MOST_GROUPS_PULLED = 1000


def get_cursor(call: Call) -> Answer:
    shard = call.logstore.shard(call.names["shard"], call.now)
    position = shard.position_from(call.params.get("from", ""), call.now)
    return Answer(b'{"cursor":"%s"}' % cursors.encode(position).encode())


def get_cursor_time(call: Call) -> Answer:
    shard = call.logstore.shard(call.names["shard"], call.now)
    text = call.params.get("cursor", "")
    position = cursors.decode(text)
    if position is None:
        raise cursor_invalid(text)
    return Answer(b'{"cursor_time":%d}' % shard.time_of(position, call.now))


def pull_logs(call: Call) -> Answer:
    """Return log groups from a cursor on, compressed as asked, with the headers the SDKs need."""
    shard = call.logstore.shard(call.names["shard"], call.now)
    count, position = _count(call), _readable_position(call, shard)
    end = shard.end(call.now)
    stop = min(end, _asked_position(call, "end_cursor")) if "end_cursor" in call.params else end
    groups = shard.read(position, max(0, min(count, stop - position)))
    raw = protobuf.log_group_list(groups)
    kind = compression.choose(call.headers.get("accept-encoding", "")) if groups else ""
    following = position + len(groups)
    headers = [
        ("x-log-cursor", cursors.encode(following)),
        ("x-log-count", str(len(groups))),
        ("x-log-bodyrawsize", str(len(raw))),
        ("x-log-end-of-cursor", str(int(following >= end))),
    ]
    if groups:
        headers.append(("x-log-read-last-cursor", str(following - 1)))
        headers.append(("x-log-cursor-time", str(shard.time_of(following - 1, call.now))))
    if kind:
        headers.append(("x-log-compresstype", kind))
    return Answer(compression.compress(raw, kind), headers, "application/x-protobuf")


def put_logs(call: Call) -> Answer:
    """Store one LogGroup in the shard of its hash key, or in the next one in turn."""
    shard = _target(call)
    raw = compression.decompress(call.body, call.headers.get("x-log-compresstype", ""), _raw_size(call))
    protobuf.check_log_group(raw)
    shard.write(call.now, raw)
    return Answer()


def _readable_position(call: Call, shard: Shard) -> int:
    position = _asked_position(call, "cursor")
    begin = shard.begin(call.now)
    if position < begin and call.world.clamps_expired_pulls:
        return begin
    if not begin <= position <= shard.end(call.now):
        raise cursor_invalid(call.params.get("cursor", ""))
    return position


def _asked_position(call: Call, name: str) -> int:
    text = call.params.get(name, "")
    position = cursors.decode(text)
    if position is None:
        raise parameter_invalid(f"{name} {text} is invalid")
    return position


def _count(call: Call) -> int:
    text = call.params.get("count", "")
    if not text.isascii() or not text.isdigit() or len(text) > 9 or not 0 < int(text) <= MOST_GROUPS_PULLED:
        raise parameter_invalid("Invalid loggroup count, (0,1000]")
    return int(text)


def _target(call: Call) -> Shard:
    logstore = call.logstore
    if call.names.get("shard") != "route":
        return logstore.next_writable(call.now)
    key = call.params.get("key", "").lower()
    key_number(key)
    return next(shard for shard in logstore.writable(call.now) if shard.covers(key))


def _raw_size(call: Call) -> int:
    text = call.headers.get("x-log-bodyrawsize")
    if text is None:
        raise ServiceError(400, "MissingBodyRawSize", "x-log-bodyrawsize dose not exist in header")
    if not text.isascii() or not text.isdigit() or len(text) > 12:
        raise ServiceError(400, "InvalidBodyRawSize", f"x-log-bodyrawsize {text} is invalid")
    return int(text)
