"""A consumer group as the server sees it (docs/sls-protocol.md, section Consumers)."""

from collections.abc import Mapping
from dataclasses import dataclass

from emulator import cursors
from emulator.errors import ServiceError, group_missing
from emulator.shards import Shard

Shards = Mapping[int, Shard]


@dataclass(slots=True)
class Checkpoint:
    """What GetCheckPoint tells of one shard; updated is in microseconds, 0 when never written."""

    text: str = ""
    updated: int = 0
    consumer: str = ""


class Group:
    """Checkpoints, live consumers and who holds which shard.

    Every method takes the time; nothing runs by itself.
    """

    def __init__(self, name: str, *, timeout: int = 60, order: bool = False) -> None:
        self.name = name
        self.timeout = timeout
        self.order = order
        self.checkpoints: dict[int, Checkpoint] = {}
        self.consumers: dict[str, float] = {}
        self.holders: dict[int, str] = {}
        self.transfers: dict[int, str] = {}
        self.released: set[int] = set()

    def describe(self) -> dict[str, object]:
        return {"name": self.name, "timeout": self.timeout, "order": self.order}

    def change(self, shards: Shards, *, timeout: int | None, order: bool | None) -> None:
        """Update timeout and order; order=true binds only shards created later."""
        if order and not self.order:
            self.released.update(shards)
        self.timeout = self.timeout if timeout is None else timeout
        self.order = self.order if order is None else order

    def heartbeat(self, consumer: str, claimed: set[int], shards: Shards, now: float) -> list[int]:
        """Register the consumer's beat and answer the shards it may read from now on."""
        self.expire(now)
        self.consumers[consumer] = now
        self._settle_transfers(consumer, claimed)
        self._balance(shards, now)
        return [shard for shard in self.held_by(consumer) if shard not in self.transfers]

    def held_by(self, consumer: str) -> list[int]:
        return sorted(shard for shard, holder in self.holders.items() if holder == consumer)

    def expire(self, now: float) -> None:
        """Remove consumers without a heartbeat for longer than the timeout, and free their shards."""
        for consumer in [name for name, seen in self.consumers.items() if now - seen > self.timeout]:
            del self.consumers[consumer]
        self.holders = {shard: holder for shard, holder in self.holders.items() if holder in self.consumers}
        self.transfers = {
            shard: heir
            for shard, heir in self.transfers.items()
            if heir in self.consumers and shard in self.holders
        }

    def state(self, shard: Shard, shards: Shards, now: float) -> str:
        """Return not_alloc, already_alloc, transfer, wait or over."""
        if self.is_over(shard, now):
            return "over"
        if self._waits(shard, shards, now):
            return "wait"
        if shard.number in self.transfers:
            return "transfer"
        return "already_alloc" if shard.number in self.holders else "not_alloc"

    def is_over(self, shard: Shard, now: float) -> bool:
        """Say whether a readonly shard is consumed to its end; a rewind makes it consumable again."""
        saved = self.checkpoints.get(shard.number)
        return shard.is_readonly and saved is not None and cursors.decode(saved.text) == shard.end(now)

    def commit(self, shard: Shard, text: str, *, consumer: str, force: bool, now: float) -> None:
        """Store a checkpoint; without force only the present holder may (section Consumers)."""
        if not force:
            self.expire(now)
            self._check_holder(shard.number, consumer)
        if not cursors.is_base64(text):
            raise ServiceError(
                400, "InvalidShardCheckPoint", f"checkpoint {text} of shard {shard.number} is invalid"
            )
        saved = self.checkpoints.setdefault(shard.number, Checkpoint())
        saved.text = "".join(text.split())
        saved.updated = int(now * 1_000_000)
        saved.consumer = consumer or saved.consumer
        if self.is_over(shard, now):
            self.holders.pop(shard.number, None)
            self.transfers.pop(shard.number, None)

    def rows(self, shards: Shards) -> list[dict[str, object]]:
        """Answer GetCheckPoint: every shard, and deleted ones that still have a checkpoint."""
        numbers = sorted({*shards, *self.checkpoints})
        return [_row(number, self.checkpoints.get(number, Checkpoint())) for number in numbers]

    def _check_holder(self, shard: int, consumer: str) -> None:
        if consumer not in self.consumers:
            raise ServiceError(404, "ConsumerNotExist", f"consumer {consumer} dose not exist")
        if self.holders.get(shard) != consumer:
            raise ServiceError(
                400, "ConsumerNotMatch", f"consumer {consumer} is not the holder of shard {shard}"
            )

    def _settle_transfers(self, consumer: str, claimed: set[int]) -> None:
        """Hand over the shards this consumer has let go."""
        for shard in [number for number in self.transfers if self.holders.get(number) == consumer]:
            if shard not in claimed:
                self.holders[shard] = self.transfers.pop(shard)
                self._label(shard)

    def _balance(self, shards: Shards, now: float) -> None:
        """Give free shards away and keep any two consumers within one shard of each other."""
        free = {number for number, shard in shards.items() if self._may_hold(shard, shards, now)}
        self.holders = {shard: holder for shard, holder in self.holders.items() if shard in free}
        self.transfers = {shard: heir for shard, heir in self.transfers.items() if shard in free}
        loads: dict[str, list[int]] = {name: [] for name in sorted(self.consumers)}
        for shard, holder in self.holders.items():
            loads[self.transfers.get(shard, holder)].append(shard)
        for shard in sorted(free - set(self.holders)):
            poorest = min(loads, key=lambda name: len(loads[name]))
            self.holders[shard] = poorest
            loads[poorest].append(shard)
            self._label(shard)
        self._even_out(loads)

    def _even_out(self, loads: dict[str, list[int]]) -> None:
        while True:
            poorest = min(loads, key=lambda name: len(loads[name]))
            richest = max(loads, key=lambda name: len(loads[name]))
            if len(loads[richest]) - len(loads[poorest]) <= 1:
                return
            shard = max(loads[richest])
            loads[richest].remove(shard)
            loads[poorest].append(shard)
            self.transfers[shard] = poorest
            if self.holders[shard] == poorest:
                del self.transfers[shard]

    def _may_hold(self, shard: Shard, shards: Shards, now: float) -> bool:
        return not self.is_over(shard, now) and not self._waits(shard, shards, now)

    def _waits(self, shard: Shard, shards: Shards, now: float) -> bool:
        if not self.order or shard.number in self.released:
            return False
        if all(self._is_finished(parent, shards, now) for parent in shard.parents):
            self.released.add(shard.number)
            return False
        return True

    def _is_finished(self, number: int, shards: Shards, now: float) -> bool:
        """Say whether a parent holds nothing more for this group: deleted, read to its end, or empty."""
        shard = shards.get(number)
        if shard is None:
            return True
        emptied = shard.is_readonly and shard.begin(now) == shard.end(now)
        return (self.is_over(shard, now) or emptied) and not self._waits(shard, shards, now)

    def _label(self, shard: int) -> None:
        self.checkpoints.setdefault(shard, Checkpoint()).consumer = self.holders[shard]


def find(groups: Mapping[str, Group], name: str) -> Group:
    if name not in groups:
        raise group_missing(name)
    return groups[name]


def _row(number: int, saved: Checkpoint) -> dict[str, object]:
    return {
        "shard": number,
        "checkpoint": saved.text,
        "updateTime": saved.updated,
        "consumer": saved.consumer,
    }
