"""Fills a database with the fleet of bench.fleet and a month of history, as if it had been read all the time.

The groups of one Logstore are of one kind, because they share its shards. bench.pages_world is an emulator in
which the same fleet stands still.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from django.db import transaction
from django.utils import timezone

from bench import emulation, pages_past
from bench.fleet import Store
from bench.pages_past import Life
from checkpoints.domain.positions import decode
from checkpoints.models import ConsumerGroup, Endpoint, GroupHistory, HistoryChunk, Logstore, Project, Reading
from checkpoints.services import endpoints, summaries
from checkpoints.services.audit import SYSTEM

Key = tuple[str, int, int]  # kind, shards, seed
DAYS = 30
SEEDS = 2
ENDPOINTS = ("beijing", "hangzhou", "shanghai", "singapore")
AT_ONCE = 50
LATER = timedelta(days=1)
PROBLEM = {
    "code": "SignatureNotMatch",
    "message": {"text": "The key is not accepted.", "values": {}},
    "advice": {"text": "Enter the secret again.", "values": {}},
    "request_id": "5AEC275D1FFC036AB254B20C",
    "operation": "ListLogStores",
}


def fill(of: Sequence[Store], *, host: str, world: Path) -> None:
    """Fill the empty database; `host` is where the emulator would be, `world` is written for it."""
    now = timezone.now()
    lives = _lives({_key(store) for store in of}, now)
    places = _places(of, host, now)
    groups = {
        store: [
            ConsumerGroup(logstore=place, name=f"cg-{number}", **_settings(now))
            for number in range(store.groups)
        ]
        for store, place in places.items()
    }
    ConsumerGroup.objects.bulk_create([group for own in groups.values() for group in own])
    by_life: dict[Key, list[ConsumerGroup]] = {}
    for store, own in groups.items():
        by_life.setdefault(_key(store), []).extend(own)
    for key, alike in by_life.items():
        _store(lives[key], alike)
    _judge(lives, by_life, now)
    world.write_text(json.dumps(_description(of, lives)))


def _key(store: Store) -> Key:
    number = (store.number * 7919 + 13) % 1009
    kind = pages_past.kind_of(number)
    return kind, store.shards, number % SEEDS if kind == "steady" else 0


def _lives(keys: set[Key], now: datetime) -> dict[Key, Life]:
    ordered = sorted(keys, key=lambda key: -key[1])
    with ProcessPoolExecutor() as processes:
        played = processes.map(_played, ordered, [now] * len(ordered))
        return dict(zip(ordered, played, strict=True))


def _played(key: Key, now: datetime) -> Life:
    kind, shards, seed = key
    return pages_past.play(kind, shards, now=now, days=DAYS, seed=seed)


def _places(of: Sequence[Store], host: str, now: datetime) -> dict[Store, Logstore]:
    """Make endpoints, projects and Logstores; one endpoint more is in trouble, and one is disabled."""
    made = [_endpoint(name, host, now) for name in ENDPOINTS]
    ill, off = _endpoint("legacy", "127.0.0.1:9", now), _endpoint("staging", "127.0.0.1:9", now)
    Endpoint.objects.update(last_success_at=now, discovered_at=now, next_discovery_at=now + LATER)
    Endpoint.objects.filter(pk=ill.pk).update(problem=PROBLEM, problem_at=now, retry_at=now + LATER)
    endpoints.disable(off, actor=SYSTEM, now=now)
    names = list(dict.fromkeys(store.project for store in of))
    projects = {
        name: Project(endpoint=made[place % len(made)], name=name, seen_at=now)
        for place, name in enumerate(names)
    }
    Project.objects.bulk_create(projects.values())
    stores = {
        store: Logstore(
            project=projects[store.project], name=store.name, retention_days=30, retention_read_at=now,
            begins_read_at=now, read_at=now, moved_at=now, read_every=60, seen_at=now,
            next_read_at=now + timedelta(seconds=store.number % 60),
        )
        for store in of
    }  # fmt: skip
    Logstore.objects.bulk_create(stores.values())
    return stores


def _endpoint(name: str, host: str, now: datetime) -> Endpoint:
    return endpoints.add(
        actor=SYSTEM, name=name, scheme="http", host=host, region="cn-hangzhou", signature="v4",
        access_key_id=emulation.KEYS[0], secret=emulation.KEYS[1], typed_projects=[], protection="reason",
        now=now,
    )  # fmt: skip


def _settings(now: datetime) -> dict[str, Any]:
    return {"timeout_seconds": 60, "seen_at": now - timedelta(days=DAYS)}


def _store(life: Life, groups: Sequence[ConsumerGroup]) -> None:
    """Give the same past to all groups of a kind."""
    for at in range(0, len(groups), AT_ONCE):
        some = groups[at : at + AT_ONCE]
        with transaction.atomic():
            HistoryChunk.objects.bulk_create(_chunks(life, some))
            Reading.objects.bulk_create(
                [
                    Reading(group=group, taken_at=at, shards=shards)
                    for group in some
                    for at, shards in life.readings
                ]
            )
            GroupHistory.objects.bulk_create(
                [
                    GroupHistory(
                        group=group, recent=life.recent, recent_at=life.readings[-1][0], **life.untils
                    )
                    for group in some
                ]
            )


def _chunks(life: Life, groups: Sequence[ConsumerGroup]) -> Iterator[HistoryChunk]:
    for group in groups:
        for one in life.chunks:
            yield HistoryChunk(
                group=group, level=one.level, starts_at=one.starts_at, samples=one.samples, marks=one.marks,
                totals=one.totals, shards=one.shards,
            )  # fmt: skip


def _judge(lives: dict[Key, Life], by_life: dict[Key, list[ConsumerGroup]], now: datetime) -> None:
    """Give every group the summary that the collector would have stored with its last reading."""
    for key, groups in by_life.items():
        summary = summaries.judge([(groups[0], lives[key].facts)], now=now)[0].summary
        for group in groups:
            for name, value in summary.items():
                setattr(group, name, value)
        ConsumerGroup.objects.bulk_update(groups, list(summary), batch_size=AT_ONCE)


def _description(of: Sequence[Store], lives: dict[Key, Life]) -> dict[str, Any]:
    """Return what the emulator has to hold: end, checkpoint (null: never saved) and newest time per shard."""
    return {
        "stores": [
            [store.project, store.name, store.groups, "/".join(map(str, _key(store)))] for store in of
        ],
        "lives": {
            "/".join(map(str, key)): [
                [
                    fact.end or decode(fact.checkpoint) + 1,
                    decode(fact.checkpoint) if fact.checkpoint else None,
                    fact.newest_at.timestamp(),
                ]
                for fact in life.facts
            ]
            for key, life in lives.items()
        },
    }
