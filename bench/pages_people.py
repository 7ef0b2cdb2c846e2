"""Twenty people and what they left in the fleet of bench_pages: pins, labels, alerts, resets, audit rows."""

from __future__ import annotations

import random
import uuid
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django.contrib.auth.hashers import make_password
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.utils import timezone

from checkpoints.domain.messages import say
from checkpoints.models import (
    Alert,
    AlertRule,
    Approval,
    Channel,
    ConsumerGroup,
    Label,
    Notice,
    Pin,
    Plan,
    Reset,
    SavedView,
    ShardReset,
    Snapshot,
)
from checkpoints.services import audit
from checkpoints.services.audit import SYSTEM, Actor

PASSWORD = "correct horse battery staple"
ROLES = [["viewer"]] * 6 + [["operator"]] * 8 + [["operator", "auditor"]] * 2 + [["approver"]] * 2
ROLES += [["operator", "approver", "admin", "auditor"]] * 2
LITTLE, EVERYTHING = "person-0", "person-19"
"""Who may only look, and who has all roles."""
LABELS = ("payments", "critical", "night shift", "team data", "to be removed", "search")
CONDITIONS = (
    ("lag", 600.0),
    ("unread", 900.0),
    ("stalled", None),
    ("data_loss", 86_400.0),
    ("backlog", 10_000.0),
)
AUDITED, RESETS, SNAPSHOTS, RESOLVED = 3000, 200, 300, 400


def names() -> list[str]:
    """Return the names of all people."""
    return [f"person-{number}" for number in range(len(ROLES))]


@transaction.atomic
def fill() -> None:
    """Make the people and what they left."""
    dice, now = random.Random(1), timezone.now()
    groups = list(ConsumerGroup.objects.select_related("logstore__project__endpoint").order_by("pk"))
    sealed = make_password(PASSWORD)
    users = [_user(name, roles, sealed) for name, roles in zip(names(), ROLES, strict=True)]
    _kept_by_people(users, groups, dice)
    _alerts(groups, dice, now)
    for _ in range(RESETS):
        _reset(dice.choice(groups), dice.choice(users), now - timedelta(hours=dice.randrange(1, 700)))
    _approvals(users, groups, now)
    _snapshots(groups, dice, now)
    rows = [_audited(dice.choice(groups), dice.choice(users), dice, now) for _ in range(AUDITED)]
    for at in range(0, len(rows), 500):
        audit.append(rows[at : at + 500])


def _user(name: str, roles: Sequence[str], sealed: str) -> User:
    user = User.objects.create(username=name, password=sealed)
    user.groups.set(Group.objects.filter(name__in=roles))
    return user


def _kept_by_people(users: Sequence[User], groups: Sequence[ConsumerGroup], dice: random.Random) -> None:
    for user in users:
        Pin.objects.bulk_create(Pin(user=user, group=group) for group in dice.sample(groups, 3))
        SavedView.objects.create(user=user, name="Late in Hangzhou", query="endpoint=hangzhou&verdict=behind")
        SavedView.objects.create(user=user, name="By backlog", query="order=backlog")
    for group in dice.sample(groups, len(groups) // 4):
        names = dice.sample(LABELS, dice.randrange(1, 3))
        Label.objects.bulk_create(Label(group=group, name=name) for name in names)


def _alerts(groups: Sequence[ConsumerGroup], dice: random.Random, now: datetime) -> None:
    channel = Channel.objects.create(name="on call", kind="email", place="oncall@example.com", enabled=False)
    rules = []
    for place, (condition, limit) in enumerate(CONDITIONS):
        rule = AlertRule.objects.create(
            name=f"Rule {place}: {condition}", pattern="*", condition=condition, limit=limit
        )
        rule.channels.add(channel)
        rules.append(rule)
    late = [group for group in groups if group.severity < 6]
    for group in dice.sample(late, min(60, len(late))):
        state = dice.choice(["firing", "firing", "pending", "acknowledged", "silenced"])
        _alert(dice.choice(rules), group, state, channel, now - timedelta(minutes=dice.randrange(5, 600)))
    for group in dice.sample(groups, min(RESOLVED, len(groups))):
        _alert(dice.choice(rules), group, "resolved", channel, now - timedelta(hours=dice.randrange(1, 700)))


def _alert(rule: AlertRule, group: ConsumerGroup, state: str, channel: Channel, since: datetime) -> None:
    is_over = state == "resolved"
    alert, is_new = Alert.objects.get_or_create(
        rule=rule, group=group,
        defaults={
            "state": state, "streak": 3, "sampled_at": since, "since": since, "events": 2 if is_over else 1,
            "resolved_at": since + timedelta(minutes=20) if is_over else None,
            "silenced_until": since + timedelta(days=3) if state == "silenced" else None,
            "words": say("Lag is %(lag)s.", lag="12m").dump(),
        },
    )  # fmt: skip
    if is_new and state != "pending":
        body = {"rule": rule.name, "consumer_group": group.name, "event": "fired"}
        Notice.objects.create(
            alert=alert, number=1, channel=channel, body=body, state="sent", made_at=since, due_at=since,
            attempts=1, sent_at=since,
        )  # fmt: skip


def _plan(group: ConsumerGroup, user: User, at: datetime, **changes: Any) -> Plan:
    body = {
        "endpoint": group.endpoint.name, "project": group.project.name, "logstore": group.logstore.name,
        "group": group.name, "target": "2h ago", "warnings": [],
        "shards": [{"shard": shard, "end": "100"} for shard in range(group.shard_count or 0)],
    }  # fmt: skip
    return Plan.objects.create(
        group=group, maker=user, made_at=at, expires_at=at + timedelta(minutes=5), body=body, **changes
    )


def _reset(group: ConsumerGroup, user: User, at: datetime) -> None:
    reset = Reset.objects.create(
        plan=_plan(group, user, at, used_at=at), group=group, actor=user, actor_name=user.get_username(),
        reason="a poisoned batch", outcome="confirmed", started_at=at, finished_at=at,
        watch_until=at + timedelta(minutes=2), looked_at=at + timedelta(minutes=2),
    )  # fmt: skip
    place = {"cursor": "MTAw", "position": "100", "time": at.isoformat()}
    ShardReset.objects.bulk_create(
        ShardReset(
            reset=reset, shard=shard, before=place, after=place, read_back=place, outcome="confirmed",
            watch="held", sent_at=at, settled_at=at,
        )
        for shard in range(group.shard_count or 0)
    )  # fmt: skip


def _approvals(users: Sequence[User], groups: Sequence[ConsumerGroup], now: datetime) -> None:
    """Leave some requests open for longer than the measurement takes, and many that are answered."""
    for place, group in enumerate(groups[:60]):
        user = users[7 + place % 8]
        wanted = {"state": "asked", "expires_at": now + timedelta(days=1)} if place < 5 else {
            "state": "approved", "expires_at": now, "decided_by": users[-1],
        }  # fmt: skip
        Approval.objects.create(
            plan=_plan(group, user, now - timedelta(days=place)),
            asked_by=user,
            asked_at=now,
            reason="reread",
            **wanted,
        )


def _snapshots(groups: Sequence[ConsumerGroup], dice: random.Random, now: datetime) -> None:
    for group in dice.choices(groups, k=SNAPSHOTS):
        shards = [
            {"shard": shard, "cursor": "MTAw", "position": "100", "read_at": None, "unread_at": None}
            for shard in range(group.shard_count or 0)
        ]
        at = now - timedelta(hours=dice.randrange(700))
        Snapshot.objects.create(
            group=group, name="before the release", taken_at=at, taken_by="mei", shards=shards
        )


def _audited(group: ConsumerGroup, user: User, dice: random.Random, now: datetime) -> Any:
    action = dice.choice(
        ["snapshot.taken", "reset.requested", "reset.finished", "group.changed", "logs.peeked"]
    )
    before, after = {"timeout_seconds": 60}, {"timeout_seconds": 30}
    return audit.row(
        action,
        actor=SYSTEM if action == "group.changed" else Actor(str(user.pk), user.get_username(), "operator"),
        outcome="seen" if action == "group.changed" else "done",
        group=group,
        object_id=uuid.UUID(int=dice.getrandbits(128)),
        before=before if action == "group.changed" else None,
        after=after if action == "group.changed" else None,
        reason="why not",
        at=now - timedelta(hours=dice.randrange(700)),
    )
