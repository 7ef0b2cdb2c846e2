"""Connections: one client per configuration, none without the key, none to where it may not go."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints import sls
from checkpoints.models import Endpoint
from checkpoints.services import connections, endpoints, sealing
from checkpoints.services.audit import SYSTEM


def changed(endpoint: Endpoint, now: Any, **changes: Any) -> Endpoint:
    fields = [
        "name",
        "scheme",
        "host",
        "region",
        "signature",
        "access_key_id",
        "typed_projects",
        "protection",
    ]
    wanted = {field: getattr(endpoint, field) for field in fields} | changes
    return endpoints.edit(endpoint, actor=SYSTEM, now=now, **wanted)


def test_a_stored_endpoint_answers(endpoint: Endpoint) -> None:
    assert [project.name for project in connections.connect(endpoint).all_projects()] == ["proj"]


def test_the_client_is_shared_while_nothing_changes(endpoint: Endpoint) -> None:
    same = Endpoint.objects.get(pk=endpoint.pk)
    assert connections.connect(endpoint) is connections.connect(same)


@pytest.mark.parametrize(
    "change", [{"region": "cn-beijing"}, {"signature": "v1"}, {"secret": "anotherSecret"}]
)
def test_a_change_makes_a_new_client(endpoint: Endpoint, now: Any, change: dict[str, Any]) -> None:
    before = connections.connect(endpoint)
    assert connections.connect(changed(endpoint, now, **change)) is not before


def test_a_forgotten_client_is_made_anew(endpoint: Endpoint) -> None:
    before = connections.connect(endpoint)
    connections.forget(endpoint)
    connections.forget(endpoint)
    assert connections.connect(endpoint) is not before


def test_read_only_protection_refuses_writes_in_the_client(emu: Any, endpoint: Endpoint, now: Any) -> None:
    client = connections.connect(changed(endpoint, now, protection="read-only"))
    with pytest.raises(sls.WriteRefused):
        client.update_checkpoint("proj", "store", "cg-0", shard=0, checkpoint="MA==")
    assert emu.writes() == []


def test_a_host_changed_behind_our_back_does_not_get_the_secret(emu: Any, endpoint: Endpoint) -> None:
    Endpoint.objects.filter(pk=endpoint.pk).update(host=f"localhost:{emu.port}")
    with pytest.raises(sealing.Tampered):
        connections.connect(Endpoint.objects.get(pk=endpoint.pk))
    assert emu.stats()["total"] == 0


def test_a_secret_copied_from_another_endpoint_does_not_open(
    emu: Any, endpoint: Endpoint, add_endpoint: Any
) -> None:
    other = add_endpoint(emu, "other")
    Endpoint.objects.filter(pk=other.pk).update(sealed_secret=endpoint.sealed_secret)
    with pytest.raises(sealing.Tampered):
        connections.connect(Endpoint.objects.get(pk=other.pk))


def test_nothing_is_called_that_the_settings_no_longer_allow(endpoint: Endpoint, settings: Any) -> None:
    connections.connect(endpoint)
    settings.SLS_ALLOWED_HOSTS = ()
    with pytest.raises(sls.HostRefused):
        connections.connect(endpoint)


def test_an_sts_token_is_sent(emu: Any, add_endpoint: Any) -> None:
    endpoint = add_endpoint(emu, token="token-of-sts")
    client = connections.connect(endpoint)
    assert endpoint.sealed_token
    assert [project.name for project in client.all_projects()] == ["proj"]


def test_calls_are_counted(endpoint: Endpoint) -> None:
    from checkpoints.services import metrics

    sample = ("sls_api_requests_total", {"operation": "ListProject", "code": "OK"})
    before = metrics.registry.get_sample_value(*sample) or 0
    connections.connect(endpoint).list_projects()
    assert metrics.registry.get_sample_value(*sample) == before + 1
