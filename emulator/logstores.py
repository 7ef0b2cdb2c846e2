"""Logstores and projects: shards, their splits and merges, and the groups that read them."""

import random
from itertools import pairwise

from emulator.errors import ServiceError, logstore_missing, parameter_invalid, shard_missing
from emulator.groups import Group
from emulator.shards import KEY_SPACE, Shard, key_number, key_text

DAY_SECONDS = 86_400
SEED_NOISE = 10**11  # so that a base is visibly not the creation time


class Logstore:
    """Shards by id and groups by name."""

    def __init__(
        self, name: str, *, created: float, ttl_days: float = 30, kind: str = "app", dice: random.Random
    ) -> None:
        self.name = name
        self.created = created
        self.ttl_days = ttl_days
        self.kind = kind
        self.all_shards: dict[int, Shard] = {}
        self.groups: dict[str, Group] = {}
        self.turn = 0
        self._next_number = 0
        self._dice = dice

    def add_shards(self, count: int, now: float) -> None:
        """Divide the whole key space evenly over count new shards."""
        edges = [key_text(KEY_SPACE * part // count) for part in range(count + 1)]
        for low, high in pairwise(edges):
            self._new_shard((low, high), now)

    def shards(self, now: float) -> dict[int, Shard]:
        """Return the shards that exist: a readonly one is deleted with its last data."""
        for number in [number for number, shard in self.all_shards.items() if shard.is_gone(now)]:
            del self.all_shards[number]
        return self.all_shards

    def shard(self, number: str | int, now: float, *, missing_status: int = 400) -> Shard:
        shards = self.shards(now)
        text = str(number)
        shard = shards.get(int(text)) if text.isascii() and text.isdigit() and len(text) < 10 else None
        if shard is None:
            raise shard_missing(text, status=missing_status)
        return shard

    def split(self, number: str | int, key: str, now: float, count: int = 2) -> list[Shard]:
        """Close a shard and open children over its keys; return parent, then children."""
        parent = self._writable(number, now)
        low, high = (key_number(text) for text in parent.keys)
        if count == 2 and key:
            edges = [low, key_number(key), high]
        else:
            edges = [low + (high - low) * part // count for part in range(count + 1)]
        if edges != sorted(set(edges)):
            raise parameter_invalid(f"split key {key} is not inside shard {number}")
        parent.close(now)
        pairs = pairwise(edges)
        return [parent, *(self._child((key_text(a), key_text(b)), (parent,), now) for a, b in pairs)]

    def merge(self, number: str | int, now: float) -> list[Shard]:
        """Close a shard and its right neighbour; return the merged shard, then both parents."""
        left = self._writable(number, now)
        right = next((one for one in self.writable(now) if one.keys[0] == left.keys[1]), None)
        if right is None:
            raise parameter_invalid(f"shard {number} has no right neighbour to merge with")
        for parent in (left, right):
            parent.close(now)
        return [self._child((left.keys[0], right.keys[1]), (left, right), now), left, right]

    def writable(self, now: float) -> list[Shard]:
        return [shard for shard in self.shards(now).values() if not shard.is_readonly]

    def next_writable(self, now: float) -> Shard:
        """Take turns over the readwrite shards, as the balanced PutLogs does."""
        shards = self.writable(now)
        if not shards:
            raise ServiceError(400, "LogStoreWithoutShard", f"logstore {self.name} has no shard")
        self.turn += 1
        return shards[self.turn % len(shards)]

    def describe(self) -> dict[str, object]:
        return {
            "logstoreName": self.name,
            "ttl": int(self.ttl_days),
            "hot_ttl": int(self.ttl_days),
            "shardCount": len(self.all_shards),
            "enable_tracking": False,
            "autoSplit": True,
            "maxSplitShard": 64,
            "appendMeta": False,
            "telemetryType": "None",
            "mode": "standard",
            "createTime": int(self.created),
            "lastModifyTime": int(self.created),
            "productType": "",
        }

    def _writable(self, number: str | int, now: float) -> Shard:
        shard = self.shard(number, now)
        if shard.is_readonly:
            raise parameter_invalid(f"shard {number} is readonly")
        return shard

    def _child(self, keys: tuple[str, str], parents: tuple[Shard, ...], now: float) -> Shard:
        child = self._new_shard(keys, now)
        child.parents = tuple(parent.number for parent in parents)
        child.ttl_seconds = parents[0].ttl_seconds
        child.rate = sum(parent.rate for parent in parents) / (1 if len(parents) > 1 else 2)
        return child

    def _new_shard(self, keys: tuple[str, str], now: float) -> Shard:
        number = self._next_number
        self._next_number += 1
        base = int(now * 1_000_000) * 1000 + self._dice.randrange(SEED_NOISE)
        shard = Shard(
            number, base=base, created=now, keys=keys, ttl_seconds=self.ttl_days * DAY_SECONDS, kind=self.kind
        )
        self.all_shards[number] = shard
        return shard


class Project:
    """Logstores by name, with what GetProject tells of it."""

    def __init__(self, name: str, *, created: float, region: str, description: str = "") -> None:
        self.name = name
        self.created = created
        self.region = region
        self.description = description
        self.logstores: dict[str, Logstore] = {}

    def logstore(self, name: str) -> Logstore:
        if name not in self.logstores:
            raise logstore_missing(name)
        return self.logstores[name]

    def describe(self) -> dict[str, object]:
        return {
            "projectName": self.name,
            "description": self.description,
            "status": "Normal",
            "owner": "",
            "region": self.region,
            "createTime": str(int(self.created)),
            "lastModifyTime": str(int(self.created)),
            "resourceGroupId": "",
            "dataRedundancyType": "LRS",
            "recycleBinEnabled": False,
        }
