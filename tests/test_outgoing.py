"""Settings of what leaves this site: the mail server, the sender, the address of links."""

from __future__ import annotations

import pytest

from dashboard import outgoing
from dashboard.env import BadSetting


def test_without_a_url_there_is_no_mail_server() -> None:
    assert outgoing.mail("") == outgoing.Mail()


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        (
            "smtps://mei:p%40ss@mail.example.com",
            outgoing.Mail("mail.example.com", 465, "mei", "p@ss", tls_at_once=True),
        ),
        ("smtp://mail.example.com:2525", outgoing.Mail("mail.example.com", 2525, start_tls=True)),
    ],
)
def test_a_mail_server_is_always_reached_with_tls(url: str, expected: outgoing.Mail) -> None:
    found = outgoing.mail(url)
    assert found == expected
    assert found.tls_at_once != found.start_tls
    assert "p@ss" not in repr(found)


@pytest.mark.parametrize(
    "url",
    [
        "mail.example.com",
        "http://mail.example.com",
        "smtp://",
        "smtp://h:x",
        "smtp://h/path",
        "smtp://h?tls=0",
    ],
)
def test_what_is_no_mail_server_stops_the_start(url: str) -> None:
    with pytest.raises(BadSetting, match="EMAIL_URL"):
        outgoing.mail(url)


@pytest.mark.parametrize(
    ("url", "expected"), [("", ""), ("https://sls.example.com/", "https://sls.example.com")]
)
def test_the_address_of_this_site_has_no_slash_at_its_end(url: str, expected: str) -> None:
    assert outgoing.site(url) == expected


@pytest.mark.parametrize("url", ["sls.example.com", "ftp://sls.example.com", "https://", "https://h/?a=b"])
def test_what_is_no_address_stops_the_start(url: str) -> None:
    with pytest.raises(BadSetting, match="PUBLIC_URL"):
        outgoing.site(url)


@pytest.mark.parametrize("address", ["nobody", "a@x.org\nBcc: b@x.org"])
def test_what_is_no_sender_stops_the_start(address: str) -> None:
    with pytest.raises(BadSetting, match="EMAIL_FROM"):
        outgoing.sender(address)
