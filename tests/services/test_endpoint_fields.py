"""The fields of an endpoint: each wrong value gets a sentence, and nothing is half stored."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints.models import AuditRow, Endpoint
from checkpoints.services import endpoints
from checkpoints.services.endpoints import Invalid
from tests.services.test_endpoints import add, edit, prod, usual

__all__ = ["prod", "usual"]
pytestmark = pytest.mark.django_db


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
    ("interval_seconds", 4, "between 5 and 3600"),
    ("interval_seconds", 3601, "between 5 and 3600"),
    ("calls_per_second", 0, "between 10 and 10000"),
    ("calls_per_second", 10_001, "between 10 and 10000"),
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


@pytest.mark.parametrize(
    ("field", "value", "words"), [case for case in WRONG if "Enter the AccessKey" not in case[2]]
)
def test_a_wrong_field_of_an_edit_changes_nothing(
    prod: Endpoint, now: Any, field: str, value: Any, words: str
) -> None:
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
    endpoint = add(
        now, name=" prod ", host=" CN-Hangzhou.log.aliyuncs.com\n", typed_projects=[" proj-a ", "", "proj-a"]
    )
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


URLS = [
    ("https://cn-x.log.aliyuncs.com/", ("https", "cn-x.log.aliyuncs.com")),
    ("HTTP://cn-x.log.aliyuncs.com:80", ("http", "cn-x.log.aliyuncs.com:80")),
    (" cn-x.log.aliyuncs.com ", ("https", "cn-x.log.aliyuncs.com")),
    ("https://a/b", ("https", "a/b")),
]


@pytest.mark.parametrize(("url", "parts"), URLS)
def test_a_url_is_split(url: str, parts: tuple[str, str]) -> None:
    assert endpoints.split_url(url) == parts
