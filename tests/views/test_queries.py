"""Pages at any size: at most twelve queries, as many for many rows as for few, each of them by an index."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.db import connection
from django.utils import timezone

from bench import pages_queries, query_plans
from checkpoints.domain.history import pack_samples, pack_totals
from checkpoints.domain.messages import say
from checkpoints.models import (
    Alert,
    AlertRule,
    AuditRow,
    Channel,
    ConsumerGroup,
    GroupHistory,
    HistoryChunk,
    HourlyCalls,
    Label,
    Notice,
    Pin,
    Plan,
    Reading,
    Reset,
    SavedView,
    ShardReset,
    Snapshot,
)
from checkpoints.services import audit
from checkpoints.services.audit import Actor
from tests.conftest import ROLES
from tests.views.lagging import facts, group, store

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.skipif(connection.vendor != "sqlite", reason="the plans are those of SQLite"),
]
NOW = timezone.now()
TOTALS, SHARDS = pack_totals([]), pack_samples([])
LATE: dict[str, Any] = {
    "verdict": "behind",
    "severity": 5,
    "lag_seconds": 11520.0,
    "backlog": 9,
    "read_at": NOW,
}


@pytest.fixture
def clients(signed_in, people):
    """Somebody who may only look, and somebody who has all roles."""
    everything = people["operator"]
    everything.groups.add(*everything.groups.model.objects.filter(name__in=ROLES))
    return [signed_in("viewer"), signed_in("operator")]


@pytest.fixture
def first(people) -> Any:
    """A group with something of everything, and an alert of it."""
    made = group("first", shards=[facts("behind", shard) for shard in range(3)], **LATE)
    everything_of(made, people)
    # So young for the next minute that no page asks the service.
    at = timezone.now() + timedelta(seconds=55)
    Reading.objects.update(taken_at=at)
    ConsumerGroup.objects.update(read_at=at)
    return made, Alert.objects.get(group=made)


def everything_of(made: ConsumerGroup, people: dict[str, Any]) -> None:
    """Give a group a history, labels, pins, resets, snapshots, alerts and audit rows."""
    day = timedelta(days=1)
    untils = dict.fromkeys(("raw_until", "five_until", "hourly_until"), NOW - timedelta(minutes=15))
    GroupHistory.objects.create(group=made, begins_at=NOW - 30 * day, **untils)
    for level in (0, 1, 2):
        HistoryChunk.objects.create(
            group=made, level=level, starts_at=NOW - day, samples=0, totals=TOTALS, shards=SHARDS
        )
    Label.objects.create(group=made, name=f"label-{made.pk % 9}")
    for user in (people["viewer"], people["operator"]):
        if user.pins.count() < 5:
            Pin.objects.create(user=user, group=made)
            SavedView.objects.create(user=user, name=f"view {made.pk}", query="order=lag")
    plan = Plan.objects.create(group=made, maker=people["viewer"], made_at=NOW, expires_at=NOW, body={})
    reset = Reset.objects.create(plan=plan, group=made, actor_name="mei", reason="r", started_at=NOW)
    ShardReset.objects.create(
        reset=reset, shard=0, before={}, after={"position": "5"}, sent_at=NOW, settled_at=NOW
    )
    Snapshot.objects.create(group=made, name="before", taken_at=NOW, shards=[])
    rule, _ = AlertRule.objects.get_or_create(name="slow", pattern="*", condition="lag", limit=600)
    channel, _ = Channel.objects.get_or_create(name="ops", kind="email", place="ops@example.com")
    alert = Alert.objects.create(rule=rule, group=made, state="firing", since=NOW, words=say("late").dump())
    body = {"rule": "slow", "consumer_group": made.name, "event": "fired"}
    Notice.objects.create(alert=alert, number=1, channel=channel, body=body, made_at=NOW, due_at=NOW)
    hour = NOW.replace(minute=0, second=0, microsecond=0)
    HourlyCalls.objects.get_or_create(endpoint=made.endpoint, hour=hour, defaults={"calls": 5})
    audit.append(
        [
            audit.row(
                action, actor=Actor("", "mei"), outcome="done", group=made, before={"timeout_seconds": 9}
            )
            for action in ("group.changed", "snapshot.taken")
        ]
    )
    assert AuditRow.objects.filter(consumer_group=made.name).count() == 2


def test_a_page_takes_at_most_twelve_queries_and_as_many_for_many_rows_as_for_few(clients, first, people):
    made, alert = first
    addresses = list(pages_queries.addresses(made.pk, alert.pk))
    pages_queries.counts(clients, addresses)  # the first visits of a process load what they then keep
    few = {one.page: one.queries for one in pages_queries.counts(clients, addresses)}
    for number in range(60):
        place = store(f"endpoint-{number % 6}", f"proj-{number % 15}", f"store-{number}")
        everything_of(group(f"cg-{number}", at=place, shards=[facts("behind")], **LATE), people)
    many = {one.page: one.queries for one in pages_queries.counts(clients, addresses)}
    assert many == few
    assert max(few.values()) <= pages_queries.MOST, few


def test_no_page_reads_a_growing_table_without_an_index(clients, first):
    made, alert = first
    counts = pages_queries.counts(clients, pages_queries.addresses(made.pk, alert.pk))
    assert {one.page: one.read_whole for one in counts if one.read_whole} == {}


@pytest.mark.parametrize(
    ("made", "expected"),
    [
        (lambda: ConsumerGroup.objects.filter(timeout_seconds=60), ["checkpoints_consumergroup"]),
        (lambda: ConsumerGroup.objects.filter(verdict="ok"), []),
        (lambda: ConsumerGroup.objects.order_by("name", "pk")[:5], []),
        (lambda: Pin.objects.filter(group__in=Label.objects.filter(id__gt=5).values("group")), []),
        (
            lambda: Reset.objects.filter(group__in=ConsumerGroup.objects.filter(lost=5)),
            ["checkpoints_consumergroup"],
        ),
    ],
)
def test_a_table_that_is_read_whole_is_found_out(made, expected):
    with query_plans.asked() as seen:
        list(made())
    assert [table for query in seen for table in query_plans.read_whole(query)] == expected
