"""What a reset may do and must tell, judged by the emulator's witness list of writes."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User

from checkpoints.models import Plan, Reset, ShardReset
from checkpoints.services import resets
from emulator import cursors
from tests.properties.world import World, Write

Place = int | str
QUIET_SECONDS = 59  # the timeout of the group is 60
OWN_SECONDS = 6  # the product takes a save this near to a write of its own for its own


@dataclass
class Seen:
    """A plan as its maker saw it, what was written for it so far, and the outcomes told so far."""

    pk: Any
    row: tuple[Any, ...]
    version: int
    expires_at: datetime
    before: dict[int, Place]
    after: dict[int, int]
    cursors: dict[int, str]
    written: Counter[int] = field(default_factory=Counter)
    told: dict[int, tuple[str, Any]] = field(default_factory=dict)

    @classmethod
    def of(cls, plan: Plan) -> Seen:
        lines = {line["shard"]: line for line in plan.body["shards"]}
        return cls(
            pk=plan.pk,
            row=_row(plan),
            version=plan.body["bound"]["config_version"],
            expires_at=plan.expires_at,
            before={shard: place(line["before"]["cursor"]) for shard, line in lines.items()},
            after={shard: int(line["after"]["position"]) for shard, line in lines.items()},
            cursors={shard: line["after"]["cursor"] for shard, line in lines.items()},
        )

    def is_changed(self, plan: Plan) -> bool:
        """Tell whether the stored plan is another than the one that was seen."""
        return _row(plan) != self.row

    def changes(self, shard: int) -> bool:
        return self.before[shard] != self.after[shard]


def _row(plan: Plan) -> tuple[Any, ...]:
    return json.dumps(plan.body, sort_keys=True), plan.hash, plan.signature, plan.maker_id, plan.expires_at


def place(text: str) -> Place:
    """Return the position in a checkpoint, the text where there is none."""
    position = cursors.decode(text)
    return text if position is None else position


def only_what_was_confirmed(seen: Seen, there: Mapping[int, Place], written: list[Write]) -> None:
    """The three promises about one call of apply; `there` is what the emulator held when it began."""
    for write in written:
        planned = seen.cursors.get(write["shard"])
        assert write["cursor"] == planned, f"{write} was not in the confirmed plan: {planned}"
    differing = [shard for shard, before in seen.before.items() if there[shard] != before]
    assert not (differing and written), f"written although the re-read differed on shards {differing}"
    count = Counter(write["shard"] for write in written) + seen.written
    assert max(count.values(), default=0) <= 1, f"written more than once: {count}"
    assert all(seen.changes(shard) for shard in count), f"written where nothing changes: {count}"


def reasons(
    world: World, seen: Seen, plan: Plan, user: User, *, override: bool, faults: Iterable[Any], used: bool
) -> set[type[resets.Refused]]:
    """Return every kind of refusal that is due now; any one of them is right, none of them is wrong."""
    reads = [fault for fault in faults if fault["operation"] == "GetCheckPoint" and "every" not in fault]
    moved = any(world.place(shard) != before for shard, before in seen.before.items())
    due = {
        resets.NotAllowed: plan.maker_id != user.pk
        or (override and not user.has_perm("checkpoints.override_active")),
        resets.PlanInvalid: seen.is_changed(plan) or seen.version != world.group.endpoint.config_version,
        resets.PlanUsed: used,
        resets.PlanExpired: world.now() >= seen.expires_at,
        resets.UpstreamFailed: any(fault["status"] == 403 for fault in reads),
        resets.Moved: moved,
        resets.Busy: world.group.resets.filter(outcome=Reset.Outcome.SENDING).exists(),
    }
    return {kind for kind, is_due in due.items() if is_due}


def refused_for_a_reason(
    error: resets.Refused, due: set[type[resets.Refused]], written: list[Write], *, active: bool | None
) -> None:
    """A refusal wrote nothing and was due; `active` None says that consumers may but need not be seen."""
    assert written == [], f"{error!r}, and written all the same: {written}"
    expected = {*due, resets.ConsumersActive} if active is not False or resets.Moved in due else due
    assert isinstance(error, tuple(expected)), f"{error!r} instead of {expected}"


def is_active(world: World) -> bool | None:
    """Whether a consumer saved within the timeout; None on the edge of it.

    A save of the very place that we wrote a moment ago cannot be told from our own.
    """
    now, ours, lately = world.cloud.now(), world.ours(), []
    for write in {one["shard"]: one for one in world.writes()}.values():
        alike = [own for own in ours if (own["shard"], own["cursor"]) == (write["shard"], write["cursor"])]
        if not any(abs(own["time"] - write["time"]) < OWN_SECONDS for own in alike):
            lately.append(now - write["time"])
    youngest = min(lately, default=QUIET_SECONDS * 2)
    return True if youngest <= QUIET_SECONDS else None if youngest <= QUIET_SECONDS + 2 else False


def truthful(world: World, seen: Seen, reset: Reset, written: list[Write], *, could_read: bool) -> None:
    """What apply says of each shard is so at this moment."""
    wrote = {write["shard"] for write in written}
    for line in reset.shards.all():
        _truthful_now(world, seen, line)
        if could_read:
            assert line.read_back is not None, f"{line} was not read back"
            stands = world.place(line.shard) == seen.after[line.shard]
            assert not stands or line.shard not in wrote or line.outcome == "confirmed", _words(line)
        if line.outcome == "confirmed":
            assert line.shard in wrote or not seen.changes(line.shard), _words(line)


def truthful_when_read_again(world: World, seen: Seen, reset: Reset) -> None:
    """Outcomes and readings that changed since they were last told are so at this moment."""
    for line in reset.shards.all():
        if seen.told.get(line.shard) != (line.outcome, line.read_back):
            _truthful_now(world, seen, line)


def held_where_it_stands(world: World, seen: Seen, reset: Reset) -> None:
    """Right after a look: what is called held is at its target, or was until a later reset wrote there."""
    for line in reset.shards.exclude(watch=""):
        stands = world.place(line.shard) == seen.after[line.shard]
        later = ShardReset.objects.filter(reset__started_at__gt=reset.started_at, shard=line.shard)
        replaced = later.filter(reset__group=reset.group, before__position=line.after["position"]).exists()
        assert stands or replaced or line.watch != "held", f"{_words(line)}: {line.watch}"


def _truthful_now(world: World, seen: Seen, line: ShardReset) -> None:
    seen.told[line.shard] = (line.outcome, line.read_back)
    now = world.place(line.shard)
    if line.read_back is not None:
        assert place(line.read_back["cursor"]) == now, _words(line)
    if line.outcome == "confirmed":
        assert now == seen.after[line.shard], _words(line)
    if line.outcome == "unchanged":
        assert now == seen.before[line.shard], _words(line)
    if line.outcome in {"refused", "not_attempted"}:
        assert not seen.written[line.shard], _words(line)


def truthful_in_the_end(world: World, seen: Seen, reset: Reset) -> None:
    """When all is settled: one write for each confirmed shard, none where it was refused.

    A write that was lost and could not be read back may be called confirmed when somebody else saved the
    same place since: what is read then is no different.
    """
    for line in reset.shards.all():
        assert line.outcome not in {"planned", "sending"}, _words(line)
        assert line.outcome != "unknown" or line.read_back is not None, _words(line)
        count = seen.written[line.shard]
        if line.outcome in {"refused", "not_attempted"}:
            assert count == 0, _words(line)
        if line.outcome == "confirmed" and seen.changes(line.shard):
            by_others = [one["shard"] for one in world.writes() if one["cursor"] == seen.cursors[line.shard]]
            unanswered = line.error or not line.request_id
            assert count == 1 or (unanswered and line.shard in by_others), _words(line)


def _words(line: ShardReset) -> str:
    return f"shard {line.shard}: {line.outcome}, {line.before} to {line.after}, read {line.read_back}"
