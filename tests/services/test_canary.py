"""A secret that goes in comes out nowhere: no page, no log, no metric, no export, no byte of the database."""

from __future__ import annotations

import base64
import logging
from urllib.parse import quote

import pytest
from django.core.management import call_command
from django.db import connection
from django.urls import reverse

from checkpoints.models import Endpoint
from checkpoints.services import collector
from tests.conftest import KEYS, store_endpoint
from tests.services import resetting as the

CANARY = 'c4n4ry/+="&zx9_81hq'
pytestmark = pytest.mark.django_db


def forms(secret: str) -> list[str]:
    return [secret, quote(secret, safe=""), quote(secret), base64.b64encode(secret.encode()).decode()]


def assert_absent(text: str) -> None:
    assert [form for form in forms(CANARY) if form in text] == []


def as_text(value: object) -> str:
    return bytes(value).decode("latin-1") if isinstance(value, bytes | memoryview) else str(value)


@pytest.fixture
def refused_endpoint(emu):
    """An endpoint with the canary as its secret: the service refuses its signatures."""
    return store_endpoint(emu, name="canary", secret=CANARY)


def database_dump() -> str:
    """Return every row of every table, blobs included, with each byte as one letter."""
    rows: list[str] = []
    with connection.cursor() as cursor:
        for table in connection.introspection.table_names(cursor):
            cursor.execute(f'SELECT * FROM "{table}"')  # noqa: S608
            rows.extend(as_text(value) for row in cursor.fetchall() for value in row)
    return "\n".join(rows)


def test_the_dump_would_show_a_secret(refused_endpoint):
    Endpoint.objects.update(name=CANARY)
    with pytest.raises(AssertionError):
        assert_absent(database_dump())


def test_no_row_of_the_database_holds_the_secret(refused_endpoint):
    collector.collect(now=the.now())
    assert Endpoint.objects.get().problem["code"] == "SignatureNotMatch"
    assert_absent(database_dump())


def test_no_log_line_holds_the_secret(refused_endpoint, caplog):
    with caplog.at_level(logging.DEBUG):
        collector.collect(now=the.now())
    assert_absent(caplog.text)


def test_no_page_holds_the_secret(refused_endpoint, signed_in, settings):
    settings.DEBUG = True
    collector.collect(now=the.now())
    browser = signed_in("admin")
    addresses = [reverse(name) for name in ("overview", "endpoints", "metrics")]
    for address in [*addresses, reverse("endpoint", args=[refused_endpoint.pk]), "/nowhere/"]:
        assert_absent(browser.get(address).content.decode())


def test_a_form_sent_back_does_not_repeat_the_secret(db, signed_in):
    form = {"name": "", "host": "https://example.com", "access_key_id": KEYS[0], "secret": CANARY}
    response = signed_in("admin").post(reverse("endpoint-add"), form)
    assert response.status_code == 422
    assert_absent(response.content.decode())


@pytest.mark.parametrize("form", ["csv", "jsonl"])
def test_no_export_of_the_audit_holds_the_secret(refused_endpoint, capsys, form):
    call_command("audit", "export", format=form)
    out = capsys.readouterr().out
    assert "endpoint." in out
    assert_absent(out)


def test_no_fault_page_of_debug_holds_the_secret(refused_endpoint, signed_in, settings, monkeypatch):
    settings.DEBUG = True

    def broken(*args, **kwargs):
        secret = CANARY
        raise RuntimeError(len(secret))

    monkeypatch.setattr("checkpoints.services.reading.read", broken)
    monkeypatch.setattr("checkpoints.services.endpoints.test", broken)
    browser = signed_in("admin")
    browser.raise_request_exception = False
    response = browser.post(reverse("endpoint-test", args=[refused_endpoint.pk]))
    assert response.status_code == 500
    assert_absent(response.content.decode())
