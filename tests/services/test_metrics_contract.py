"""Each metric of the contract is exported by name and labels, and none that docs/metrics.md does not name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from checkpoints.domain.lag import ShardFacts
from checkpoints.domain.positions import encode
from checkpoints.models import ConsumerGroup, Endpoint, Reading
from checkpoints.models.facts import dump
from checkpoints.services import metrics
from tests.services.test_metrics import samples, store_group, store_reset

pytestmark = pytest.mark.django_db
DOCS = Path(__file__).resolve().parents[2] / "docs" / "metrics.md"
ROW = re.compile(r"^\| `(\w+)` \| (gauge|counter|histogram) \| ([^|]*?) ?\|", re.MULTILINE)
GROUP = ("endpoint", "project", "logstore", "consumer_group")
CONTRACT = {
    **{
        f"sls_consumer_group_{name}": GROUP
        for name in (
            "lag_seconds", "backlog_log_groups", "unread_age_seconds", "checkpoint_age_seconds",
            "data_loss_in_seconds",
        )
    },
    "sls_consumer_group_verdict": (*GROUP, "verdict"),
    "sls_api_requests_total": ("operation", "code"),
    "sls_api_request_seconds": ("operation",),
    "sls_collector_cycle_seconds": ("endpoint",),
    "sls_collector_last_success_timestamp_seconds": ("endpoint",),
    "checkpoint_resets_total": ("outcome",),
    "checkpoint_reset_watch_total": ("verdict",),
    "audit_rows_total": (),
}  # fmt: skip
"""The names of the contract (shared/contracts.md); to change one breaks dashboards and rules of others."""
SHARD = {name for name in CONTRACT if name.startswith("sls_consumer_group_")} - {"sls_consumer_group_verdict"}


def documented() -> dict[str, tuple[str, set[str]]]:
    rows = ROW.findall(DOCS.read_text())
    return {name: (kind, set(labels.replace(" ", "").split(",")) - {""}) for name, kind, labels in rows}


def exported() -> dict[str, tuple[str, set[str]]]:
    """Return type and labels of every metric that a scrape has, after something of everything happened."""
    group = store_group(words=["behind"])
    Endpoint.objects.update(cycle_seconds=1.0, last_success_at=timezone.now())
    store_reset(group, "confirmed", "held")
    metrics.observe("SplitShard", "OK", 0.1)
    found = {}
    for family in text_string_to_metric_families(metrics.text().decode()):
        labels = {label for sample in family.samples for label in sample.labels} - {"le"}
        assert family.samples, family.name
        found[family.name + ("_total" if family.type == "counter" else "")] = (family.type, labels)
    return found


def test_what_is_exported_is_what_is_documented() -> None:
    assert exported() == documented()


def test_the_documented_metrics_have_those_of_the_contract() -> None:
    rows = documented()
    assert {name: rows.get(name, ("", set()))[1] for name in CONTRACT} == {
        name: set(labels) for name, labels in CONTRACT.items()
    }


def read(group: ConsumerGroup, *facts: ShardFacts) -> None:
    Reading.objects.create(group=group, taken_at=timezone.now(), shards=dump(facts))


def shard(number: int, position: int, *, readonly: bool = False) -> ShardFacts:
    now = timezone.now()
    return ShardFacts(
        number,
        readonly,
        encode(position),
        "c",
        now,
        begin=0,
        end=120,
        newest_at=now,
        read_at=now,
        unread_at=now,
    )


def test_without_the_setting_no_shard_is_told() -> None:
    read(store_group(), shard(0, 100))
    assert [labels for labels, _ in samples("sls_consumer_group_backlog_log_groups")] == [
        dict(zip(GROUP, ("prod", "p", "l", "g"), strict=True))
    ]


def test_with_the_setting_each_shard_has_the_five_figures_and_groups_an_empty_label(settings: Any) -> None:
    settings.METRICS_PER_SHARD = True
    group = store_group()
    read(group, shard(0, 7))  # an older one
    read(group, shard(0, 100), shard(1, 20), shard(2, 120, readonly=True))
    rows = samples("sls_consumer_group_backlog_log_groups")
    assert [(labels["shard"], number) for labels, number in rows] == [("", 120), ("0", 20), ("1", 100)]
    for name in SHARD - {"sls_consumer_group_data_loss_in_seconds"}:
        assert [labels["shard"] for labels, _ in samples(name)] == ["", "0", "1"], name
        assert set(samples(name)[0][0]) == {*GROUP, "shard"}
    assert "shard" not in samples("sls_consumer_group_verdict")[0][0]


def test_shards_of_a_group_that_nobody_refreshes_are_not_told(settings: Any) -> None:
    settings.METRICS_PER_SHARD = True
    read(store_group(read_at=None), shard(0, 100))
    assert samples("sls_consumer_group_backlog_log_groups") == []


def test_figures_of_shards_cost_one_query_more_for_any_number_of_groups(
    settings: Any, django_assert_num_queries: Any
) -> None:
    settings.METRICS_PER_SHARD = True
    for number in range(20):
        read(store_group(name=f"g-{number}"), shard(0, 100))
    with django_assert_num_queries(9):
        metrics.text()
