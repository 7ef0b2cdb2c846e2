"""Consumers that live inside the emulator: they beat, read, commit, and die as the SDKs' do."""

from emulator import cursors
from emulator.groups import Group
from emulator.logstores import Logstore
from emulator.shards import Shard
from emulator.world import World

Place = tuple[str, str, str]


class Reader:
    """Read shards at a pace (times each shard's write rate) and commit what was read every so often.

    Like the SDKs it reads a checkpoint only when it acquires a shard, and overwrites it afterwards.
    """

    def __init__(self, world: World, place: Place, *, pace: float = 1000, commit_seconds: float = 10) -> None:
        self.world = world
        self.place = place
        self.pace = pace
        self.commit_seconds = commit_seconds
        self.positions: dict[int, int] = {}
        self.committed: dict[int, int] = {}
        self.credit: dict[int, float] = {}
        self.acted = self.saved = world.now()

    def act(self, now: float) -> None:
        project, name, group_name = self.place
        logstore = self.world.projects[project].logstores[name]
        group = logstore.groups.get(group_name)
        if group is None:
            self.positions.clear()
            return
        shards = logstore.shards(now)
        self._take_and_leave(self._assigned(group, logstore, now), group, shards, now)
        for number in self.positions:
            self._read(shards[number], now)
        self.acted = now
        if now - self.saved >= self.commit_seconds:
            self.saved = now
            self._commit_all(shards)

    def _assigned(self, group: Group, logstore: Logstore, now: float) -> set[int]:  # noqa: ARG002
        """Take every shard without asking, as jobs do that only record their progress."""
        return set(logstore.shards(now))

    def _name(self) -> str:
        return ""

    def _take_and_leave(self, assigned: set[int], group: Group, shards: dict[int, Shard], now: float) -> None:
        for number in set(self.positions) - assigned:
            if number in shards:
                self._commit(number)
            del self.positions[number]
        for number in assigned - set(self.positions):
            saved = group.checkpoints.get(number)
            known = cursors.decode(saved.text) if saved else None
            self.positions[number] = shards[number].end(now) if known is None else known
            self.committed[number] = self.positions[number] if known is not None else -1
            self.credit[number] = 0

    def _read(self, shard: Shard, now: float) -> None:
        number, end = shard.number, shard.end(now)
        if not shard.begin(now) <= self.positions[number] <= end:
            self.positions[number] = end
        self.credit[number] += self.pace * max(shard.rate, 0.01) * (now - self.acted)
        step = int(self.credit[number])
        self.credit[number] -= step
        self.positions[number] = min(end, self.positions[number] + step)

    def _commit_all(self, shards: dict[int, Shard]) -> None:
        for number in self.positions:
            if number in shards:
                self._commit(number)

    def _commit(self, number: int) -> None:
        position = self.positions[number]
        if self.committed.get(number) != position:
            self.committed[number] = position
            self.world.commit(self.place, number, cursors.encode(position), consumer=self._name(), force=True)


class Tool:
    """Somebody with a command line who moves the checkpoints of a group by so many seconds, now and then.

    A tool writes without a consumer's name; SLS keeps the one that was there. `every` are seconds.
    """

    def __init__(self, world: World, place: Place, *, by: float, every: float) -> None:
        self.world = world
        self.place = place
        self.by = by
        self.every = every
        self.acted = world.now()

    def act(self, now: float) -> None:
        if now - self.acted < self.every:
            return
        self.acted = now
        project, name, group_name = self.place
        logstore = self.world.projects[project].logstores[name]
        group = logstore.groups[group_name]
        for number, shard in logstore.shards(now).items():
            saved = group.checkpoints.get(number)
            position = cursors.decode(saved.text) if saved else None
            if position is not None:
                aim = shard.position_from(str(int(shard.time_of(position - 1, now) + self.by)), now)
                self.world.commit(self.place, number, cursors.encode(aim), consumer="", force=True)


class Consumer(Reader):
    """A consumer with a name that takes part in the group by heartbeats."""

    def __init__(
        self, world: World, place: Place, name: str, *, pace: float = 1000, commit_seconds: float = 10
    ) -> None:
        super().__init__(world, place, pace=pace, commit_seconds=commit_seconds)
        self.name = name

    def _assigned(self, group: Group, logstore: Logstore, now: float) -> set[int]:
        return set(group.heartbeat(self.name, set(self.positions), logstore.shards(now), now))

    def _name(self) -> str:
        return self.name
