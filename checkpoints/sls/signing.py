"""Request signatures, both versions, as pure steps (docs/sls-protocol.md, section Signatures)."""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from base64 import b64encode
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol
from urllib.parse import quote

from .credentials import Credentials
from .errors import ArgumentRefused

DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
HEADER_TEXT = re.compile(r"[\x21-\x7e]{1,8192}", re.ASCII)
EMPTY_SHA256 = hashlib.sha256(b"").hexdigest()


@dataclass(frozen=True, slots=True)
class Unsigned:
    """A request before it is signed; path and parameters are raw, not percent-encoded."""

    method: str
    path: str
    params: Mapping[str, str]
    headers: Mapping[str, str]
    body: bytes = b""


class Signer(Protocol):
    """Turns a request into the headers to send with it."""

    def sign(self, request: Unsigned, now: float) -> dict[str, str]:
        """Return all headers, signed for the instant `now` (Unix seconds)."""
        ...


class SignerV1:
    """HMAC-SHA1 over the raw request; the host is not signed."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._key = credentials.secret.reveal().encode()

    def sign(self, request: Unsigned, now: float) -> dict[str, str]:
        """Return all headers, signed for the instant `now` (Unix seconds)."""
        headers = _with_token(request.headers, self._credentials)
        headers["x-log-signaturemethod"] = "hmac-sha1"
        headers["Date"] = http_date(now)
        if request.body:
            headers["Content-MD5"] = hashlib.md5(request.body, usedforsecurity=False).hexdigest().upper()
        text = "\n".join(
            (
                request.method,
                headers.get("Content-MD5", ""),
                headers.get("Content-Type", ""),
                headers["Date"],
                *(f"{name}:{value}" for name, value in _service_headers(headers)),
                _resource_v1(request),
            )
        )
        signature = b64encode(hmac.digest(self._key, text.encode(), "sha1")).decode()
        headers["Authorization"] = f"LOG {self._credentials.access_key_id}:{signature}"
        return headers


class SignerV4:
    """HMAC-SHA256 with a key of the day and the region; the host is signed as sent."""

    def __init__(self, credentials: Credentials, region: str) -> None:
        self._credentials = credentials
        self._region = region
        self._day_key: tuple[str, bytes] = ("", b"")

    def sign(self, request: Unsigned, now: float) -> dict[str, str]:
        """Return all headers, signed for the instant `now` (Unix seconds)."""
        stamp = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(now))
        digest = hashlib.sha256(request.body).hexdigest() if request.body else EMPTY_SHA256
        headers = _with_token(request.headers, self._credentials)
        headers["x-log-content-sha256"] = digest
        headers["x-log-date"] = stamp
        signed = sorted([*_service_headers(headers), *_host_and_type(headers)])
        canonical = "\n".join(
            (
                request.method,
                request.path,
                _query_v4(request.params),
                "".join(f"{name}:{value}\n" for name, value in signed),
                ";".join(name for name, _ in signed),
                digest,
            )
        )
        scope = f"{stamp[:8]}/{self._region}/sls/aliyun_v4_request"
        text = f"SLS4-HMAC-SHA256\n{stamp}\n{scope}\n{hashlib.sha256(canonical.encode()).hexdigest()}"
        signature = hmac.digest(self._key_of(stamp[:8]), text.encode(), "sha256").hex()
        headers["Authorization"] = (
            f"SLS4-HMAC-SHA256 Credential={self._credentials.access_key_id}/{scope},Signature={signature}"
        )
        return headers

    def _key_of(self, day: str) -> bytes:
        cached_day, key = self._day_key
        if cached_day != day:
            key = ("aliyun_v4" + self._credentials.secret.reveal()).encode()
            for part in (day, self._region, "sls", "aliyun_v4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._day_key = (day, key)
        return key


def signer_of(version: str, credentials: Credentials, region: str) -> Signer:
    """Return the signer for "v1" or "v4"; raise ArgumentRefused for a key that cannot be sent in a header."""
    token = credentials.security_token.reveal() if credentials.security_token else "-"
    if not all(HEADER_TEXT.fullmatch(text) for text in (credentials.access_key_id, token)):
        raise ArgumentRefused("An access key id or security token has plain ASCII characters without blanks")
    if version == "v1":
        return SignerV1(credentials)
    if not region:
        raise ArgumentRefused("Signature v4 needs the region")
    return SignerV4(credentials, region)


def http_date(now: float) -> str:
    """Return RFC 1123 time in GMT, whatever the locale of the process."""
    t = time.gmtime(now)
    return (
        f"{DAYS[t.tm_wday]}, {t.tm_mday:02d} {MONTHS[t.tm_mon - 1]} {t.tm_year:04d} "
        f"{t.tm_hour:02d}:{t.tm_min:02d}:{t.tm_sec:02d} GMT"
    )


def encode_value(text: str) -> str:
    """Percent-encode everything except the unreserved characters of RFC 3986."""
    return quote(text, safe="~")


def _with_token(headers: Mapping[str, str], credentials: Credentials) -> dict[str, str]:
    signed = dict(headers)
    if credentials.security_token:
        signed["x-acs-security-token"] = credentials.security_token.reveal()
    return signed


def _service_headers(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    names = ((name.lower(), value) for name, value in headers.items())
    return sorted((name, value.strip()) for name, value in names if name.startswith(("x-log-", "x-acs-")))


def _host_and_type(headers: Mapping[str, str]) -> list[tuple[str, str]]:
    pairs = (("host", headers.get("Host")), ("content-type", headers.get("Content-Type")))
    return [(name, value.strip()) for name, value in pairs if value is not None]


def _resource_v1(request: Unsigned) -> str:
    if not request.params:
        return request.path
    return request.path + "?" + "&".join(f"{key}={value}" for key, value in sorted(request.params.items()))


def _query_v4(params: Mapping[str, str]) -> str:
    return "&".join(f"{key}={encode_value(value)}" if value else key for key, value in sorted(params.items()))
