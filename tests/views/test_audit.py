"""The audit page: order, filters in the address, paging, details."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from django.contrib.auth.models import User
from django.db import transaction
from django.test import Client

from checkpoints.models import AuditRow, ConsumerGroup, Endpoint, Logstore, Plan, Project, Reset
from checkpoints.queries.audit import PAGE, facts
from checkpoints.services import audit
from checkpoints.services.audit import Actor

pytestmark = pytest.mark.django_db
NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)
MEI = Actor("7", "mei", roles="operator", source_ip="10.1.2.3")


@pytest.fixture
def auditor(signed_in: Callable[[str], Client]) -> Client:
    return signed_in("auditor")


def store_group(name: str = "settlement") -> ConsumerGroup:
    endpoint, _ = Endpoint.objects.get_or_create(name="prod", defaults={"host": "h"})
    project, _ = Project.objects.get_or_create(endpoint=endpoint, name="pay-core")
    logstore, _ = Logstore.objects.get_or_create(project=project, name="orders")
    return ConsumerGroup.objects.create(logstore=logstore, name=name)


def record(action: str = "reset.shard", **changes: Any) -> AuditRow:
    with transaction.atomic():
        return audit.record(action, **({"actor": MEI, "at": NOON} | changes))


def shown(client: Client, **query: Any) -> list[int]:
    """Return the sequence numbers of the rows on the page."""
    answer = client.get("/audit/", query)
    assert answer.status_code == 200
    return [row.row.seq for row in answer.context["page"].rows]


def test_the_newest_row_comes_first(auditor: Client) -> None:
    for _ in range(3):
        record()
    assert shown(auditor) == [3, 2, 1]


def test_a_row_tells_who_when_where_what_before_after_and_why(auditor: Client) -> None:
    group = store_group()
    record(
        group=group,
        shard=3,
        outcome="confirmed",
        before={"cursor": "MTUyNDE1", "position": "1524155379373908496", "time": "2026-11-20T09:00:00Z"},
        after={"cursor": "MTAwMDAw", "position": "1000000000000000001", "time": "2026-11-20T07:00:00Z"},
        reason="bad deploy of 14:02",
        ticket="OPS-17",
        request_id="5AEEC78E1FFC0366B24F1C63",
        plan_hash="abc123",
    )
    page = auditor.get("/audit/").content.decode()
    wanted = """mei 10.1.2.3 reset.shard settlement pay-core orders confirmed MTUyNDE1 1524155379373908496
        MTAwMDAw
        1000000000000000001 OPS-17 5AEEC78E1FFC0366B24F1C63 abc123 operator
        datetime="2026-11-20T07:00:00+00:00"
        """
    assert [words for words in wanted.split() if words not in page] == []
    assert "bad deploy of 14:02" in page
    assert "shard 3" in page


FILTERS = [
    ({"action": "endpoint.added"}, [1]),
    ({"action": "reset.shard"}, [4, 3, 2]),
    ({"actor": "mei"}, [3, 2, 1]),
    ({"actor": "MEI "}, []),
    ({"group": "settlement"}, [2]),
    ({"outcome": "refused"}, [3]),
    ({"object": "00000000-0000-0000-0000-000000000001"}, [4]),
    ({"since": "2026-11-20T12:00:00Z", "until": "2026-11-20T13:00:00Z"}, [2, 1]),
    ({"since": "2026-11-20 20:30"}, [4, 3]),
    ({"until": "@1763640001"}, []),
    ({"actor": "mei", "action": "reset.shard"}, [3, 2]),
    ({"actor": "nobody"}, []),
    ({"before": "3"}, [2, 1]),
]


@pytest.mark.parametrize(("query", "found"), FILTERS)
def test_filters_stand_in_the_address(auditor: Client, query: dict[str, str], found: list[int]) -> None:
    record("endpoint.added")
    record(group=store_group())
    record(outcome="refused", at=NOON + timedelta(hours=1))
    record(actor=audit.SYSTEM, object_id=uuid.UUID(int=1), at=NOON + timedelta(hours=2))
    assert shown(auditor, **query) == found


BAD_FILTERS = [
    {"since": "yesterday-ish"},
    {"since": "2026-13-40"},
    {"since": "2026-11-20 08:00 Mars/Olympus"},
    {"until": "٢٠٢٦-١١-٢٠"},
    {"until": "9" * 200},
    {"action": "no.such"},
    {"outcome": "no such"},
    {"actor": "x" * 151},
    {"object": "x" * 65},
    {"before": "abc"},
    {"before": "-1"},
    {"before": "9" * 30},
]


@pytest.mark.parametrize("query", BAD_FILTERS)
def test_a_bad_filter_is_a_form_error(auditor: Client, query: dict[str, str]) -> None:
    record()
    answer = auditor.get("/audit/", query)
    assert answer.status_code == 400
    assert list(answer.context["form"].errors) == list(query)


def test_pages_follow_each_other_by_sequence_although_rows_are_added(auditor: Client) -> None:
    for _ in range(PAGE + 2):
        record()
    first = auditor.get("/audit/", {"actor": "mei"})
    assert len(first.context["page"].rows) == PAGE
    record()
    assert first.context["older"] == "actor=mei&before=3"
    second = auditor.get(f"/audit/?{first.context['older']}")
    assert [row.row.seq for row in second.context["page"].rows] == [2, 1]
    assert second.context["older"] == ""


def test_a_full_last_page_has_no_next_one(auditor: Client) -> None:
    for _ in range(PAGE):
        record()
    assert auditor.get("/audit/").context["older"] == ""


def test_a_row_of_a_reset_leads_to_its_page_while_there_is_one(auditor: Client) -> None:
    group = store_group()
    maker = User.objects.create(username="mei")
    plan = Plan.objects.create(
        group=group, maker=maker, made_at=NOON, expires_at=NOON, body={}, hash="", signature=""
    )
    reset = Reset.objects.create(plan=plan, group=group, actor_name="mei", reason="r", started_at=NOON)
    record(object_id=reset.pk)
    record(object_id=uuid.uuid4())
    page = auditor.get("/audit/").content.decode()
    assert page.count(f'href="/resets/{reset.pk}/"') == 1
    assert page.count('href="/resets/') <= 2  # the other one is the navigation


def test_what_people_wrote_cannot_become_markup(auditor: Client) -> None:
    record(reason="<img src=x onerror=alert(1)>", details={"<b>": "<i>"})
    page = auditor.get("/audit/").content.decode()
    assert "<img src=x" not in page
    assert "<i>" not in page


def test_the_page_costs_as_many_queries_for_many_rows_as_for_few(
    auditor: Client, django_assert_max_num_queries: Any
) -> None:
    for _ in range(PAGE):
        record(object_id=uuid.uuid4())
    with django_assert_max_num_queries(16):
        auditor.get("/audit/")


FACTS = [
    (None, []),
    (
        {"cursor": "MTU=", "position": "15", "time": None},
        [("cursor", "MTU="), ("position", "15"), ("time", "—")],
    ),
    ({"a": {"b": 1}}, [("a.b", "1")]),
    ({"names": ["x", "y"], "none": []}, [("names", "x, y"), ("none", "—")]),
    ({"shards": [{"shard": 0}, {"shard": 1}]}, [("shards[0].shard", "0"), ("shards[1].shard", "1")]),
    ({"enabled": True, "old": False}, [("enabled", "yes"), ("old", "no")]),
    ("text", [("", "text")]),
]


@pytest.mark.parametrize(("value", "pairs"), FACTS)
def test_json_is_shown_as_names_and_texts(value: Any, pairs: list[tuple[str, str]]) -> None:
    assert facts(value) == pairs
