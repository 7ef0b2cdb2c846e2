"""Calls per hour and endpoint: counted here, added up in the database."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from checkpoints.models import ConsumerGroup, Endpoint, HourlyCalls
from checkpoints.queries import endpoints as queries
from checkpoints.services import collector, connections, spent

pytestmark = pytest.mark.django_db
AT = "2026-11-21T03:10:00Z"


@pytest.fixture(autouse=True)
def nothing_counted() -> None:
    spent.flush()


def test_every_call_counts_also_one_that_fails(emu: Any, endpoint: Endpoint) -> None:
    emu.fault("ListShards", status=404, code="LogStoreNotExist", times=1)
    client = connections.connect(endpoint)
    client.list_projects()
    with pytest.raises(Exception, match="LogStoreNotExist"):
        client.list_shards("proj", "store")
    spent.flush()
    assert HourlyCalls.objects.get(endpoint=endpoint).calls == emu.stats()["total"] == 2


def test_flushes_add_up_within_an_hour(endpoint: Endpoint) -> None:
    for minute in (10, 40, 70):
        with time_machine.travel(AT) as time:
            time.shift(timedelta(minutes=minute - 10))
            spent.count(endpoint.pk)
            spent.flush()
    rows = HourlyCalls.objects.order_by("hour").values_list("hour", "calls")
    assert [(hour.isoformat()[11:16], calls) for hour, calls in rows] == [("03:00", 2), ("04:00", 1)]


def test_what_is_older_than_thirty_days_goes(endpoint: Endpoint) -> None:
    for days in (0, 29, 31):
        with time_machine.travel(AT) as time:
            time.shift(timedelta(days=days))
            spent.count(endpoint.pk)
            spent.flush()
    assert HourlyCalls.objects.count() == 2


def test_calls_of_an_endpoint_that_is_gone_are_dropped(endpoint: Endpoint) -> None:
    spent.count(endpoint.pk)
    Endpoint.objects.all().delete()
    spent.flush()
    assert not HourlyCalls.objects.exists()


def test_the_page_tells_the_calls_of_a_key_whichever_endpoints_use_it(db: None) -> None:
    now = timezone.now()
    hour = now.replace(minute=0, second=0, microsecond=0)
    rows = [
        Endpoint.objects.create(name=name, host="h", access_key_id=key)
        for name, key in [("a", "one"), ("b", "one"), ("c", "two"), ("d", "three")]
    ]
    for row, calls in zip(rows, [10, 20, 5], strict=False):
        HourlyCalls.objects.create(endpoint=row, hour=hour - timedelta(hours=1), calls=calls)
    HourlyCalls.objects.create(endpoint=rows[0], hour=hour, calls=7)
    found = {row.name: (row.calls_last_hour, row.calls_this_hour) for row in queries.listing(now=now)}
    assert found == {"a": (30, 7), "b": (30, 7), "c": (5, None), "d": (None, None)}


def test_a_flush_may_be_left_to_a_later_one(endpoint: Endpoint) -> None:
    spent.flush()
    spent.count(endpoint.pk)
    spent.flush(every=60)
    assert not HourlyCalls.objects.exists()
    spent.flush()
    assert HourlyCalls.objects.get().calls == 1


def test_a_page_that_reads_counts_as_well(
    emu: Any, group: ConsumerGroup, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(spent, "_flushed", float("-inf"))
    collector.refresh(group, now=timezone.now())
    assert HourlyCalls.objects.get().calls == emu.stats()["total"]
