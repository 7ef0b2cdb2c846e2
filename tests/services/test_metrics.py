"""The numbers for Prometheus: right names, right values, and nothing where nothing is known."""

from __future__ import annotations

import uuid
from datetime import timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import override_settings
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Plan, Project, Reset, ShardReset
from checkpoints.services import audit, metrics

pytestmark = pytest.mark.django_db
NOW = timezone.now()
GROUP = {"endpoint": "prod", "project": "p", "logstore": "l", "consumer_group": "g"}


def store_group(**changes: Any) -> ConsumerGroup:
    endpoint, _ = Endpoint.objects.get_or_create(name="prod", defaults={"host": "h"})
    project, _ = Project.objects.get_or_create(endpoint=endpoint, name="p")
    logstore, _ = Logstore.objects.get_or_create(project=project, name="l")
    known = {
        "name": "g",
        "read_at": timezone.now(),
        "verdict": "behind",
        "backlog": 120,
        "lag_seconds": 310.5,
        "oldest_unread_at": timezone.now() - timedelta(seconds=322),
        "last_commit_at": timezone.now() - timedelta(seconds=7),
        "data_loss_at": timezone.now() + timedelta(seconds=1000),
    }
    return ConsumerGroup.objects.create(logstore=logstore, **(known | changes))


def samples(name: str) -> list[tuple[dict[str, str], float]]:
    """Return labels and value of each sample with this name, as Prometheus would read them."""
    families = text_string_to_metric_families(metrics.text().decode())
    return [
        (found.labels, found.value) for family in families for found in family.samples if found.name == name
    ]


def value(name: str, **labels: str) -> float | None:
    return next((number for found, number in samples(name) if found == labels), None)


def test_a_group_has_its_five_numbers_and_its_verdict() -> None:
    store_group()
    assert value("sls_consumer_group_lag_seconds", **GROUP) == 310.5
    assert value("sls_consumer_group_backlog_log_groups", **GROUP) == 120
    assert value("sls_consumer_group_unread_age_seconds", **GROUP) == pytest.approx(322, abs=5)
    assert value("sls_consumer_group_checkpoint_age_seconds", **GROUP) == pytest.approx(7, abs=5)
    assert value("sls_consumer_group_data_loss_in_seconds", **GROUP) == pytest.approx(1000, abs=5)
    assert samples("sls_consumer_group_verdict") == [({**GROUP, "verdict": "behind"}, 1)]


FIELDS = {
    "lag_seconds": "sls_consumer_group_lag_seconds",
    "backlog": "sls_consumer_group_backlog_log_groups",
    "oldest_unread_at": "sls_consumer_group_unread_age_seconds",
    "last_commit_at": "sls_consumer_group_checkpoint_age_seconds",
    "data_loss_at": "sls_consumer_group_data_loss_in_seconds",
}


@pytest.mark.parametrize(("field", "name"), FIELDS.items())
def test_what_is_not_known_is_absent_not_zero(field: str, name: str) -> None:
    store_group(**{field: None})
    assert samples(name) == []
    assert value("sls_consumer_group_verdict", **GROUP, verdict="behind") == 1


def test_a_group_that_read_everything_has_no_unread_age() -> None:
    store_group(backlog=0, lag_seconds=0.0, oldest_unread_at=None, verdict="ok")
    assert value("sls_consumer_group_unread_age_seconds", **GROUP) == 0


def test_lost_log_groups_are_a_negative_time() -> None:
    store_group(data_loss_at=timezone.now() - timedelta(seconds=60))
    assert value("sls_consumer_group_data_loss_in_seconds", **GROUP) == pytest.approx(-60, abs=5)


@override_settings(COLLECT_INTERVAL=60)
@pytest.mark.parametrize(("age", "known"), [(299, True), (310, False)])
def test_numbers_nobody_refreshes_vanish_and_the_verdict_is_unknown(age: int, known: bool) -> None:
    store_group(read_at=timezone.now() - timedelta(seconds=age))
    assert bool(samples("sls_consumer_group_lag_seconds")) is known
    verdict = "behind" if known else "unknown"
    assert samples("sls_consumer_group_verdict") == [({**GROUP, "verdict": verdict}, 1)]


def test_a_group_that_was_never_read_is_unknown() -> None:
    store_group(read_at=None)
    assert value("sls_consumer_group_verdict", **GROUP, verdict="unknown") == 1


@pytest.mark.parametrize("gone", ["group", "logstore", "project", "removed", "disabled"])
def test_what_is_gone_has_no_numbers(gone: str) -> None:
    group = store_group()
    rows = {"group": group, "logstore": group.logstore, "project": group.project}
    if gone in rows:
        type(rows[gone]).objects.update(vanished_at=NOW)  # type: ignore[attr-defined]
    else:
        Endpoint.objects.update(**({"removed_at": NOW} if gone == "removed" else {"enabled": False}))
    assert samples("sls_consumer_group_verdict") == []


def test_names_are_escaped() -> None:
    store_group(name='a"b\\c')
    assert samples("sls_consumer_group_lag_seconds")[0][0]["consumer_group"] == 'a"b\\c'


def test_calls_are_counted_by_operation_and_code_and_timed() -> None:
    # An operation this product never calls: no thread of another test can count here.
    before = value("sls_api_requests_total", operation="SplitShard", code="OK") or 0
    timed = value("sls_api_request_seconds_count", operation="SplitShard") or 0
    metrics.observe("SplitShard", "OK", 0.02)
    assert value("sls_api_requests_total", operation="SplitShard", code="OK") == before + 1
    assert value("sls_api_request_seconds_count", operation="SplitShard") == timed + 1


def test_the_collector_tells_its_last_cycle_and_success() -> None:
    Endpoint.objects.create(name="never", host="h")
    Endpoint.objects.create(name="prod", host="h", last_success_at=NOW)
    metrics.cycle("prod", 12.5)
    assert value("sls_collector_cycle_seconds", endpoint="prod") == 12.5
    assert samples("sls_collector_last_success_timestamp_seconds") == [
        ({"endpoint": "prod"}, pytest.approx(NOW.timestamp()))
    ]


def store_reset(group: ConsumerGroup, outcome: str, *watches: str) -> None:
    maker, _ = User.objects.get_or_create(username="mei")
    plan = Plan.objects.create(
        group=group, maker=maker, made_at=NOW, expires_at=NOW, body={}, hash="", signature=""
    )
    reset = Reset.objects.create(
        id=uuid.uuid4(), plan=plan, group=group, actor_name="mei", reason="r", outcome=outcome, started_at=NOW
    )
    for shard, watch in enumerate(watches):
        ShardReset.objects.create(reset=reset, shard=shard, before={}, after={}, watch=watch)


def test_resets_are_counted_by_outcome_and_by_what_became_of_them() -> None:
    group = store_group()
    store_reset(group, "confirmed", "held", "overwritten", "watching")
    store_reset(group, "confirmed", "held")
    store_reset(group, "sending", "")
    assert {found["outcome"]: number for found, number in samples("checkpoint_resets_total")} == {
        "confirmed": 2,
        "partial": 0,
        "refused": 0,
        "unknown": 0,
    }
    assert {found["verdict"]: number for found, number in samples("checkpoint_reset_watch_total")} == {
        "held": 2,
        "overwritten": 1,
        "taken_up": 0,
        "unknown": 0,
    }


def test_audit_rows_are_counted() -> None:
    assert value("audit_rows_total") == 0
    with transaction.atomic():
        audit.record("audit.exported", actor=audit.SYSTEM)
    assert value("audit_rows_total") == 1


def test_a_scrape_costs_as_many_queries_for_many_groups_as_for_one(django_assert_num_queries: Any) -> None:
    for number in range(50):
        store_group(name=f"g-{number}")
    with django_assert_num_queries(5):
        metrics.text()
