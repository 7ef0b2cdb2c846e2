"""What the service tells, as frozen values; all times are aware and in UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Generic, Literal, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Answer(Generic[T]):
    """A value with the id the service gave the request and the clock of the service."""

    value: T
    request_id: str
    server_time: datetime


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items of a longer list; `total` counts all matches."""

    items: tuple[T, ...]
    offset: int
    total: int

    @property
    def next_offset(self) -> int | None:
        """Return where the next page starts, or None after the last one."""
        end = self.offset + len(self.items)
        return end if self.items and end < self.total else None


@dataclass(frozen=True, slots=True)
class Project:
    """One project of an account."""

    name: str
    region: str = ""
    status: str = ""
    description: str = ""


@dataclass(frozen=True, slots=True)
class Logstore:
    """One Logstore; `ttl_days` 3650 means that data is kept for ever."""

    name: str
    ttl_days: int
    shard_count: int
    auto_split: bool = False
    max_split_shard: int = 0
    mode: str = ""
    created_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Shard:
    """One shard with its half-open range of hash keys (32 hex digits each)."""

    id: int
    status: Literal["readwrite", "readonly"]
    begin_key: str
    end_key: str
    created_at: datetime | None


@dataclass(frozen=True, slots=True)
class ConsumerGroup:
    """One consumer group; a consumer silent for `timeout_seconds` loses its shards."""

    name: str
    timeout_seconds: int
    order: bool


@dataclass(frozen=True, slots=True)
class Checkpoint:
    """The stored text of a group for a shard; "" when nothing was ever saved."""

    shard: int
    checkpoint: str
    updated_at: datetime | None
    consumer: str


@dataclass(frozen=True, slots=True)
class LogLine:
    """One log entry; keys may repeat, so the fields are pairs."""

    time: datetime
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True, slots=True)
class LogGroup:
    """What a checkpoint counts: the log entries that arrived together."""

    topic: str
    source: str
    tags: tuple[tuple[str, str], ...]
    lines: tuple[LogLine, ...]


@dataclass(frozen=True, slots=True)
class Pulled:
    """The log groups of one read and the cursor after them; sizes in bytes, `packed_size` as it was sent."""

    groups: tuple[LogGroup, ...]
    next_cursor: str
    raw_size: int
    packed_size: int
