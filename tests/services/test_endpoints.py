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
def _usual(settings: Any) -> None:
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


WRONG = [
    ("name", "", "empty"),
    ("name", "   ", "empty"),
    ("name", "n" * 81, "longer than 80"),
    ("name", "a\0b", "control characters"),
    ("name", "a\x1b[31m", "control characters"),
    ("name", "a\u202eb", "control characters"),
    ("name", "\udcff", "control characters"),
    ("scheme", "", "values offered"),
    ("scheme", "ftp", "values offered"),
    ("scheme", "http", "SLS_ALLOW_HTTP"),
    ("host", "", "empty"),
    ("host", "h" * 256, "longer than 255"),
    ("host", "https://cn-hangzhou.log.aliyuncs.com", "without https://"),
    ("host", "user:password@cn-hangzhou.log.aliyuncs.com", "no user name"),
    ("host", "cn-hangzhou.log.aliyuncs.com/path", "no path"),
    ("host", "cn-hangzhou.log.aliyuncs.com?x", "no path"),
    ("host", "cn-hangzhou.log.aliyuncs.com\\x", "no path"),
    ("host", "evil.example.com", "not a host of SLS"),
    ("host", "evil.example.com#.log.aliyuncs.com", "no path"),
    ("host", "log.aliyuncs.com.evil.example.com", "not a host of SLS"),
    ("host", "cn-hangzhou.log.aliyuncs.com\0", "plain ASCII"),
    ("host", "cn hangzhou.log.aliyuncs.com", "plain ASCII"),
    ("host", "cn-hangzhou.log.aliyuncs.com\r\nX: y", "plain ASCII"),
    ("host", "ｃn-hangzhou.log.aliyuncs.com", "plain ASCII"),
    ("host", "١٢٧.0.0.1", "plain ASCII"),
    ("host", "127.0.0.1", "may not be called"),
    ("host", "2130706433", "may not be called"),
    ("host", "0x7f000001", "may not be called"),
    ("host", "100.100.100.200", "may not be called"),
    ("host", "[::ffff:100.100.100.200]", "may not be called"),
    ("host", "cn-hangzhou.log.aliyuncs.com:8443", "may not be called"),
    ("host", "cn-hangzhou.log.aliyuncs.com:٤٤٣", "plain ASCII"),
    ("region", "cn hangzhou", "like cn-hangzhou"),
    ("region", "cn/hangzhou", "like cn-hangzhou"),
    ("region", "cn-\0", "like cn-hangzhou"),
    ("region", "r" * 65, "longer than 64"),
    ("signature", "v5", "values offered"),
    ("signature", "", "values offered"),
    ("access_key_id", "", "empty"),
    ("access_key_id", "i" * 129, "longer than 128"),
    ("access_key_id", "a b", "plain ASCII"),
    ("access_key_id", "LTAI\n\nX-Header: y", "plain ASCII"),
    ("access_key_id", "LTAI٤", "plain ASCII"),
    ("secret", "", "Enter the AccessKey secret"),
    ("secret", " \n", "Enter the AccessKey secret"),
    ("secret", "s" * 257, "longer than 256"),
    ("secret", "se\0cret", "plain ASCII"),
    ("secret", "密码", "plain ASCII"),
    ("secret", "\udcff", "plain ASCII"),
    ("token", "t" * 8193, "longer than 8192"),
    ("token", "a\nb", "plain ASCII"),
    ("typed_projects", ["a/b"], "not a project name"),
    ("typed_projects", ["good-one", "../x"], "not a project name"),
    ("typed_projects", ["ab"], "not a project name"),
    ("typed_projects", ["p" * 64], "not a project name"),
    ("typed_projects", ["Proj"], "not a project name"),
    ("typed_projects", ["proj-"], "not a project name"),
    ("typed_projects", ["proj\0x"], "not a project name"),
    ("typed_projects", ["proj٤"], "not a project name"),
    ("typed_projects", [f"proj-{number}" for number in range(1001)], "more than 1000"),
    ("protection", "strict", "values offered"),
]


@pytest.mark.parametrize(("field", "value", "words"), WRONG)
def test_a_wrong_field_gets_a_sentence_and_nothing_is_stored(
    now: Any, field: str, value: Any, words: str
) -> None:
    with pytest.raises(Invalid) as refused:
        add(now, **{field: value})
    assert list(refused.value.errors) == [field]
    assert words in str(refused.value.errors[field])
    assert not Endpoint.objects.exists()
    assert not AuditRow.objects.exists()


@pytest.mark.parametrize(("field", "value", "words"), WRONG)
def test_a_wrong_field_of_an_edit_changes_nothing(
    prod: Endpoint, now: Any, field: str, value: Any, words: str
) -> None:
    if field == "secret" and not value.strip():
        pytest.skip("an empty secret keeps the stored one")
    with pytest.raises(Invalid) as refused:
        edit(prod, now, **{field: value})
    assert words in str(refused.value.errors[field])
    stored = Endpoint.objects.get()
    assert (stored.name, stored.config_version, AuditRow.objects.count()) == ("prod", 1, 1)


def test_all_wrong_fields_are_told_at_once(now: Any) -> None:
    with pytest.raises(Invalid) as refused:
        add(now, name="", host="", access_key_id="")
    assert set(refused.value.errors) == {"name", "host", "access_key_id"}


def test_blanks_around_what_was_pasted_are_dropped(now: Any) -> None:
    endpoint = add(now, name=" prod ", host=" CN-Hangzhou.log.aliyuncs.com\n", typed_projects=[" proj-a ", "", "proj-a"])
    assert (endpoint.name, endpoint.host) == ("prod", "cn-hangzhou.log.aliyuncs.com")
    assert endpoint.typed_projects == ["proj-a"]


def test_http_is_stored_where_the_setting_allows_it(now: Any, settings: Any) -> None:
    settings.SLS_ALLOW_HTTP = True
    assert add(now, scheme="http").identity == "http://cn-hangzhou.log.aliyuncs.com"


REGIONS = [
    ("cn-beijing.log.aliyuncs.com", "cn-beijing"),
    ("cn-beijing-intranet.log.aliyuncs.com", "cn-beijing"),
    ("cn-beijing-internal.log.aliyuncs.com", "cn-beijing"),
    ("xx-nowhere-1-share.sls.aliyuncs.com", "xx-nowhere-1"),
]


@pytest.mark.parametrize(("host", "region"), REGIONS)
def test_a_region_left_empty_is_taken_from_the_host(now: Any, host: str, region: str) -> None:
    assert add(now, host=host, region="").region == region


def test_a_region_that_is_not_listed_is_possible(now: Any) -> None:
    assert add(now, region="xx-private-1").region == "xx-private-1"


def test_v4_needs_a_region_and_v1_does_not(now: Any, settings: Any) -> None:
    settings.SLS_ALLOWED_HOSTS = ("sls.example.com",)
    with pytest.raises(Invalid) as refused:
        add(now, host="sls.example.com", region="")
    assert "needs the region" in str(refused.value.errors["region"])
    assert add(now, host="sls.example.com", region="", signature="v1").region == ""


def test_two_endpoints_cannot_have_one_name(prod: Endpoint, now: Any) -> None:
    with pytest.raises(Invalid) as refused:
        add(now)
    assert "with this name already" in str(refused.value.errors["name"])
    other = add(now, name="other")
    with pytest.raises(Invalid):
        edit(other, now, name="prod")


def test_a_name_taken_meanwhile_is_told_as_well(now: Any, monkeypatch: pytest.MonkeyPatch, prod: Endpoint) -> None:
    monkeypatch.setattr("checkpoints.services.endpoint_fields._name", lambda text, but: text)
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
    assert {(row.actor_name, row.source_ip, row.object_id) for row in rows} == {("admin", "192.0.2.7", str(prod.pk))}
    assert (rows[0].before, rows[1].before["name"], rows[1].after["name"]) == (None, "prod", "renamed")
    assert (rows[0].after["access_key_id"], rows[0].after["secret"]) == ("***Id42", "set")
    assert (rows[1].before["token"], rows[1].after["token"]) == ("not set", "set")
    assert (rows[2].after["enabled"], rows[3].after["enabled"], rows[4].after["secret"]) == (False, True, "not set")
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


URLS = [
    ("https://cn-x.log.aliyuncs.com/", ("https", "cn-x.log.aliyuncs.com")),
    ("HTTP://cn-x.log.aliyuncs.com:80", ("http", "cn-x.log.aliyuncs.com:80")),
    (" cn-x.log.aliyuncs.com ", ("https", "cn-x.log.aliyuncs.com")),
    ("https://a/b", ("https", "a/b")),
]


@pytest.mark.parametrize(("url", "parts"), URLS)
def test_a_url_is_split(url: str, parts: tuple[str, str]) -> None:
    assert endpoints.split_url(url) == parts


def test_seeding_regions_adds_what_is_missing_and_keeps_edits() -> None:
    from checkpoints.models import Region

    assert Region.objects.count() == len(regions.shipped()) == 39
    Region.objects.filter(pk="cn-beijing").update(note="ours")
    Region.objects.filter(pk="cn-qingdao").delete()
    regions.seed()
    assert Region.objects.get(pk="cn-beijing").note == "ours"
    assert Region.objects.get(pk="cn-qingdao").public_host == "cn-qingdao.log.aliyuncs.com"
