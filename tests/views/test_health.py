"""What machines ask."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from checkpoints.models import ConsumerGroup, Endpoint, Logstore
from checkpoints.services import health, triggers

pytestmark = pytest.mark.django_db


def waiting(seconds: int, **changes: Any) -> Endpoint:
    """Store an endpoint whose next reading was due some seconds ago."""
    due = timezone.now() - timedelta(seconds=seconds)
    return Endpoint.objects.create(**({"name": "e", "host": "h", "next_read_at": due} | changes))


def test_healthz_answers_anybody(client: Client) -> None:
    answer = client.get("/healthz")
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_readyz_names_its_checks_and_nothing_else(client: Client) -> None:
    answer = client.get("/readyz")
    assert answer.status_code == 200
    checks = dict.fromkeys(["database", "keys", "triggers", "collector"], "ok")
    assert answer.json() == {"status": "ok", "checks": checks}


def failed_check(client: Client) -> list[str]:
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["status"] == "failed"
    return [name for name, word in answer.json()["checks"].items() if word == "failed"]


def test_readyz_fails_when_the_sealing_key_is_not_usable(client: Client, settings: Any) -> None:
    settings.SEALING_KEY = "not a key"
    assert failed_check(client) == ["keys"]


def test_readyz_fails_when_an_audit_trigger_is_missing(client: Client) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute(
            "DROP TRIGGER audit_no_update" + (" ON checkpoints_auditrow" * (connection.vendor != "sqlite"))
        )
    assert failed_check(client) == ["triggers"]
    triggers.install()
    assert client.get("/readyz").status_code == 200


def test_readyz_fails_when_nobody_collects(client: Client, settings: Any) -> None:
    waiting(3 * settings.COLLECT_INTERVAL + 61)
    assert failed_check(client) == ["collector"]


def test_readyz_allows_for_a_late_collection(client: Client, settings: Any) -> None:
    waiting(3 * settings.COLLECT_INTERVAL + 50)
    assert client.get("/readyz").status_code == 200


@pytest.mark.parametrize(("read", "well"), [(None, False), (500, False), (60, True), (-3600, False)])
def test_readyz_fails_when_somebody_looks_and_nothing_of_what_is_due_is_read(
    client: Client, group: ConsumerGroup, read: int | None, well: bool
) -> None:
    now = timezone.now()
    Endpoint.objects.update(next_read_at=now)
    Logstore.objects.update(next_read_at=now - timedelta(seconds=400))
    ConsumerGroup.objects.update(read_at=None if read is None else now - timedelta(seconds=read))
    assert health.readiness(now=now)["collector"] is well


@pytest.mark.parametrize("trouble", [{"failures": 5}, {"problem": {"code": "Unauthorized"}}])
def test_readyz_is_not_about_an_endpoint_that_is_in_trouble(
    group: ConsumerGroup, trouble: dict[str, Any]
) -> None:
    now = timezone.now()
    Endpoint.objects.update(next_read_at=now, **trouble)
    Logstore.objects.update(next_read_at=now - timedelta(seconds=400))
    assert health.readiness(now=now)["collector"]


@pytest.mark.parametrize("changes", [{"enabled": False}, {"removed_at": timezone.now()}])
def test_readyz_expects_no_collection_of_endpoints_that_are_not_used(
    client: Client, changes: dict[str, Any]
) -> None:
    waiting(100_000, **changes)
    assert client.get("/readyz").status_code == 200


def test_a_check_that_cannot_be_made_has_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    from django.db import OperationalError

    def broken() -> list[str]:
        raise OperationalError("disk I/O error")

    monkeypatch.setattr(triggers, "missing", broken)
    assert health.readiness(now=timezone.now())["triggers"] is False


def test_metrics_are_for_people_who_may_see_groups_when_no_token_is_set(signed_in: Any) -> None:
    assert signed_in("anonymous").get("/metrics").status_code == 401
    answer = signed_in("viewer").get("/metrics")
    assert answer.status_code == 200
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    assert b"audit_rows_total" in answer.content


@pytest.mark.parametrize(
    ("header", "status"),
    [
        ("Bearer the-right-one", 200),
        ("Bearer the-wrong-one", 401),
        ("the-right-one", 401),
        ("Bearer ", 401),
        ("", 401),
        ("Bearer ключ", 401),
    ],
)
def test_metrics_want_the_token_when_one_is_set(
    client: Client, settings: Any, header: str, status: int
) -> None:
    settings.METRICS_TOKEN = "the-right-one"
    assert client.get("/metrics", headers={"authorization": header}).status_code == status


def test_with_a_token_set_a_session_is_not_enough(signed_in: Any, settings: Any) -> None:
    settings.METRICS_TOKEN = "the-right-one"
    assert signed_in("viewer").get("/metrics").status_code == 401
