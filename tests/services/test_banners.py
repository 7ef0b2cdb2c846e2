"""What every page tells everybody: one query, and true at once."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints.models import Channel, Endpoint
from checkpoints.services import banners, sealing

pytestmark = pytest.mark.django_db


@pytest.fixture
def endpoint() -> Any:
    sealed = {"host": "a.example", "access_key_id": "LTAI", "sealed_secret": b""}
    made = Endpoint.objects.create(name="plain", scheme="http", **sealed)
    Endpoint.objects.create(name="tls", **sealed)
    made.sealed_secret = sealing.seal("s", row=made.pk, field="secret", identity=made.identity)
    made.save()
    return made


def test_endpoints_without_tls_are_named_as_long_as_they_are_used(endpoint, django_assert_num_queries):
    Endpoint.objects.create(name="another", scheme="http", host="b.example", access_key_id="LTAI")
    with django_assert_num_queries(1):
        assert banners.read() == banners.Banners(locked=False, plain=["another", "plain"])
    Endpoint.objects.filter(name="another").update(enabled=False)
    Endpoint.objects.filter(name="plain").update(removed_at="2026-11-20T00:00Z")
    assert banners.read().plain == []


@pytest.mark.parametrize("other", [b"\x01" + b"k" * 40, b"\x01" + b"z" * 40])
def test_a_secret_of_another_key_locks_at_once(endpoint, other):
    assert not banners.read().locked
    Endpoint.objects.filter(name="tls").update(sealed_token=other)
    assert banners.read().locked
    assert sealing.state() == "locked"


def test_so_does_the_address_of_a_channel(endpoint):
    Channel.objects.create(name="ops", kind="slack", place="x", sealed_secret=b"\x01" + b"k" * 40)
    assert banners.read().locked


def test_a_key_that_is_not_readable_locks_at_once(endpoint, settings, tmp_path):
    settings.SEALING_KEY = "not a key"
    assert banners.read().locked
