"""Endpoints: what may be stored, what a change costs, and what the audit log tells of it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from django.db import IntegrityError

from checkpoints.models import AuditRow, Endpoint, Project
from checkpoints.services import endpoints, regions
from checkpoints.services.audit import Actor
from checkpoints.services.endpoints import Invalid

pytestmark = pytest.mark.django_db
ACTOR = Actor("7", "admin", "admin", "192.0.2.7")
GOOD: dict[str, Any] = {
    "name": "prod",
    "scheme": "https",
    "host": "cn-hangzhou.log.aliyuncs.com",
    "region": "cn-hangzhou",
    "signature": "v4",
    "access_key_id": "LTAI5tExampleKeyId42",
    "secret": "exampleSecretOfThirtyLetters",
    "token": "",
    "typed_projects": ["proj-a"],
    "protection": "reason",
}


@pytest.fixture(autouse=True)
def usual(settings: Any) -> None:
    settings.SLS_ALLOW_HTTP = False
    settings.SLS_ALLOWED_HOSTS = ()


@pytest.fixture
def prod(now: Any) -> Endpoint:
    return endpoints.add(actor=ACTOR, now=now, **GOOD)


def add(now: Any, **changes: Any) -> Endpoint:
    return endpoints.add(actor=ACTOR, now=now, **(GOOD | changes))


def edit(endpoint: Endpoint, now: Any, **changes: Any) -> Endpoint:
    return endpoints.edit(endpoint, actor=ACTOR, now=now, **(GOOD | {"secret": ""} | changes))


def test_what_was_given_is_stored_and_the_secret_is_not(now: Any) -> None:
    endpoint = Endpoint.objects.get(pk=add(now).pk)
    plain = {field: value for field, value in GOOD.items() if field not in {"secret", "token"}}
    assert {field: getattr(endpoint, field) for field in plain} == plain
    assert endpoint.secret_set_at == now
    assert b"exampleSecret" not in bytes(endpoint.sealed_secret)
    assert endpoint.config_version == 1
    assert endpoint.enabled


def test_two_endpoints_cannot_have_one_name(prod: Endpoint, now: Any) -> None:
    with pytest.raises(Invalid) as refused:
        add(now)
    assert "with this name already" in str(refused.value.errors["name"])
    other = add(now, name="other")
    with pytest.raises(Invalid):
        edit(other, now, name="prod")


def test_a_name_taken_meanwhile_is_told_as_well(
    now: Any, monkeypatch: pytest.MonkeyPatch, prod: Endpoint
) -> None:
    monkeypatch.setattr("checkpoints.services.endpoint_fields._name", lambda text, _but: text)
    with pytest.raises(Invalid) as refused:
        add(now)
    assert "with this name already" in str(refused.value.errors["name"])


def test_another_integrity_error_is_not_taken_for_a_name(now: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(*args: Any, **kwargs: Any) -> None:
        raise IntegrityError("the audit log is append-only")

    monkeypatch.setattr("checkpoints.services.audit.record", broken)
    with pytest.raises(IntegrityError):
        add(now)
    assert not Endpoint.objects.exists()


@pytest.mark.parametrize(
    "change", [{"host": "cn-beijing.log.aliyuncs.com"}, {"access_key_id": "LTAIother"}, {"scheme": "http"}]
)
def test_moving_an_endpoint_needs_the_secret_again(
    prod: Endpoint, now: Any, change: dict[str, Any], settings: Any
) -> None:
    settings.SLS_ALLOW_HTTP = True
    with pytest.raises(Invalid) as refused:
        edit(prod, now, **change)
    assert "enter the AccessKey secret again" in str(refused.value.errors["secret"])
    assert Endpoint.objects.get().host == GOOD["host"]
    moved = edit(prod, now, secret="newSecret", **change)
    assert moved.config_version == 2


@pytest.mark.parametrize(
    ("change", "version"),
    [
        ({"name": "renamed"}, 1),
        ({"protection": "read-only"}, 1),
        ({"typed_projects": ["proj-b"]}, 1),
        ({"region": "cn-beijing"}, 2),
        ({"signature": "v1"}, 2),
        ({"secret": "newSecret"}, 2),
        ({"token": "newToken"}, 2),
    ],
)
def test_the_version_grows_with_how_and_as_whom_we_connect(
    prod: Endpoint, now: Any, change: dict[str, Any], version: int
) -> None:
    before = bytes(prod.sealed_secret)
    after = edit(prod, now, **change)
    assert after.config_version == version
    assert (bytes(after.sealed_secret) == before) is ("secret" not in change)


def test_a_new_secret_ends_the_old_token(now: Any) -> None:
    endpoint = add(now, token="firstToken")
    assert edit(endpoint, now).sealed_token
    assert not edit(endpoint, now, secret="newSecret").sealed_token


def test_an_edit_forgets_what_was_found_before(prod: Endpoint, now: Any) -> None:
    Endpoint.objects.update(problem={"code": "x"}, problem_at=now, discovered_at=now, next_read_at=now)
    after = edit(prod, now, secret="newSecret")
    assert (after.problem, after.problem_at, after.discovered_at, after.next_read_at) == (None,) * 4


def test_every_change_is_audited_without_a_secret(prod: Endpoint, now: Any) -> None:
    edit(prod, now, name="renamed", secret="anotherSecretValue", token="someTokenValue")
    endpoints.disable(prod, actor=ACTOR, now=now)
    endpoints.enable(prod, actor=ACTOR, now=now)
    endpoints.remove(prod, actor=ACTOR, now=now)

    rows = list(AuditRow.objects.order_by("seq"))
    assert [row.action for row in rows] == [
        "endpoint.added",
        "endpoint.edited",
        "endpoint.disabled",
        "endpoint.enabled",
        "endpoint.removed",
    ]
    assert {(row.actor_name, row.source_ip, row.object_id) for row in rows} == {
        ("admin", "192.0.2.7", str(prod.pk))
    }
    assert (rows[0].before, rows[1].before["name"], rows[1].after["name"]) == (None, "prod", "renamed")
    assert (rows[0].after["access_key_id"], rows[0].after["secret"]) == ("***Id42", "set")
    assert (rows[1].before["token"], rows[1].after["token"]) == ("not set", "set")
    assert (rows[2].after["enabled"], rows[3].after["enabled"], rows[4].after["secret"]) == (
        False,
        True,
        "not set",
    )
    written = json.dumps([[row.before, row.after, row.details] for row in rows])
    for value in [GOOD["secret"], "anotherSecretValue", "someTokenValue", GOOD["access_key_id"]]:
        assert value not in written


def test_nothing_of_a_short_key_id_is_shown() -> None:
    assert endpoints.mask_key_id("shortKeyId1") == "***"


def test_removing_wipes_the_credentials_and_keeps_the_rest(prod: Endpoint, now: Any) -> None:
    Project.objects.create(endpoint=prod, name="proj-a")
    gone = endpoints.remove(prod, actor=ACTOR, now=now)
    assert (bytes(gone.sealed_secret), bytes(gone.sealed_token), gone.secret_set_at) == (b"", b"", None)
    assert (gone.removed_at, gone.enabled, gone.config_version) == (now, False, 2)
    assert Project.objects.filter(endpoint=gone).count() == 1
    assert add(now).name == gone.name


@pytest.mark.parametrize("change", [endpoints.enable, endpoints.disable, endpoints.remove])
def test_a_removed_endpoint_cannot_be_changed(prod: Endpoint, now: Any, change: Any) -> None:
    endpoints.remove(prod, actor=ACTOR, now=now)
    with pytest.raises(Invalid, match="was removed"):
        change(prod, actor=ACTOR, now=now)
    with pytest.raises(Invalid, match="was removed"):
        edit(prod, now)


def test_seeding_regions_adds_what_is_missing_and_keeps_edits() -> None:
    from checkpoints.models import Region

    assert Region.objects.count() == len(regions.shipped()) == 39
    Region.objects.filter(pk="cn-beijing").update(note="ours")
    Region.objects.filter(pk="cn-qingdao").delete()
    regions.seed()
    assert Region.objects.get(pk="cn-beijing").note == "ours"
    assert Region.objects.get(pk="cn-qingdao").public_host == "cn-qingdao.log.aliyuncs.com"
