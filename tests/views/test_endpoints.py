"""The endpoint pages: what is shown, what is stored, and what bad input does."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from checkpoints.models import AuditRow, ConsumerGroup, Endpoint, HourlyCalls, Logstore, Project
from tests.conftest import KEYS

pytestmark = pytest.mark.django_db
SECRET = "a-secret-nobody-may-see-again"
GOOD = {
    "name": "prod",
    "region": "cn-hangzhou",
    "host": "cn-hangzhou.log.aliyuncs.com",
    "scheme": "https",
    "signature": "v4",
    "access_key_id": "LTAI5tExampleKeyId9Xyz",
    "secret": SECRET,
    "token": "",
    "typed_projects": "pay-core\nedge-logs\n",
    "protection": "reason",
    "interval_seconds": "30",
    "calls_per_second": "",
}


@pytest.fixture
def admin(signed_in: Callable[[str], Client]) -> Client:
    return signed_in("admin")


def add(client: Client, **changes: str) -> Any:
    return client.post("/endpoints/add/", GOOD | changes)


def stored(client: Client, **changes: str) -> Endpoint:
    assert add(client, **changes).status_code == 302
    return Endpoint.objects.get(removed_at=None)


def test_an_endpoint_is_added_sealed_and_audited_and_offered_for_testing(admin: Client) -> None:
    answer = add(admin)
    endpoint = Endpoint.objects.get()
    assert (answer.status_code, answer["Location"]) == (302, f"/endpoints/{endpoint.pk}/test/")
    assert endpoint.typed_projects == ["pay-core", "edge-logs"]
    assert (endpoint.interval_seconds, endpoint.calls_per_second) == (30, None)
    assert SECRET.encode() not in bytes(endpoint.sealed_secret)
    row = AuditRow.objects.get(action="endpoint.added")
    assert (row.actor_name, row.endpoint, row.source_ip) == ("the-admin", "prod", "127.0.0.1")


def test_a_region_alone_is_enough_for_its_public_host(admin: Client) -> None:
    assert stored(admin, region="cn-beijing", host="").host == "cn-beijing.log.aliyuncs.com"


def test_the_form_offers_the_regions_and_hosts_of_the_database(admin: Client) -> None:
    page = admin.get("/endpoints/add/").content.decode()
    assert '<option value="cn-hangzhou">cn-hangzhou · ' in page
    assert '<option value="cn-hangzhou-intranet.log.aliyuncs.com">' in page


def test_http_is_offered_only_when_the_setting_allows_it(admin: Client, settings: Any) -> None:
    settings.SLS_ALLOW_HTTP = True
    assert 'value="http"' in admin.get("/endpoints/add/").content.decode()
    settings.SLS_ALLOW_HTTP = False
    assert 'value="http"' not in admin.get("/endpoints/add/").content.decode()


BAD = {
    "empty name": ("name", ""),
    "long name": ("name", "x" * 81),
    "name of two lines": ("name", "a\nb"),
    "no host and no region": ("host", ""),
    "host that is not SLS": ("host", "evil.example.com"),
    "host that only begins like SLS": ("host", "cn-hangzhou.log.aliyuncs.com.evil.example"),
    "address of the metadata service": ("host", "100.100.100.200"),
    "private address": ("host", "10.0.0.1"),
    "host with a scheme": ("host", "http://cn-hangzhou.log.aliyuncs.com"),
    "host with a path": ("host", "cn-hangzhou.log.aliyuncs.com/x"),
    "host with a user": ("host", "a@cn-hangzhou.log.aliyuncs.com"),
    "host of two lines": ("host", "cn-hangzhou.log.aliyuncs.com\nx"),
    "long host": ("host", "x" * 300 + ".log.aliyuncs.com"),
    "host with digits of another alphabet": ("host", "١٢٧.٠.٠.١"),
    "port out of range": ("host", "cn-hangzhou.log.aliyuncs.com:99999"),
    "unknown region": ("region", "mars-1"),
    "unknown scheme": ("scheme", "ftp"),
    "unknown signature": ("signature", "v5"),
    "unknown protection": ("protection", "all"),
    "empty key": ("access_key_id", ""),
    "long key": ("access_key_id", "x" * 129),
    "key with a space": ("access_key_id", "a b"),
    "key of another alphabet": ("access_key_id", "ключ"),
    "no secret": ("secret", ""),
    "long secret": ("secret", "x" * 257),
    "secret with a line": ("secret", "a\nb"),
    "token with a space": ("token", "a b"),
    "long token": ("token", "x" * 9000),
    "project with a slash": ("typed_projects", "pay/core"),
    "project with capitals": ("typed_projects", "PayCore"),
    "project with digits of another alphabet": ("typed_projects", "pay-١٢٣"),
    "long project": ("typed_projects", "x" * 64),
    "endless projects": ("typed_projects", "abc\n" * 10_000),
    "too often": ("interval_seconds", "4"),
    "too rarely": ("interval_seconds", "3601"),
    "an interval in words": ("interval_seconds", "often"),
    "no calls at all": ("calls_per_second", "0"),
    "endless calls": ("calls_per_second", "9" * 400),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_input_is_a_form_error_beside_its_field_and_nothing_is_stored(admin: Client, case: str) -> None:
    field, text = BAD[case]
    changes = {field: text} | ({"region": ""} if case == "no host and no region" else {})
    answer = add(admin, **changes)
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == [field]
    assert not Endpoint.objects.exists()
    assert not AuditRow.objects.exists()


@pytest.mark.parametrize("field", GOOD)
def test_nul_is_refused_in_every_field(admin: Client, field: str) -> None:
    answer = add(admin, **{field: f"{GOOD[field]}\0"})
    assert answer.status_code == 400
    assert not Endpoint.objects.exists()


def test_http_without_the_setting_is_a_form_error(admin: Client, settings: Any) -> None:
    settings.SLS_ALLOW_HTTP = False
    answer = add(admin, scheme="http")
    assert answer.status_code == 422
    assert list(answer.context["form"].errors) == ["scheme"]


def test_without_a_sealing_key_nothing_is_stored_and_the_form_says_why(admin: Client, settings: Any) -> None:
    settings.SEALING_KEY = "not a key"
    answer = add(admin)
    assert answer.status_code == 422
    assert "SEALING_KEY" in str(answer.context["form"].non_field_errors())
    assert not Endpoint.objects.exists()


def test_a_second_endpoint_of_the_same_name_is_a_form_error(admin: Client) -> None:
    stored(admin)
    answer = add(admin)
    assert answer.status_code == 422
    assert "name" in answer.context["form"].errors


def test_what_was_typed_comes_back_after_an_error_but_never_the_secret(admin: Client) -> None:
    page = add(admin, host="evil.example.com", token="another-secret").content.decode()
    assert "evil.example.com" in page
    assert "pay-core" in page
    assert SECRET not in page
    assert "another-secret" not in page


def test_the_edit_page_tells_when_the_secret_was_set_and_never_which(admin: Client) -> None:
    endpoint = stored(admin)
    page = admin.get(f"/endpoints/{endpoint.pk}/").content.decode()
    assert f"The secret was set {timezone.localtime(endpoint.secret_set_at):%Y-%m-%d %H:%M}" in page
    assert SECRET not in page


def edit(client: Client, endpoint: Endpoint, **changes: str) -> Any:
    return client.post(f"/endpoints/{endpoint.pk}/", GOOD | {"secret": ""} | changes)


def test_an_empty_secret_keeps_the_stored_one(admin: Client) -> None:
    endpoint = stored(admin)
    assert edit(admin, endpoint, name="production", protection="read-only").status_code == 302
    changed = Endpoint.objects.get()
    assert (changed.name, changed.protection) == ("production", "read-only")
    assert bytes(changed.sealed_secret) == bytes(endpoint.sealed_secret)


@pytest.mark.parametrize(
    "change",
    [
        {"host": "cn-beijing.log.aliyuncs.com", "region": "cn-beijing"},
        {"access_key_id": "LTAI5tAnotherKeyId0000"},
        {"scheme": "http"},
    ],
)
def test_a_stored_secret_never_goes_to_another_host_or_key(admin: Client, change: dict[str, str]) -> None:
    endpoint = stored(admin)
    answer = edit(admin, endpoint, **change)
    assert answer.status_code == 422
    assert "secret again" in str(answer.context["form"].errors["secret"])
    assert Endpoint.objects.get().identity == endpoint.identity


def test_the_list_shows_what_an_operator_needs_and_no_more_of_the_key_than_its_end(admin: Client) -> None:
    endpoint = stored(admin)
    project = Project.objects.create(endpoint=endpoint, name="pay-core")
    logstore = Logstore.objects.create(project=project, name="orders")
    for name in ["settlement", "fraud"]:
        ConsumerGroup.objects.create(logstore=logstore, name=name)
    ConsumerGroup.objects.create(logstore=logstore, name="gone", vanished_at=timezone.now())
    answer = admin.get("/endpoints/")
    [row] = answer.context["endpoints"]
    assert (row.project_count, row.group_count) == (1, 2)
    page = answer.content.decode()
    assert "9Xyz" in page
    assert GOOD["access_key_id"] not in page
    assert "cn-hangzhou.log.aliyuncs.com" in page


def test_trouble_is_told_in_words_with_its_request_id(admin: Client) -> None:
    endpoint = stored(admin)
    endpoint.problem = {
        "code": "SignatureNotMatch",
        "message": {"text": "The key of %(name)s is not accepted.", "values": {"name": "prod"}},
        "advice": {"text": "Check the secret.", "values": {}},
        "request_id": "5AEC275D1FFC036AB254B20C",
        "operation": "ListProject",
    }
    endpoint.save()
    page = admin.get("/endpoints/").content.decode()
    for words in [
        "The key of prod is not accepted.",
        "Check the secret.",
        "5AEC275D1FFC036AB254B20C",
        "Trouble",
    ]:
        assert words in page


def problem(operation: str, request_id: str) -> dict[str, Any]:
    message = {"text": "The key may not do this (%(operation)s).", "values": {"operation": operation}}
    advice = {"text": "Enter fresh temporary credentials.", "values": {}}
    return {
        "code": "Unauthorized", "message": message, "advice": advice,
        "request_id": request_id, "operation": operation,
    }  # fmt: skip


def test_an_endpoint_of_which_a_part_cannot_be_read_is_not_ok_and_says_what_and_why(admin: Client) -> None:
    endpoint = stored(admin)
    Endpoint.objects.update(last_success_at=timezone.now())
    project = Project.objects.create(
        endpoint=endpoint, name="ops", problem=problem("ListLogStores", "5AEC275D1FFC036AB254B20C")
    )
    pay = Project.objects.create(endpoint=endpoint, name="pay")
    for number in range(2):
        Logstore.objects.create(
            project=pay, name=f"log-{number}", problem=problem("ListShards", f"REQ{number}")
        )
    page = " ".join(admin.get("/endpoints/").content.decode().split())
    for words in [
        "Partly read", "1 project cannot be read.", "2 Logstores cannot be read.",
        "<b>ops</b> The key may not do this (ListLogStores).", "<b>pay / log-1</b>", "REQ1",
        "5AEC275D1FFC036AB254B20C",
    ]:  # fmt: skip
        assert words in page
    Logstore.objects.update(problem=None)
    Project.objects.filter(pk=project.pk).update(vanished_at=timezone.now())
    page = admin.get("/endpoints/").content.decode()
    assert '<span class="badge ok">OK</span>' in page
    assert "cannot be read" not in page


def test_of_many_that_cannot_be_read_the_first_are_named(admin: Client) -> None:
    endpoint = stored(admin)
    for number in range(25):
        Project.objects.create(
            endpoint=endpoint, name=f"p-{number:02}", problem=problem("ListLogStores", "REQ")
        )
    page = admin.get("/endpoints/").content.decode()
    assert "25 projects cannot be read." in page
    assert page.count("<li><b>p-") == 20
    assert "and 5 more" in page


@pytest.mark.parametrize("path", ["/", "/endpoints/"])
def test_an_endpoint_that_is_left_alone_says_when_it_is_tried_again(admin: Client, path: str) -> None:
    stored(admin)
    now = timezone.now()
    Endpoint.objects.update(
        problem=problem("ListShards", "REQ"), problem_at=now, failures=5, opened_at=now, retry_at=now
    )
    page = " ".join(admin.get(path).content.decode().split())
    assert "after 5 failures in a row; next try at <time" in page


def test_names_cannot_become_markup(admin: Client) -> None:
    stored(admin, name='<script>alert("x")</script>')
    assert "<script>alert" not in admin.get("/endpoints/").content.decode()


def test_viewers_see_the_list_without_the_buttons(admin: Client, signed_in: Any) -> None:
    stored(admin)
    page = signed_in("viewer").get("/endpoints/").content.decode()
    assert "prod" in page
    assert "/remove/" not in page


def test_an_endpoint_is_disabled_and_enabled_after_a_question(admin: Client) -> None:
    endpoint = stored(admin)
    for verb, enabled in [("disable", False), ("enable", True)]:
        url = f"/endpoints/{endpoint.pk}/{verb}/"
        assert admin.get(url).status_code == 200
        assert Endpoint.objects.get().enabled is not enabled
        assert admin.post(url).status_code == 302
        assert Endpoint.objects.get().enabled is enabled


@pytest.mark.parametrize("typed", ["", "Prod", "prod2", "x" * 500, "ｐｒｏｄ"])
def test_an_endpoint_is_not_removed_for_another_name(admin: Client, typed: str) -> None:
    endpoint = stored(admin)
    assert admin.post(f"/endpoints/{endpoint.pk}/remove/", {"name": typed}).status_code == 422
    assert Endpoint.objects.get().removed_at is None


def test_a_removed_endpoint_has_no_page_and_no_credentials(admin: Client) -> None:
    endpoint = stored(admin)
    assert admin.post(f"/endpoints/{endpoint.pk}/remove/", {"name": "prod"}).status_code == 302
    assert bytes(Endpoint.objects.get().sealed_secret) == b""
    for tail in ["", "test/", "disable/", "enable/", "remove/"]:
        assert admin.get(f"/endpoints/{endpoint.pk}/{tail}").status_code == 404
    assert "There is no endpoint yet." in admin.get("/endpoints/").content.decode()


def test_the_test_page_calls_nothing_until_asked(admin: Client, endpoint: Endpoint, emu: Any) -> None:
    answer = admin.get(f"/endpoints/{endpoint.pk}/test/")
    assert "Run the test" in answer.content.decode()
    assert not AuditRow.objects.filter(action="endpoint.tested").exists()


def test_the_test_shows_one_verdict_per_operation(admin: Client, endpoint: Endpoint) -> None:
    answer = admin.post(f"/endpoints/{endpoint.pk}/test/")
    found = {verdict.operation: verdict.ok for verdict in answer.context["verdicts"]}
    assert found["ListShards"] is True
    assert found["UpdateCheckPoint"] is None
    page = answer.content.decode()
    assert page.count("<tr>") == len(found) + 1
    assert "log:ConsumerGroupUpdateCheckPoint" in page


def test_the_test_of_a_wrong_secret_says_so(admin: Client, emu: Any, add_endpoint: Any) -> None:
    endpoint = add_endpoint(emu, secret="wrong", access_key_id=KEYS[0])
    page = admin.post(f"/endpoints/{endpoint.pk}/test/").content.decode()
    assert "SignatureNotMatch" in page
    assert "Fails" in page


@pytest.mark.parametrize(
    ("this_hour", "last_hour", "expected"),
    [
        (123, 4560, ["123 calls so far this hour", "4,560 last hour"]),
        (1, None, ["1 call so far this hour"]),
        (None, 4560, ["0 calls so far this hour", "4,560 last hour"]),  # the hour has just begun
        (None, None, []),
    ],
)
def test_calls_of_an_hour_that_goes_on_are_told_apart_from_those_of_a_whole_one(
    admin: Client, endpoint: Endpoint, this_hour: int | None, last_hour: int | None, expected: list[str]
) -> None:
    HourlyCalls.objects.all().delete()
    hour = timezone.now().replace(minute=0, second=0, microsecond=0)
    for at, calls in ((hour, this_hour), (hour - timedelta(hours=1), last_hour)):
        if calls is not None:
            HourlyCalls.objects.create(endpoint=endpoint, hour=at, calls=calls)
    html = admin.get("/endpoints/").content.decode()
    assert [words for words in expected if f"<small>{words}</small>" in html] == expected
    assert html.count(" hour</small>") == len(expected)
