"""Every row of the lag table and every state, through emulator, client, domain, JSON and page."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from checkpoints.domain.positions import encode
from checkpoints.models import ConsumerGroup
from checkpoints.queries import lag
from checkpoints.services import collector, discovery

pytestmark = pytest.mark.django_db
PLACE = ("proj", "store")


@dataclass(frozen=True)
class Case:
    """How the shard is brought into a state, what the JSON says then, and the word on the page."""

    state: str
    arrange: Callable[[Any], None]
    json: dict[str, Any]
    word: str


def ends(emu: Any) -> tuple[int, int]:
    found = emu.shard(*PLACE, 0)
    return int(found["begin"]), int(found["end"])


def save(emu: Any, position: int | str) -> None:
    emu.set_checkpoint(*PLACE, "cg-0", 0, position)


def at_end(emu: Any) -> None:
    save(emu, ends(emu)[1])


def behind(emu: Any) -> None:
    save(emu, ends(emu)[1] - 6)


def at_begin(emu: Any) -> None:
    save(emu, ends(emu)[0])


def expired(emu: Any) -> None:
    save(emu, ends(emu)[0] + 3)
    expire(emu)


def expire(emu: Any) -> None:
    """Let the older half of the shard fall out of the retention, and put it back for ever after."""
    emu.shard(*PLACE, 0, ttl_seconds=1500)
    emu.clock(offset_seconds=1)


def beyond(emu: Any) -> None:
    save(emu, ends(emu)[1] + 1000)


def not_a_number(emu: Any) -> None:
    save(emu, "bm90IGEgbnVtYmVy")


def never(emu: Any) -> None:
    emu.add_group(*PLACE, "cg-0")


def empty(emu: Any) -> None:
    emu.shard(*PLACE, 0, ttl_seconds=1)
    emu.clock(offset_seconds=10)
    begin, end = ends(emu)
    assert begin == end
    save(emu, end)


def finished(emu: Any) -> None:
    at_end(emu)
    emu.shard(*PLACE, 0, status="readonly")


def empty_readonly(emu: Any) -> None:
    emu.world.logstore("proj", "store").all_shards[0].fill([])
    emu.shard(*PLACE, 0, status="readonly")


def unknown(emu: Any) -> None:
    behind(emu)
    for _ in range(4):
        emu.fault("GetCursor", status=400, code="ShardNotExist", message="shard dose not exist")


CASES = [
    Case("caught_up", at_end, {"backlog": 0, "lag_seconds": 0.0, "unread_age_seconds": 0.0}, "Caught up"),
    Case("behind", behind, {"backlog": 6, "lag_is_lower_bound": False, "lost": None}, "Behind"),
    Case("at_begin", at_begin, {"backlog": 20, "lag_is_lower_bound": True}, "At the oldest"),
    Case("expired", expired, {"lag_is_lower_bound": True}, "Expired"),
    Case("invalid", beyond, {"backlog": None, "lag_seconds": None, "unread_age_seconds": None}, "Invalid"),
    Case("invalid", not_a_number, {"backlog": None, "lag_seconds": None, "position": None}, "Invalid"),
    Case("never_saved", never, {"backlog": None, "lag_seconds": None, "updated_at": None}, "Never saved"),
    Case("empty", empty, {"backlog": 0, "lag_seconds": 0.0}, "Empty"),
    Case("finished", finished, {"backlog": 0, "lag_seconds": 0.0, "status": "readonly"}, "Finished"),
    Case("empty", empty_readonly, {"backlog": 0, "status": "readonly", "position": None}, "Empty"),
    Case("unknown", unknown, {"backlog": None, "lag_seconds": None, "unread_age_seconds": None}, "Unknown"),
]


@pytest.mark.parametrize("case", CASES, ids=[f"{case.state}-{case.arrange.__name__}" for case in CASES])
def test_a_state_is_the_same_in_json_and_page(
    case: Case, emu: Any, endpoint: Any, signed_in: Callable[[str], Any]
) -> None:
    case.arrange(emu)
    discovery.discover(endpoint, now=datetime.now(UTC))
    group = ConsumerGroup.objects.get()
    collector.read_group(group, max_age=timedelta(0), now=datetime.now(UTC))
    report = lag.report(group.logstore, only=group, now=datetime.now(UTC))
    shard = report["groups"][0]["shards"][0]
    assert {"state": shard["state"]} | {name: shard[name] for name in case.json} == {
        "state": case.state
    } | case.json
    page = signed_in("viewer").get(f"/groups/{group.pk}/").content.decode()
    row = page[page.index('id="shard-0"') :]
    row = row[: row.index("</tr>")]
    assert case.word in row
    if case.json.get("lag_seconds", 0) is None:
        assert "0s" not in row


def test_an_expired_checkpoint_counts_what_was_lost_and_what_is_left(emu: Any, endpoint: Any) -> None:
    expired(emu)
    begin, end = ends(emu)
    discovery.discover(endpoint, now=datetime.now(UTC))
    group = ConsumerGroup.objects.get()
    collector.read_group(group, max_age=timedelta(0), now=datetime.now(UTC))
    shard = lag.report(group.logstore, only=group, now=datetime.now(UTC))["groups"][0]["shards"][0]
    assert shard["lost"] == begin - int(shard["position"]) > 0
    assert shard["backlog"] == end - begin
    assert shard["position"] is not None
    assert shard["checkpoint"] == encode(int(shard["position"]))
