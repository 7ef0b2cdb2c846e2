"""Who may do what: one table with a row for every address and method. An address without a row fails."""

from __future__ import annotations

import uuid
from collections.abc import Iterator
from datetime import timedelta
from typing import Any, NamedTuple

import pytest
from django.test import Client
from django.urls import URLPattern, URLResolver, get_resolver, reverse
from django.utils import timezone

from checkpoints.models import (
    Alert,
    AlertRule,
    Approval,
    Channel,
    ConsumerGroup,
    Endpoint,
    GroupRule,
    Logstore,
    Plan,
    Project,
    Reset,
    Snapshot,
)
from tests.conftest import ROLES

pytestmark = pytest.mark.django_db
ACTORS = ["anonymous", *ROLES]
OK, FOUND, SEE, BAD, SIGN_IN, DENIED, MISSING, NO_METHOD = 200, 302, 303, 422, "sign in", 403, 404, 405


class Row(NamedTuple):
    """An address and a method, who may, and the status they get; others are denied or asked to sign in."""

    name: str
    method: str
    who: list[str]
    status: int


EVERYBODY, SIGNED_IN, NOBODY = ACTORS, ROLES, ROLES  # a method that is not there is not there for anybody
TABLE = [
    Row("overview", "GET", SIGNED_IN, OK),
    Row("overview", "POST", NOBODY, NO_METHOD),
    Row("overview-csv", "GET", SIGNED_IN, OK),
    Row("overview-csv", "POST", NOBODY, NO_METHOD),
    Row("overview-json", "GET", SIGNED_IN, OK),
    Row("overview-json", "POST", NOBODY, NO_METHOD),
    Row("pins", "GET", NOBODY, NO_METHOD),
    Row("pins", "POST", SIGNED_IN, MISSING),
    Row("views", "GET", NOBODY, NO_METHOD),
    Row("views", "POST", SIGNED_IN, SEE),
    Row("view-remove", "GET", NOBODY, NO_METHOD),
    Row("view-remove", "POST", SIGNED_IN, SEE),
    Row("group-labels", "GET", NOBODY, NO_METHOD),
    Row("group-labels", "POST", ["operator", "admin"], SEE),
    Row("group", "GET", SIGNED_IN, OK),
    Row("group", "POST", NOBODY, NO_METHOD),
    Row("group-history", "GET", SIGNED_IN, OK),
    Row("group-history", "POST", NOBODY, NO_METHOD),
    Row("group-snapshots", "GET", SIGNED_IN, OK),
    Row("group-snapshots", "POST", ["operator"], BAD),
    Row("snapshot-schedule", "GET", NOBODY, NO_METHOD),
    Row("snapshot-schedule", "POST", ["operator"], 303),
    Row("snapshot", "GET", SIGNED_IN, OK),
    Row("snapshot", "POST", NOBODY, NO_METHOD),
    Row("snapshot-csv", "GET", SIGNED_IN, OK),
    Row("snapshot-csv", "POST", NOBODY, NO_METHOD),
    Row("group-reset", "GET", ["operator"], OK),
    Row("group-reset", "POST", ["operator"], BAD),
    Row("group-reset-echo", "GET", ["operator"], OK),
    Row("group-reset-echo", "POST", NOBODY, NO_METHOD),
    Row("group-csv", "GET", SIGNED_IN, OK),
    Row("group-csv", "POST", NOBODY, NO_METHOD),
    Row("peek", "GET", NOBODY, NO_METHOD),
    Row("peek", "POST", ["peeker", "operator"], 502),
    Row("plan-costs", "GET", ["operator"], 409),
    Row("plan-costs", "POST", NOBODY, NO_METHOD),
    Row("plan", "GET", ["operator"], OK),
    Row("plan", "POST", ["operator"], BAD),
    Row("plan-ask", "GET", NOBODY, NO_METHOD),
    Row("plan-ask", "POST", ["operator"], BAD),
    Row("plan-decide", "GET", NOBODY, NO_METHOD),
    Row("plan-decide", "POST", ["approver"], BAD),
    Row("approvals", "GET", ["operator", "approver"], OK),
    Row("approvals", "POST", NOBODY, NO_METHOD),
    Row("plan-again", "GET", NOBODY, NO_METHOD),
    Row("plan-again", "POST", ["operator"], 409),
    Row("plan-activity", "GET", ["operator"], OK),
    Row("plan-activity", "POST", NOBODY, NO_METHOD),
    Row("plan-wait", "GET", ["operator"], MISSING),
    Row("plan-wait", "POST", ["operator"], BAD),
    Row("plan-wait-cancel", "GET", NOBODY, NO_METHOD),
    Row("plan-wait-cancel", "POST", ["operator"], MISSING),
    Row("reset-end-watch", "GET", NOBODY, NO_METHOD),
    Row("reset-end-watch", "POST", ["operator"], SEE),
    Row("resets", "GET", SIGNED_IN, OK),
    Row("resets", "POST", NOBODY, NO_METHOD),
    Row("reset", "GET", SIGNED_IN, OK),
    Row("reset", "POST", NOBODY, NO_METHOD),
    Row("reset-receipt-md", "GET", SIGNED_IN, OK),
    Row("reset-receipt-md", "POST", NOBODY, NO_METHOD),
    Row("reset-receipt-json", "GET", SIGNED_IN, OK),
    Row("reset-receipt-json", "POST", NOBODY, NO_METHOD),
    Row("endpoints", "GET", SIGNED_IN, OK),
    Row("endpoints", "POST", NOBODY, NO_METHOD),
    Row("endpoint-add", "GET", ["admin"], OK),
    Row("endpoint-add", "POST", ["admin"], BAD),
    Row("endpoint", "GET", ["admin"], OK),
    Row("endpoint", "POST", ["admin"], BAD),
    Row("endpoint-test", "GET", ["admin"], OK),
    Row("endpoint-test", "POST", ["admin"], OK),
    Row("endpoint-disable", "GET", ["admin"], OK),
    Row("endpoint-disable", "POST", ["admin"], FOUND),
    Row("endpoint-enable", "GET", ["admin"], OK),
    Row("endpoint-enable", "POST", ["admin"], FOUND),
    Row("endpoint-remove", "GET", ["admin"], OK),
    Row("endpoint-remove", "POST", ["admin"], BAD),
    Row("group-rules", "GET", ["admin"], OK),
    Row("group-rules", "POST", ["admin"], BAD),
    Row("group-rule", "GET", ["admin"], OK),
    Row("group-rule", "POST", ["admin"], BAD),
    Row("group-rule-remove", "GET", ["admin"], OK),
    Row("group-rule-remove", "POST", ["admin"], 303),
    Row("alerts", "GET", SIGNED_IN, OK),
    Row("alerts", "POST", NOBODY, NO_METHOD),
    Row("alert", "GET", SIGNED_IN, OK),
    Row("alert", "POST", NOBODY, NO_METHOD),
    Row("alert-acknowledge", "GET", NOBODY, NO_METHOD),
    Row("alert-acknowledge", "POST", ["operator", "admin"], BAD),
    Row("alert-silence", "GET", NOBODY, NO_METHOD),
    Row("alert-silence", "POST", ["operator", "admin"], BAD),
    Row("alert-unsilence", "GET", NOBODY, NO_METHOD),
    Row("alert-unsilence", "POST", ["operator", "admin"], SEE),
    Row("alert-rules", "GET", ["admin"], OK),
    Row("alert-rules", "POST", NOBODY, NO_METHOD),
    Row("alert-rule-add", "GET", ["admin"], OK),
    Row("alert-rule-add", "POST", ["admin"], BAD),
    Row("alert-rule", "GET", ["admin"], OK),
    Row("alert-rule", "POST", ["admin"], BAD),
    Row("alert-rule-remove", "GET", ["admin"], OK),
    Row("alert-rule-remove", "POST", ["admin"], SEE),
    Row("alert-channels", "GET", ["admin"], OK),
    Row("alert-channels", "POST", NOBODY, NO_METHOD),
    Row("alert-channel-add", "GET", ["admin"], OK),
    Row("alert-channel-add", "POST", ["admin"], BAD),
    Row("alert-channel", "GET", ["admin"], OK),
    Row("alert-channel", "POST", ["admin"], BAD),
    Row("alert-channel-remove", "GET", ["admin"], OK),
    Row("alert-channel-remove", "POST", ["admin"], SEE),
    Row("alert-channel-test", "GET", NOBODY, NO_METHOD),
    Row("alert-channel-test", "POST", ["admin"], SEE),
    Row("audit", "GET", ["auditor"], OK),
    Row("audit", "POST", NOBODY, NO_METHOD),
    Row("logout", "GET", NOBODY, NO_METHOD),
    Row("logout", "POST", SIGNED_IN, FOUND),
    Row("confirm-password", "GET", SIGNED_IN, OK),
    Row("confirm-password", "POST", SIGNED_IN, BAD),
    Row("setup", "GET", EVERYBODY, MISSING),
    Row("setup", "POST", EVERYBODY, MISSING),
    Row("zone", "GET", EVERYBODY, NO_METHOD),
    Row("zone", "POST", EVERYBODY, FOUND),
    Row("healthz", "GET", EVERYBODY, OK),
    Row("healthz", "POST", EVERYBODY, NO_METHOD),
    Row("readyz", "GET", EVERYBODY, OK),
    Row("readyz", "POST", EVERYBODY, NO_METHOD),
    Row("metrics", "POST", EVERYBODY, NO_METHOD),
]
# Addresses that answer people who are not signed in differently from those who are.
ODD = {
    ("login", "GET"): {"anonymous": OK} | dict.fromkeys(ROLES, FOUND),
    ("login", "POST"): dict.fromkeys(ACTORS, BAD),
    ("metrics", "GET"): {"anonymous": 401} | dict.fromkeys(ROLES, OK),
    ("set_language", "GET"): dict.fromkeys(ACTORS, FOUND),
    ("set_language", "POST"): dict.fromkeys(ACTORS, FOUND),
}


def expected(row: Row) -> dict[str, int | str]:
    denied = {actor: SIGN_IN if actor == "anonymous" else DENIED for actor in ACTORS}
    return denied | dict.fromkeys(row.who, row.status)


CASES = {(row.name, row.method): expected(row) for row in TABLE} | ODD


def names(patterns: list[URLPattern | URLResolver] | None = None) -> Iterator[str]:
    """Yield the name of every address of the product."""
    for pattern in get_resolver().url_patterns if patterns is None else patterns:
        if isinstance(pattern, URLResolver):
            yield from names(pattern.url_patterns)
        else:
            assert pattern.name, f"{pattern} has no name, so no row of the table can cover it"
            yield pattern.name


def test_every_address_and_method_has_exactly_one_row() -> None:
    assert set(CASES) == {(name, method) for name in names() for method in ("GET", "POST")}
    assert len(TABLE) + len(ODD) == len(CASES)


@pytest.fixture
def keys(people: Any) -> dict[str, dict[str, Any]]:
    """Store one of each thing that has a page, and return the arguments of the addresses."""
    now = timezone.now()
    endpoint = Endpoint.objects.create(name="prod", host="127.0.0.1:1", scheme="http", protection="none")
    project = Project.objects.create(endpoint=endpoint, name="proj")
    logstore = Logstore.objects.create(project=project, name="store")
    group = ConsumerGroup.objects.create(logstore=logstore, name="cg-0")
    plans = [
        Plan.objects.create(
            group=group,
            maker=people["operator"],
            made_at=now,
            expires_at=now + timedelta(seconds=300),
            body=PLAN | {"shards": []},
            hash="0" * 64,
            signature="0" * 64,
        )
        for _ in range(2)
    ]
    reset = Reset.objects.create(
        plan=plans[1], group=group, actor=people["operator"], actor_name="mei", reason="r", started_at=now
    )
    things = {"group": group, "group-reset": group, "plan": plans[0], "reset": reset}
    found = {name: {"pk": thing.pk} for name, thing in things.items()}
    snapshot = Snapshot.objects.create(group=group, name="kept", taken_at=now, shards=[])
    found |= {name: {"pk": group.pk} for name in ["group-history", "group-labels"]}
    found |= {name: {"pk": group.pk} for name in ["group-snapshots", "snapshot-schedule"]}
    found |= {name: {"pk": group.pk} for name in ["group-reset-echo", "group-csv"]}
    found |= {name: {"pk": snapshot.pk} for name in ["snapshot", "snapshot-csv"]}
    found |= {name: {"pk": reset.pk} for name in ["reset-receipt-md", "reset-receipt-json"]}
    found |= {name: {"pk": endpoint.pk} for name in names() if name == "endpoint" or name[:9] == "endpoint-"}
    Approval.objects.create(
        plan=plans[1], asked_by=people["operator"], asked_at=now, expires_at=now, reason="r"
    )
    rule = GroupRule.objects.create(pattern="pay-*", protection="reason")
    found |= {name: {"pk": plans[0].pk} for name in names() if name[:5] in ("plan-",)}
    found["reset-end-watch"] = {"pk": reset.pk}
    asked, ruled = {"pk": plans[1].pk}, {"pk": rule.pk}
    found |= {"plan-ask": asked, "plan-decide": asked, "group-rule": ruled, "group-rule-remove": ruled}
    looked = AlertRule.objects.create(name="slow", pattern="*", condition="stalled")
    alert = Alert.objects.create(rule=looked, group=group)
    channel = Channel.objects.create(name="ops", kind="slack", place="https://hooks.slack.com")
    found |= {name: {"pk": alert.pk} for name in names() if name == "alert" or name[:6] == "alert-"}
    found |= {name: {"pk": looked.pk} for name in ["alert-rule", "alert-rule-remove"]}
    found |= {name: {"pk": channel.pk} for name in names() if name[:13] == "alert-channel"}
    listed = ["alert-rules", "alert-rule-add", "alert-channels", "alert-channel-add"]
    found |= {name: {} for name in listed}
    found["peek"] = {"pk": group.pk, "shard": 0}
    found["view-remove"] = {"pk": 1}
    found["setup"] = {"token": "made-up"}
    found["endpoint-add"] = {}
    return found


PLAN = {
    "endpoint": "prod",
    "project": "proj",
    "logstore": "store",
    "group": "cg-0",
    "target": "earliest",
    "bound": {"target": "earliest", "timeout_seconds": 60},
    "totals": {"shards": 0, "consumed_again": 0, "never_consumed": 0},
    "activity": {"verdict": "quiet", "reasons": [], "consumers": []},
    "warnings": [],
}


def status(client: Client, method: str, url: str) -> int | str:
    answer = client.generic(method, url, "", content_type="application/x-www-form-urlencoded")
    if answer.status_code == 302 and answer["Location"].startswith("/login/?next="):
        return SIGN_IN
    return answer.status_code


@pytest.mark.parametrize(("name", "method"), CASES)
def test_every_role_may_do_what_the_table_says(signed_in: Any, keys: Any, name: str, method: str) -> None:
    url = reverse(name, kwargs=keys.get(name, {}))
    assert {actor: status(signed_in(actor), method, url) for actor in ACTORS} == CASES[name, method]


@pytest.mark.parametrize("name", sorted(set(names())))
@pytest.mark.parametrize("method", ["POST", "PUT", "PATCH", "DELETE"])
def test_nothing_is_done_without_the_token_of_our_own_forms(
    signed_in: Any, keys: Any, name: str, method: str
) -> None:
    url = reverse(name, kwargs=keys.get(name, {}))
    for actor in ["anonymous", "operator", "admin"]:
        client = signed_in(actor)
        client.handler.enforce_csrf_checks = True
        assert status(client, method, url) == DENIED, actor


@pytest.mark.parametrize("name", ["group", "group-reset", "plan", "reset", "endpoint", "endpoint-remove"])
def test_what_does_not_exist_is_not_found(signed_in: Any, keys: Any, name: str) -> None:
    missing = {"pk": 10**15 if isinstance(keys[name]["pk"], int) else uuid.uuid4()}
    actor = "admin" if name.startswith("endpoint") else "operator"
    assert status(signed_in(actor), "GET", reverse(name, kwargs=missing)) == MISSING


@pytest.mark.parametrize(
    "path", ["/groups/99999999999999999999999999/", "/groups/١/", "/groups/-1/", "/plans/1/"]
)
def test_a_number_that_no_row_can_have_is_not_found(signed_in: Any, path: str) -> None:
    assert status(signed_in("operator"), "GET", path) == MISSING


def test_a_superuser_is_not_needed_for_anything(people: Any) -> None:
    assert not any(user.is_superuser or user.is_staff for user in people.values())
