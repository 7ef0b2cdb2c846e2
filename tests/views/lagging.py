"""Rows for the pages: groups with readings made up from facts, without any service."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

from checkpoints.domain.lag import ShardFacts
from checkpoints.domain.positions import encode
from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Project, Reading
from checkpoints.models.facts import dump

BEGIN, END = 1_000_000, 1_010_000
HOUR = timedelta(hours=1)
NOW = datetime.now(UTC).replace(microsecond=0)
PROBLEM = {
    "code": "SignatureNotMatch",
    "message": {"text": "The key is not accepted.", "values": {}},
    "advice": {"text": "Enter the secret again.", "values": {}},
    "request_id": "5AEC275D1FFC036AB254B20C",
    "operation": "ListLogStores",
}

CHANGES: dict[str, dict[str, Any]] = {
    "behind": {},
    "caught_up": {"checkpoint": encode(END)},
    "at_begin": {"checkpoint": encode(BEGIN), "read_at": None},
    "expired": {"checkpoint": encode(BEGIN - 1204), "read_at": None, "unread_at": None},
    "invalid": {"checkpoint": encode(END + 5), "read_at": None, "unread_at": None},
    "never_saved": {"checkpoint": "", "consumer": "", "updated_at": None, "read_at": None, "unread_at": None},
    "empty": {"checkpoint": encode(END), "begin": END, "read_at": None, "unread_at": None, "newest_at": None},
    "finished": {"checkpoint": encode(END), "readonly": True},
    "unknown": {"end": None, "read_at": None, "unread_at": None, "error": "ShardNotExist (request 5AEE)"},
}


def facts(state: str, shard: int = 0, **changes: Any) -> ShardFacts:
    """Make the facts of a shard: 3,000 log groups and three hours behind unless the state says otherwise."""
    behind: dict[str, Any] = {
        "shard": shard,
        "readonly": False,
        "checkpoint": encode(END - 3000),
        "consumer": "worker-1",
        "updated_at": NOW - timedelta(seconds=9),
        "begin": BEGIN,
        "end": END,
        "begin_at": NOW - 48 * HOUR,
        "newest_at": NOW,
        "read_at": NOW - 3 * HOUR,
        "unread_at": NOW - 3 * HOUR,
    }
    return ShardFacts(**(behind | CHANGES[state] | changes))


def store(endpoint: str = "prod", project: str = "proj", logstore: str = "store", days: int = 30) -> Logstore:
    """Store a Logstore and what it belongs to, once each."""
    host = "cn-hangzhou.log.aliyuncs.com"
    at, _ = Endpoint.objects.get_or_create(name=endpoint, defaults={"host": host, "access_key_id": "LTAI"})
    within, _ = Project.objects.get_or_create(endpoint=at, name=project)
    return Logstore.objects.get_or_create(project=within, name=logstore, defaults={"retention_days": days})[0]


def group(
    name: str = "cg", shards: Sequence[ShardFacts] = (), *, at: Logstore | None = None, **summary: Any
) -> Any:
    """Store a group with the summary given and, when there are shards, one reading."""
    made = ConsumerGroup.objects.create(logstore=at or store(), name=name, **summary)
    if shards:
        ConsumerGroup.objects.filter(pk=made.pk).update(read_at=NOW)
        Reading.objects.create(group=made, taken_at=NOW, shards=dump(shards))
    return made


def words(response: Any) -> str:
    """Return a page with its white space folded."""
    return " ".join(response.content.decode().split())
