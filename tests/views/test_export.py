"""The export of the overview: all that the filters leave, no formula, on record."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pytest

from checkpoints.models import AuditRow, Label
from tests.views.lagging import HOUR, NOW, PROBLEM, group
from tests.views.test_overview import BEHIND, OK

pytestmark = pytest.mark.django_db


@pytest.fixture
def browser(signed_in):
    return signed_in("viewer")


def rows(answer: Any) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(answer.content.decode())))


def test_the_export_has_every_group_of_the_filter_and_not_only_the_page(browser):
    for number in range(60):
        group(f"g-{number:02}", **BEHIND)
    group("fine", **OK)
    found = rows(browser.get("/export.csv?verdict=behind&page=2&order=name&cols=lag"))
    assert [row["group"] for row in found] == [f"g-{number:02}" for number in range(60)]


def test_the_csv_tells_what_the_table_tells(browser):
    late = group("late", **BEHIND, data_loss_at=NOW + 240 * HOUR)
    Label.objects.create(group=late, name="payments")
    Label.objects.create(group=late, name="night")
    answer = browser.get("/export.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer["Content-Disposition"].startswith('attachment; filename="groups-')
    row = rows(answer)[0]
    assert (row["endpoint"], row["project"], row["logstore"]) == ("prod", "proj", "store")
    assert (row["lag_seconds"], row["backlog"], row["labels"]) == ("11520.0", "1204", "night; payments")
    assert 10790 < float(row["unread_age_seconds"]) < 11400
    assert row["lag_is_lower_bound"] == "false"


def test_what_is_not_known_is_empty_in_csv_and_null_in_json(browser):
    group("never-read")
    row = rows(browser.get("/export.csv"))[0]
    unknown = ["lag_seconds", "backlog", "unread_age_seconds", "data_loss_in_seconds", "read_at", "problem"]
    assert [row[name] for name in unknown] == [""] * 6
    found = json.loads(browser.get("/export.json").content)["groups"][0]
    assert [found[name] for name in unknown] == [None] * 6


@pytest.mark.parametrize("name", ["=1+1", "+1", "-1", "@x", " =1"])
def test_no_name_becomes_a_formula(browser, name):
    group(name, **BEHIND)
    assert rows(browser.get("/export.csv"))[0]["group"] == "'" + name
    assert json.loads(browser.get("/export.json").content)["groups"][0]["group"] == name


def test_the_json_names_its_filter_and_the_trouble_of_a_group(browser):
    group("late", **BEHIND, problem=PROBLEM)
    found = json.loads(browser.get("/export.json?q=late").content)
    assert found["query"] == "q=late"
    assert found["groups"][0]["problem"] == "SignatureNotMatch"
    assert found["groups"][0]["request_id"] == "5AEC275D1FFC036AB254B20C"


def test_each_export_is_on_record_with_what_was_asked_for(browser):
    group("late", **BEHIND)
    browser.get("/export.csv?verdict=behind")
    row = AuditRow.objects.get(action="groups.exported")
    assert row.actor_name == "the-viewer"
    assert row.details == {"format": "csv", "query": "verdict=behind", "groups": 1}


def test_an_export_takes_few_queries_however_many_groups(browser, django_assert_max_num_queries):
    for number in range(100):
        group(f"g-{number}", **BEHIND)
    with django_assert_max_num_queries(18):
        assert len(rows(browser.get("/export.csv"))) == 100


def test_a_reading_too_old_is_told_as_stale_and_unknown(browser):
    group("late", **(BEHIND | {"read_at": NOW - HOUR, "reasons": [{"text": "Late.", "values": {}}]}))
    group("fresh", **OK)
    found = {one["group"]: one for one in json.loads(browser.get("/export.json").content)["groups"]}
    assert (found["late"]["stale"], found["late"]["verdict"]) == (True, "unknown")
    assert found["late"]["reasons"] == ["The last reading is too old to say anything of now."]
    assert (found["fresh"]["stale"], found["fresh"]["verdict"]) == (False, "ok")
    assert [row["stale"] for row in rows(browser.get("/export.csv?order=name"))] == ["false", "true"]
