"""The numbers for Prometheus: right names, right values, and nothing where nothing is known."""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import OperationalError, connection, transaction
from django.test import override_settings
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from checkpoints.models import AlertRule, ConsumerGroup, Endpoint, Logstore, Plan, Project, Reset, ShardReset
from checkpoints.services import alerts, audit, calls, metrics, metrics_stored

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
    for seconds, code in ((0.02, "OK"), (0.02, "OK"), (3.0, "OK"), (99.0, "Timeout")):
        metrics.observe("SplitShard", code, seconds)
    assert value("sls_api_requests_total", operation="SplitShard", code="OK") == 3
    assert value("sls_api_requests_total", operation="SplitShard", code="Timeout") == 1
    assert value("sls_api_request_seconds_count", operation="SplitShard") == 4
    assert value("sls_api_request_seconds_sum", operation="SplitShard") == pytest.approx(102.04)
    within = {
        found["le"]: n
        for found, n in samples("sls_api_request_seconds_bucket")
        if found["operation"] == "SplitShard"
    }
    assert [within[le] for le in ("0.01", "0.025", "2.5", "5.0", "20.0", "+Inf")] == [0, 2, 2, 3, 3, 4]


def test_calls_of_all_processes_are_added_up_in_the_database() -> None:
    metrics.observe("SplitShard", "OK", 0.02)
    calls.flush()  # as another process does: a worker has no address of its own
    metrics.observe("SplitShard", "OK", 0.02)
    assert value("sls_api_requests_total", operation="SplitShard", code="OK") == 2


def test_calls_that_cannot_be_stored_now_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    def locked(*_: Any) -> None:
        raise OperationalError("database is locked")

    metrics.observe("SplitShard", "OK", 0.02)
    with monkeypatch.context() as patch:
        patch.setattr(calls, "_store", locked)
        assert value("sls_api_requests_total", operation="SplitShard", code="OK") is None
    assert value("sls_api_requests_total", operation="SplitShard", code="OK") == 1


def test_the_collector_tells_its_last_cycle_and_success() -> None:
    Endpoint.objects.create(name="never", host="h")
    prod = Endpoint.objects.create(name="prod", host="h", last_success_at=NOW)
    metrics.cycle(prod.pk, 12.5)
    assert samples("sls_collector_cycle_seconds") == [({"endpoint": "prod"}, 12.5)]
    assert samples("sls_collector_last_success_timestamp_seconds") == [
        ({"endpoint": "never"}, 0), ({"endpoint": "prod"}, pytest.approx(NOW.timestamp())),
    ]  # fmt: skip


@pytest.mark.parametrize("changes", [{"enabled": False}, {"removed_at": NOW}])
def test_an_endpoint_that_is_not_used_tells_nothing_as_if_it_were(changes: dict[str, Any]) -> None:
    Endpoint.objects.create(name="e", host="h", last_success_at=NOW, cycle_seconds=3.0, **changes)
    assert samples("sls_collector_cycle_seconds") == []
    assert samples("sls_collector_last_success_timestamp_seconds") == []


def finished(reset: Reset, outcome: str) -> None:
    with transaction.atomic():
        audit.record("reset.finished", actor=audit.SYSTEM, outcome=outcome, object_id=str(reset.pk))


def store_reset(group: ConsumerGroup, outcome: str, *watches: str, looked_at: datetime = NOW) -> Reset:
    maker, _ = User.objects.get_or_create(username="mei")
    plan = Plan.objects.create(
        group=group, maker=maker, made_at=NOW, expires_at=NOW, body={}, hash="", signature=""
    )
    reset = Reset.objects.create(
        id=uuid.uuid4(), plan=plan, group=group, actor_name="mei", reason="r", outcome=outcome,
        started_at=NOW, looked_at=looked_at, watch_until=NOW,
    )  # fmt: skip
    if outcome != "sending":
        finished(reset, outcome)
    for shard, watch in enumerate(watches):
        ShardReset.objects.create(reset=reset, shard=shard, before={}, after={}, watch=watch)
    return reset


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


def test_a_reset_that_is_settled_later_counts_under_each_outcome_it_had_and_none_goes_down() -> None:
    reset = store_reset(store_group(), "unknown", "unknown")
    for outcome in ("partial", "partial"):
        finished(reset, outcome)
    Reset.objects.update(outcome="partial")
    counted = {found["outcome"]: number for found, number in samples("checkpoint_resets_total")}
    assert counted == {"confirmed": 0, "partial": 1, "refused": 0, "unknown": 1}


def test_what_became_of_a_shard_counts_once_it_is_final_and_an_overwritten_one_at_once() -> None:
    before = NOW - timedelta(seconds=1)
    store_reset(store_group(), "confirmed", "held", "taken_up", "unknown", "overwritten", looked_at=before)
    counted = {found["verdict"]: number for found, number in samples("checkpoint_reset_watch_total")}
    assert counted == {"held": 0, "overwritten": 1, "taken_up": 0, "unknown": 0}
    Reset.objects.update(looked_at=NOW)
    assert {number for _, number in samples("checkpoint_reset_watch_total")} == {1}


@pytest.mark.skipif(connection.vendor != "sqlite", reason="the plan is told differently elsewhere")
def test_resets_are_counted_by_indexes_and_not_by_reading_all_rows() -> None:
    with CaptureQueriesContext(connection) as asked:
        metrics_stored._outcomes()
        metrics_stored._watches()
        alerts._overwritten(AlertRule(condition="overwritten", limit=600), NOW)
    wanted = ("audit_by_action", "shard_resets_by_watch", "shard_resets_by_watch")
    for query, index in zip(asked, wanted, strict=True):
        with connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN QUERY PLAN {query['sql']}")
            assert f"INDEX {index}" in " ".join(row[3] for row in cursor.fetchall())


def test_audit_rows_are_counted() -> None:
    assert value("audit_rows_total") == 0
    with transaction.atomic():
        audit.record("audit.exported", actor=audit.SYSTEM)
    assert value("audit_rows_total") == 1


def test_a_scrape_costs_as_many_queries_for_many_groups_as_for_one(django_assert_num_queries: Any) -> None:
    for number in range(50):
        store_group(name=f"g-{number}")
    with django_assert_num_queries(8):
        metrics.text()
