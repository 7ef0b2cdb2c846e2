"""Resets by two operators on a group that is consumed meanwhile, as a machine that hypothesis drives.

The judge is the emulator's witness list of writes. What the product may do is worked out here from the plan
as its maker saw it and from what the emulator holds, never from the product's own rows.
"""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from checkpoints.domain import plans as rules
from checkpoints.models import Endpoint, Plan, Reset
from checkpoints.services import resets
from checkpoints.services.audit import Actor
from emulator import cursors
from tests.properties import judge
from tests.properties.draws import CHOSEN, ENDS, EVENT, FAULTS, LATELY, READ_FAULTS, SHARD, TARGETS
from tests.properties.judge import Seen
from tests.properties.world import NOT_A_NUMBER, SHARDS, World
from tests.services import resetting as the


class Resets(RuleBasedStateMachine):
    """Two operators, one group; `seen` is what each plan said when its maker saw it."""

    shared: Any  # emulator, endpoint, two operators
    tally: Counter[str]  # what happened: a run in which nothing did proves nothing

    def __init__(self) -> None:
        super().__init__()
        emu, self.endpoint, self.people = self.shared
        self.world = World(emu, self.endpoint)
        self.seen: list[Seen] = []
        self.made: list[tuple[Seen, Reset]] = []
        self.accounted = 0

    @initialize(steps=st.integers(0, 8))
    def begin(self, steps: int) -> None:
        self.world.save(1, self.world.begin(1) + 8 + steps, consumer="worker-1")
        self.world.tick(600)

    def teardown(self) -> None:
        self.world.tick(3600)
        resets.settle(self.world.now(), quiet_for=timedelta(0))
        for seen, reset in self.made:
            self.look_at(seen, reset, early=True)
        self.nothing_was_written()
        for seen, reset in self.made:
            judge.truthful_in_the_end(self.world, seen, reset)
            self.tally.update(f"shard: {line.outcome}" for line in reset.shards.all())
            self.tally.update(f"watch: {line.watch}" for line in reset.shards.all() if line.watch)
        self.world.close()

    @invariant()
    def nothing_was_written(self) -> None:
        """No step but a confirmed apply writes; it accounts for its writes itself."""
        assert len(self.world.ours()) == self.accounted, "written outside of a confirmed apply"

    @invariant()
    def count(self) -> None:
        self.tally["steps"] += 1

    # What happens in the world

    @rule(shard=SHARD, steps=st.integers(-2, 6), consumer=st.sampled_from(["worker-1", "worker-2", ""]))
    def a_consumer_saves(self, shard: int, steps: int, consumer: str) -> None:
        self.consume(shard, steps, consumer)

    def consume(self, shard: int, steps: int, consumer: str) -> None:
        world, at = self.world, self.world.place(shard)
        start = at if isinstance(at, int) else world.begin(shard)
        world.save(shard, min(max(start + steps, world.begin(shard)), world.end(shard)), consumer=consumer)

    @rule(shard=SHARD)
    def somebody_saves_what_is_no_position(self, shard: int) -> None:
        self.world.save(shard, NOT_A_NUMBER, consumer="worker-2")

    @rule(shard=SHARD, count=st.integers(1, 5))
    def log_groups_arrive(self, shard: int, count: int) -> None:
        self.world.put(shard, count)

    @rule(shard=SHARD, count=st.integers(1, 6))
    def log_groups_expire(self, shard: int, count: int) -> None:
        self.world.expire(shard, count)

    @rule(seconds=st.sampled_from([1, 20, 70, 130, 280, 301]))
    def time_passes(self, seconds: int) -> None:
        self.world.tick(seconds)

    # What operators do

    @rule(who=st.integers(0, 1), to=TARGETS, shards=CHOSEN, at=SHARD, faults=READ_FAULTS)
    def plan(self, who: int, to: str, shards: list[int] | None, at: int, faults: Any) -> None:
        typed, shards = self.typed(to, shards, at)
        with self.world.faults(faults):
            self.try_to_plan(who, typed, shards)

    def typed(self, to: str, shards: list[int] | None, at: int) -> tuple[str, list[int] | None]:
        if to == "cursor":
            place = self.world.place(at)
            start = place if isinstance(place, int) else self.world.end(at)
            return f"cursor:{cursors.encode(start - 1)}", [at]
        if to == "undo":
            return (f"undo:{self.made[-1][1].pk}", None) if self.made else ("earliest", shards)
        return to, shards

    def try_to_plan(self, who: int, typed: str, shards: list[int] | None) -> Seen | None:
        try:
            plan = the.make(self.world.group, self.people[who], typed, shards, now=self.world.now())
        except resets.Refused as refusal:
            self.tally[f"no plan: {refusal.code}"] += 1
            return None
        self.tally["plans"] += 1
        self.seen.append(Seen.of(plan))
        return self.seen[-1]

    @precondition(lambda self: self.seen)
    @rule(
        which=LATELY,
        who=st.integers(0, 1),
        own=st.booleans(),
        override=st.booleans(),
        stop=st.booleans(),
        faults=FAULTS,
        snatch=st.none() | st.none() | st.integers(0, 3),
    )
    def apply(
        self, which: int, who: int, own: bool, override: bool, stop: bool, faults: Any, snatch: int | None
    ) -> None:
        seen = self.lately(which)
        with self.world.faults(faults), self.world.snatching(snatch):
            self.confirm(
                seen, self.maker(seen) if own else who, override=override, faults=faults, stop_at_unknown=stop
            )

    @rule(to=TARGETS, at=SHARD, shards=CHOSEN, faults=FAULTS)
    def plan_and_apply(self, to: str, at: int, shards: list[int] | None, faults: Any) -> None:
        self.world.tick(70)
        if seen := self.try_to_plan(0, *self.typed(to, shards, at)):
            with self.world.faults(faults):
                self.confirm(seen, 0, override=True, faults=faults)

    @rule(
        to=ENDS | TARGETS, at=SHARD, event=EVENT, where=SHARD, count=st.integers(1, 4), override=st.booleans()
    )
    def something_happens_between_plan_and_apply(
        self, to: str, at: int, event: str, where: int, count: int, override: bool
    ) -> None:
        if override:
            self.world.tick(70)
        if seen := self.try_to_plan(0, *self.typed(to, None, at)):
            if event == "save":
                self.consume(where, count - 1, "worker-1")
            elif event == "put":
                self.world.put(where, count)
            else:
                self.world.expire(where, count)
            self.confirm(seen, 0, override=override)

    @rule(to=TARGETS, at=SHARD, where=SHARD, steps=st.integers(0, 3), override=st.booleans())
    def a_reset_under_a_running_consumer(
        self, to: str, at: int, where: int, steps: int, override: bool
    ) -> None:
        self.consume(where, 0, "worker-1")
        if seen := self.try_to_plan(0, *self.typed(to, None, at)):
            there = self.world.place(where)
            self.confirm(seen, 0, override=override)
            self.world.tick(3)
            if isinstance(there, int):
                self.world.save(where, min(there + steps, self.world.end(where)), consumer="worker-1")

    @rule(to=TARGETS, other=TARGETS, shards=CHOSEN)
    def both_plan_and_both_apply(self, to: str, other: str, shards: list[int] | None) -> None:
        self.world.tick(70)
        plans = [self.try_to_plan(who, *self.typed(goal, shards, 1)) for who, goal in ((0, to), (1, other))]
        for seen in filter(None, plans):
            self.confirm(seen, self.maker(seen))

    @rule(to=TARGETS, at=SHARD, other=TARGETS, seconds=st.sampled_from([1, 50, 70]))
    def a_process_dies_after_the_intent(self, to: str, at: int, other: str, seconds: int) -> None:
        self.world.tick(70)
        if seen := self.try_to_plan(0, *self.typed(to, None, at)):
            self.confirm(seen, 0, run=lambda _work: None)
        self.world.tick(seconds)
        if seen := self.try_to_plan(1, *self.typed(other, None, at)):
            self.confirm(seen, 1)
        self.settle_now(())

    @precondition(lambda self: self.seen)
    @rule(which=LATELY)
    def an_old_plan_is_applied(self, which: int) -> None:
        self.world.tick(301)
        self.confirm(self.lately(which), self.maker(self.lately(which)))

    def lately(self, which: int) -> Seen:
        return self.seen[-1 - which % len(self.seen)]

    def maker(self, seen: Seen) -> int:
        return [user.pk for user in self.people].index(Plan.objects.get(pk=seen.pk).maker_id)

    def confirm(self, seen: Seen, who: int, *, override: bool = False, faults: Any = (), **how: Any) -> None:
        """Apply a plan and judge what came of it."""
        world, user, plan = self.world, self.people[who], Plan.objects.get(pk=seen.pk)
        there = {shard: world.place(shard) for shard in SHARDS}
        used = any(seen is other for other, _ in self.made)
        due = judge.reasons(world, seen, plan, user, override=override, faults=faults, used=used)
        active = judge.is_active(world)
        words = {"reason": "bad deploy", "override_active": override, "now": world.now(), **how}
        before, reset = len(world.ours()), None
        try:
            reset = resets.apply(plan, user=user, actor=Actor.of(user), **words)
        except resets.Refused as refusal:
            error = refusal
            self.tally[f"refused: {refusal.code}"] += 1
        written = world.ours()[before:]
        self.accounted += len(written)
        judge.only_what_was_confirmed(seen, there, written)
        if reset is None:
            judge.refused_for_a_reason(error, due, written, active=False if override else active)
            return
        assert not due, f"not refused although due: {due}"
        assert override or not active, "not refused although somebody was consuming"
        seen.written.update(write["shard"] for write in written)
        self.made.append((seen, reset))
        self.tally["resets"] += 1
        self.tally["writes"] += len(written)
        if "run" not in how:
            could_read = not any(fault["operation"] == "GetCheckPoint" for fault in faults)
            judge.truthful(world, seen, reset, written, could_read=could_read)

    # What happens to plans and resets afterwards

    @precondition(lambda self: self.seen)
    @rule(which=LATELY, kind=st.sampled_from(["after", "rehashed", "before", "expires", "maker", "reopen"]))
    def somebody_changes_a_stored_plan(self, which: int, kind: str) -> None:
        plan = Plan.objects.get(pk=self.lately(which).pk)
        line = plan.body["shards"][0]
        if kind in {"after", "rehashed"}:
            position = int(line["after"]["position"]) + 1
            line["after"] |= {"position": str(position), "cursor": cursors.encode(position)}
        elif kind == "before":
            at = self.world.begin(line["shard"])
            line["before"] |= {"position": str(at), "cursor": cursors.encode(at)}
        elif kind == "expires":
            plan.expires_at += timedelta(hours=1)
        elif kind == "maker":
            plan.maker = next(user for user in self.people if user.pk != plan.maker_id)
        else:
            plan.used_at = None
        if kind in {"rehashed", "before"}:
            plan.hash = rules.digest(plan.body)
        plan.save()

    @rule()
    def somebody_edits_the_endpoint(self) -> None:
        self.endpoint.config_version += 1
        Endpoint.objects.filter(pk=self.endpoint.pk).update(config_version=self.endpoint.config_version)
        self.world.group.refresh_from_db()

    @rule(faults=READ_FAULTS)
    def settle(self, faults: Any) -> None:
        self.settle_now(faults)

    def settle_now(self, faults: Any) -> None:
        with self.world.faults(faults):
            resets.settle(self.world.now())
        self.all_truthful()

    @precondition(lambda self: self.made)
    @rule(which=LATELY, faults=READ_FAULTS, early=st.booleans())
    def look(self, which: int, faults: Any, early: bool) -> None:
        with self.world.faults(faults):
            self.look_at(*self.made[-1 - which % len(self.made)], early=early)
        self.all_truthful()

    def look_at(self, seen: Seen, reset: Reset, *, early: bool) -> None:
        reset.refresh_from_db()
        if resets.is_open(reset):
            now = self.world.now()
            resets.look(reset, now=now, until=now if early else None)
            judge.held_where_it_stands(self.world, seen, reset)

    def all_truthful(self) -> None:
        for seen, reset in self.made:
            judge.truthful_when_read_again(self.world, seen, reset)
