"""What every request passes, tried on the real address table."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.models import Session
from django.test import Client, RequestFactory

from checkpoints.models import AuditRow
from checkpoints.views.middleware import client_ip
from checkpoints.views.requests import LONGEST_QUERY

pytestmark = pytest.mark.django_db
FORM = "application/x-www-form-urlencoded"

UNREADABLE = {
    "NUL in the path": ("get", "/groups/%00/", ""),
    "line feed in the path": ("get", "/audit/%0Ax", ""),
    "bytes that are not UTF-8 in the path": ("get", "/groups/%FF/", ""),
    "NUL in a query value": ("get", "/healthz?q=a%00b", ""),
    "escape in a query value": ("get", "/healthz?q=%1B[31m", ""),
    "line feed in a query value": ("get", "/healthz?q=a%0Ab", ""),
    "C1 control in a query name": ("get", "/healthz?%C2%85=1", ""),
    "half a character in a query": ("get", "/healthz?q=%E4%BD", ""),
    "too long a query": ("get", "/healthz?q=" + "a" * LONGEST_QUERY, ""),
    "NUL in a form value": ("post", "/login/", "username=a%00b&password=x"),
    "bell in a form value": ("post", "/login/", "username=a%07b&password=x"),
    "tab in a form name": ("post", "/login/", "user%09name=a&password=x"),
    "form that is not UTF-8": ("post", "/login/", "username=%C3%28&password=x"),
}


@pytest.mark.parametrize("case", UNREADABLE)
def test_input_that_no_person_types_is_refused_with_a_sentence(client: Client, case: str) -> None:
    method, path, body = UNREADABLE[case]
    answer = client.generic(method.upper(), path, body, content_type=FORM)
    assert answer.status_code == 400
    assert answer["Content-Type"].startswith("text/plain")
    assert answer.content.decode().strip().endswith(".")
    assert not AuditRow.objects.exists()


@pytest.mark.parametrize(
    "body", ["x=" + "a" * 1_100_000, "&".join(f"x{number}=1" for number in range(10_001))]
)
def test_a_form_that_is_too_big_is_refused(client: Client, body: str) -> None:
    assert client.generic("POST", "/login/", body, content_type=FORM).status_code in {400, 413}


def test_a_multipart_value_that_is_not_utf8_is_refused(client: Client) -> None:
    body = b'--x\r\nContent-Disposition: form-data; name="username"\r\n\r\n\xff\r\n--x--\r\n'
    answer = client.generic("POST", "/login/", body, content_type="multipart/form-data; boundary=x")
    assert answer.status_code == 400
    assert b"UTF-8" in answer.content


def test_the_refusal_is_told_in_the_language_of_the_reader(client: Client) -> None:
    answer = client.get("/healthz?q=%00", headers={"accept-language": "en"})
    assert "control characters" in answer.content.decode()


def test_texts_may_have_lines_and_tabs_and_any_alphabet(client: Client) -> None:
    answer = client.post("/zone/", {"zone": "UTC", "note": "两行\n\ttext\r\n"})
    assert answer.status_code == 302


def test_pages_are_kept_out_of_caches_and_of_other_sites(signed_in: Any) -> None:
    answer = signed_in("viewer").get("/endpoints/")
    assert answer["Cache-Control"] == "no-store"
    assert answer["Cross-Origin-Opener-Policy"] == "same-origin"
    assert answer["Cross-Origin-Resource-Policy"] == "same-origin"
    assert answer["Cross-Origin-Embedder-Policy"] == "require-corp"
    assert "geolocation=()" in answer["Permissions-Policy"]
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["X-Frame-Options"] == "DENY"
    assert "default-src 'none'" in answer["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("host", "scheme", "secure"),
    [
        ("localhost:8000", "http", False),
        ("127.0.0.1:8000", "http", False),
        ("[::1]:8000", "http", False),
        ("localhost", "https", True),
        ("lag.example.com", "http", True),
        ("lag.example.com", "https", True),
    ],
)
def test_cookies_lose_the_secure_flag_only_over_http_on_this_machine(
    settings: Any, host: str, scheme: str, secure: bool
) -> None:
    settings.ALLOWED_HOSTS = ["localhost", "127.0.0.1", "[::1]", "lag.example.com"]
    client = Client(headers={"host": host})
    answer = client.get("/login/", secure=scheme == "https")
    assert bool(answer.cookies["csrftoken"]["secure"]) is secure
    assert answer.cookies["csrftoken"]["httponly"]


@pytest.mark.parametrize("host", ["[::1", "evil.example", "a b", "[]"])
def test_a_host_that_is_not_ours_is_refused(host: str) -> None:
    assert Client(headers={"host": host}).get("/login/").status_code == 400


def test_a_session_ends_hours_after_the_sign_in_however_busy_it_is(signed_in: Any, settings: Any) -> None:
    client = signed_in("viewer")
    session = client.session
    session["signed_in_at"] = time.time() - settings.SESSION_ABSOLUTE_SECONDS - 1
    session.save()
    answer = client.get("/endpoints/")
    assert answer.status_code == 302
    assert answer["Location"].startswith("/login/")


def test_a_session_lives_until_then(signed_in: Any, settings: Any) -> None:
    client = signed_in("viewer")
    session = client.session
    session["signed_in_at"] = time.time() - settings.SESSION_ABSOLUTE_SECONDS + 60
    session.save()
    assert client.get("/endpoints/").status_code == 200


def test_what_signed_in_users_are_denied_is_audited(signed_in: Any) -> None:
    assert signed_in("viewer").get("/audit/").status_code == 403
    row = AuditRow.objects.get(action="access.denied")
    assert (row.actor_name, row.outcome, row.source_ip) == ("the-viewer", "refused", "127.0.0.1")
    assert row.details == {"method": "GET", "path": "/audit/"}


@pytest.mark.parametrize(
    ("cookie", "shown"),
    [
        ("America/New_York", "America/New_York"),
        ("Mars/Olympus", "Asia/Shanghai"),
        ("../../etc/passwd", "Asia/Shanghai"),
    ],
)
def test_times_are_shown_in_the_chosen_zone_if_there_is_one(cookie: str, shown: str) -> None:
    from django.http import HttpResponse
    from django.utils import timezone

    from checkpoints.views.middleware import chosen_zone

    request = RequestFactory().get("/")
    request.COOKIES["zone"] = cookie
    answer = chosen_zone(lambda _: HttpResponse(timezone.get_current_timezone_name()))(request)
    assert answer.content.decode() == shown


ADDRESSES = [
    # trusted proxies, peer, X-Forwarded-For, the client
    ([], "10.0.0.1", "1.2.3.4", "10.0.0.1"),
    (["10.0.0.0/8"], "10.0.0.1", "1.2.3.4", "1.2.3.4"),
    (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 1.2.3.4", "1.2.3.4"),
    (["10.0.0.0/8"], "10.0.0.1", "6.6.6.6, 1.2.3.4, 10.9.9.9", "1.2.3.4"),
    (["10.0.0.1"], "10.0.0.2", "1.2.3.4", "10.0.0.2"),
    (["10.0.0.1"], "10.0.0.1", "", "10.0.0.1"),
    (["10.0.0.1"], "10.0.0.1", "not an address", "10.0.0.1"),
    (["10.0.0.1"], "10.0.0.1", "1.2.3.4, <script>", "10.0.0.1"),
    (["fd00::/8"], "fd00::1", "2001:db8::5", "2001:db8::5"),
    ([], "", "1.2.3.4", ""),
]


@pytest.mark.parametrize(("proxies", "peer", "forwarded", "client_address"), ADDRESSES)
def test_the_client_address_is_the_last_one_that_a_trusted_proxy_saw(
    settings: Any, proxies: list[str], peer: str, forwarded: str, client_address: str
) -> None:
    settings.TRUSTED_PROXIES = proxies
    request = RequestFactory().get("/", headers={"x-forwarded-for": forwarded})
    request.META["REMOTE_ADDR"] = peer
    assert client_ip(request) == client_address


def test_a_page_that_refreshes_itself_does_not_keep_the_session_alive(signed_in: Any) -> None:
    client = signed_in("viewer")
    client.get("/")
    before = Session.objects.get().expire_date
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=10)):
        client.get("/", headers={"HX-Request": "true"})
        assert Session.objects.get().expire_date == before
        client.get("/")
        assert Session.objects.get().expire_date > before
