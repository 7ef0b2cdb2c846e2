"""Reading JSON answers: lenient where the service is known to vary, with words where nothing can be read.

Facts: docs/sls-protocol.md, sections Answers, Cursors and updateTime.
"""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from .model import Checkpoint, ConsumerGroup, Logstore, Page, Project, Shard

Object = dict[str, Any]

MAX_DEPTH = 32
MAX_DIGITS = 20
MAX_ITEMS = 10_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
WHOLE_NUMBER = re.compile(r"-?[0-9]{1,20}", re.ASCII)
BASE64 = re.compile(r"[A-Za-z0-9+/]+={0,2}", re.ASCII)


class Unreadable(ValueError):  # noqa: N818
    """An answer does not have the expected form; the message says where."""


def _integer(digits: str) -> int:
    if len(digits) > MAX_DIGITS + 1:
        raise Unreadable("a number has too many digits")
    return int(digits)


def _constant(name: str) -> object:
    raise Unreadable(f"{name} is not JSON")


DECODER = json.JSONDecoder(parse_int=_integer, parse_constant=_constant)


def read_json(body: bytes) -> Any:
    """Decode a JSON body; raise Unreadable for anything that is not sane JSON."""
    try:
        value = DECODER.decode(body.decode("utf-8-sig"))
    except UnicodeDecodeError:
        raise Unreadable("it is not UTF-8") from None
    except json.JSONDecodeError as error:
        raise Unreadable(f"it is not JSON ({error.msg} at character {error.pos})") from None
    except RecursionError:
        raise Unreadable("it is nested too deeply") from None
    if body.count(b"[") + body.count(b"{") > MAX_DEPTH:
        _check_depth(value)
    return value


def _check_depth(value: Any) -> None:
    level = [value]
    for _ in range(MAX_DEPTH):
        level = [child for item in level for child in _children(item)]
        if not level:
            return
    raise Unreadable("it is nested too deeply")


def _children(item: Any) -> list[Any]:
    if isinstance(item, dict):
        return list(item.values())
    return item if isinstance(item, list) else []


def instant(number: int) -> datetime | None:
    """Return the time of seconds, milli- or microseconds told apart by size; None for 0 or no real time."""
    if number <= 0:
        return None
    micros = number if number > 10**14 else number * 1_000 if number > 10**11 else number * 1_000_000
    try:
        return EPOCH + timedelta(microseconds=micros)
    except OverflowError:
        return None


def plain_cursor(text: str) -> str:
    """Return a cursor without surrounding blanks and with its padding; raise Unreadable if not base64."""
    stripped = text.strip()
    bare = stripped.rstrip("=")
    if not BASE64.fullmatch(stripped) or len(bare) % 4 == 1:
        raise Unreadable(f"{stripped[:40]!r} is not a cursor")
    return bare + "=" * (-len(bare) % 4)


def cursor(value: Any) -> str:
    """Read the answer of GetCursor."""
    return plain_cursor(text(mapping(value), "cursor"))


def cursor_time(value: Any) -> datetime:
    """Read the answer of GetCursorTime; the number may come as a text."""
    when = instant(integer(mapping(value), "cursor_time"))
    if when is None:
        raise Unreadable("cursor_time is not a time")
    return when


def projects(value: Any, offset: int) -> Page[Project]:
    """Read one page of ListProject."""
    page = mapping(value)
    items = tuple(
        Project(
            text(item, "projectName"),
            text(item, "region", ""),
            text(item, "status", ""),
            text(item, "description", ""),
        )
        for item in map(mapping, items_of(page.get("projects")))
    )
    return Page(items, offset, integer(page, "total", offset + len(items)))


def logstore_names(value: Any, offset: int) -> Page[str]:
    """Read one page of ListLogStores."""
    page = mapping(value)
    names = tuple(items_of(page.get("logstores")))
    if not all(isinstance(name, str) for name in names):
        raise Unreadable("logstores is not a list of names")
    return Page(names, offset, integer(page, "total", offset + len(names)))


def logstore(value: Any) -> Logstore:
    """Read the answer of GetLogStore."""
    item = mapping(value)
    return Logstore(
        name=text(item, "logstoreName"),
        ttl_days=integer(item, "ttl"),
        shard_count=integer(item, "shardCount"),
        auto_split=flag(item, "autoSplit"),
        max_split_shard=integer(item, "maxSplitShard", 0),
        mode=text(item, "mode", ""),
        created_at=instant(integer(item, "createTime", 0)),
    )


def shards(value: Any) -> list[Shard]:
    """Read the answer of ListShards."""
    return [_shard(mapping(item)) for item in items_of(value)]


def _shard(item: Object) -> Shard:
    return Shard(
        id=identifier(item, "shardID"),
        status=_status(text(item, "status")),
        begin_key=text(item, "inclusiveBeginKey", ""),
        end_key=text(item, "exclusiveEndKey", ""),
        created_at=instant(integer(item, "createTime", 0)),
    )


def _status(word: str) -> Literal["readwrite", "readonly"]:
    if word.lower() == "readwrite":
        return "readwrite"
    if word.lower() == "readonly":
        return "readonly"
    raise Unreadable(f"{word[:20]!r} is not the status of a shard")


def consumer_groups(value: Any) -> list[ConsumerGroup]:
    """Read the answer of ListConsumerGroup."""
    return [
        ConsumerGroup(text(item, "name"), integer(item, "timeout", 0), flag(item, "order"))
        for item in map(mapping, items_of(value))
    ]


def checkpoints(value: Any) -> list[Checkpoint]:
    """Read the answer of GetCheckPoint; the consumer may be missing, the checkpoint is kept as received."""
    return [
        Checkpoint(
            shard=identifier(item, "shard"),
            checkpoint=text(item, "checkpoint", "").strip(),
            updated_at=instant(integer(item, "updateTime", 0)),
            consumer=text(item, "consumer", ""),
        )
        for item in map(mapping, items_of(value))
    ]


def mapping(value: Any) -> Object:
    """Return an object, or raise Unreadable."""
    if not isinstance(value, dict):
        raise Unreadable(f"an object was expected, not {_kind(value)}")
    return value


def items_of(value: Any) -> list[Any]:
    """Return a list of a sane length, or raise Unreadable."""
    if not isinstance(value, list):
        raise Unreadable(f"a list was expected, not {_kind(value)}")
    if len(value) > MAX_ITEMS:
        raise Unreadable(f"the list has more than {MAX_ITEMS} items")
    return value


def text(item: Object, name: str, default: str | None = None) -> str:
    """Return a text; null counts as missing, and a missing one gives the default or Unreadable."""
    value = item.get(name)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise Unreadable(f"{name} should be a text, not {_kind(value)}")
    return value.replace("\0", "\ufffd")  # PostgreSQL stores no NUL


def integer(item: Object, name: str, default: int | None = None) -> int:
    """Return a whole number, also when it comes as a text; null and "" count as missing."""
    value = item.get(name)
    if default is not None and (value is None or value == ""):
        return default
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    if isinstance(value, str) and WHOLE_NUMBER.fullmatch(value.strip()):
        return int(value)
    raise Unreadable(f"{name} should be a whole number, not {_kind(value)}")


def identifier(item: Object, name: str) -> int:
    """Return the id of a shard, a whole number of at least 0."""
    number = integer(item, name)
    if number < 0:
        raise Unreadable(f"{name} is negative")
    return number


def flag(item: Object, name: str) -> bool:
    """Return true or false, also when it comes as a text; missing means false."""
    value = item.get(name)
    if isinstance(value, str) and value.lower() in {"true", "false"}:
        return value.lower() == "true"
    if value is not None and not isinstance(value, bool):
        raise Unreadable(f"{name} should be true or false, not {_kind(value)}")
    return bool(value)


def _kind(value: Any) -> str:
    names = {
        "NoneType": "null",
        "dict": "an object",
        "list": "a list",
        "str": "a text",
        "bool": "true or false",
    }
    return names.get(type(value).__name__, "a number")
