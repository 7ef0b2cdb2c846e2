"""The server's side of signatures v1 and v4 (docs/sls-protocol.md, section Signatures)."""

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from functools import lru_cache
from urllib.parse import quote

from emulator.errors import ServiceError

WINDOW_SECONDS = 15 * 60
V4 = "SLS4-HMAC-SHA256"
CREDENTIAL = re.compile(
    rf"{V4} Credential=([^/,]+)/(\d{{8}})/([^/,]+)/sls/aliyun_v4_request, ?Signature=([0-9a-f]+)"
)
EXPIRED_TOKEN = "expired"
Headers = Mapping[str, str]
Params = Mapping[str, str]


def v1_text(method: str, path: str, params: Params, headers: Headers) -> str:
    """Return the string to sign: raw parameter values, no x-log-date, nothing re-encoded."""
    signed = sorted(
        f"{name}:{value}"
        for name, value in headers.items()
        if name.startswith(("x-log-", "x-acs-"))
        and name != "x-log-date"
        and not name.startswith("x-log-meta-")
    )
    resource = path + ("?" + "&".join(f"{key}={params[key]}" for key in sorted(params)) if params else "")
    first = [method, headers.get("content-md5", ""), headers.get("content-type", ""), headers.get("date", "")]
    return "\n".join([*first, *signed, resource])


def v1_signature(secret: str, text: str, *, sha256: bool = False) -> str:
    digest = hmac.digest(secret.encode(), text.encode(), "sha256" if sha256 else "sha1")
    return base64.b64encode(digest).decode()


def v4_text(method: str, path: str, params: Params, headers: Headers) -> str:
    """Return the canonical request: an empty value drops its equals sign, Host as the client sent it."""
    names = sorted(
        name
        for name in headers
        if name in {"content-type", "host"}
        or (name.startswith(("x-log-", "x-acs-")) and not name.startswith("x-log-meta-"))
    )
    query = "&".join(
        key + ("=" + quote(params[key], safe="-_.~") if params[key] else "") for key in sorted(params)
    )
    block = "".join(f"{name}:{headers[name].strip()}\n" for name in names)
    return "\n".join([method, path, query, block, ";".join(names), headers.get("x-log-content-sha256", "")])


def v4_signature(secret: str, text: str, *, moment: str, region: str) -> str:
    """Sign a canonical request at a moment (YYYYMMDDTHHMMSSZ); lower-case hex."""
    day = moment[:8]
    hashed = hashlib.sha256(text.encode()).hexdigest()
    to_sign = f"{V4}\n{moment}\n{day}/{region}/sls/aliyun_v4_request\n{hashed}"
    return hmac.digest(_v4_key(secret, day, region), to_sign.encode(), "sha256").hex()


@lru_cache(maxsize=64)
def _v4_key(secret: str, day: str, region: str) -> bytes:
    key = ("aliyun_v4" + secret).encode()
    for word in (day, region, "sls", "aliyun_v4_request"):
        key = hmac.digest(key, word.encode(), "sha256")
    return key


class Gate:
    """Check the signature, the body's digest and the clock of a request against one key."""

    def __init__(self, key_id: str, secret: str) -> None:
        self.key_id = key_id
        self.secret = secret

    def check(
        self, method: str, path: str, params: Params, headers: Headers, body: bytes, now: float
    ) -> None:
        """Raise ServiceError with the code the service uses; return nothing when all is right."""
        _check_version(headers)
        authorization = headers.get("authorization", "")
        if not authorization:
            raise ServiceError(400, "MissAccessKeyId", "no AccessKeyId in the Authorization header")
        if authorization.startswith(V4):
            self._check_v4(authorization, method, path, params, headers, body, now)
        else:
            self._check_v1(authorization, method, path, params, headers, body, now)
        if headers.get("x-acs-security-token") == EXPIRED_TOKEN:
            raise ServiceError(401, "Unauthorized", "The security token you provided has expired.")

    def _check_v1(
        self,
        authorization: str,
        method: str,
        path: str,
        params: Params,
        headers: Headers,
        body: bytes,
        now: float,
    ) -> None:
        kind = headers.get("x-log-signaturemethod")
        if kind is None:
            raise ServiceError(
                400, "MissingSignatureMethod", "x-log-signaturemethod dose not exist in header"
            )
        if kind not in {"hmac-sha1", "hmac-sha256"}:
            raise ServiceError(400, "InvalidSignatureMethod", f"signature method {kind} is not supported")
        check_window(v1_time(headers.get("date", "")), now)
        key_id, _, given = authorization.removeprefix("LOG ").partition(":")
        self._check_key(key_id)
        wanted = v1_signature(
            self.secret, v1_text(method, path, params, headers), sha256=kind == "hmac-sha256"
        )
        _compare(given, wanted)
        if body and hashlib.md5(body).hexdigest().upper() != headers.get("content-md5", ""):
            raise ServiceError(400, "PostBodyInvalid", "the body dose not match Content-MD5")

    def _check_v4(
        self,
        authorization: str,
        method: str,
        path: str,
        params: Params,
        headers: Headers,
        body: bytes,
        now: float,
    ) -> None:
        parts = CREDENTIAL.fullmatch(authorization)
        if parts is None:
            raise ServiceError(401, "SignatureNotMatch", "the Authorization header can not be read")
        key_id, day, region, given = parts.groups()
        moment = headers.get("x-log-date", "")
        check_window(v4_time(moment), now)
        self._check_key(key_id)
        text = v4_text(method, path, params, headers)
        _compare(
            given, v4_signature(self.secret, text, moment=moment, region=region) if moment[:8] == day else ""
        )
        if hashlib.sha256(body).hexdigest() != headers.get("x-log-content-sha256", ""):
            raise ServiceError(400, "PostBodyInvalid", "the body dose not match x-log-content-sha256")

    def _check_key(self, key_id: str) -> None:
        if key_id != self.key_id:
            raise ServiceError(401, "Unauthorized", f"AccessKeyId not found: {key_id}")


def check_window(moment: float, now: float) -> None:
    if abs(moment - now) > WINDOW_SECONDS:
        raise ServiceError(
            400, "RequestTimeTooSkewed", "Request time exceeds server time by more than 15 minutes"
        )


@lru_cache(maxsize=64)
def v1_time(text: str) -> float:
    if not text:
        raise ServiceError(400, "MissingDate", "Date dose not exist in header")
    try:
        return parsedate_to_datetime(text).timestamp()
    except ValueError as error:
        raise ServiceError(400, "InvalidDateFormat", f"date {text} must follow RFC822") from error


@lru_cache(maxsize=64)
def v4_time(text: str) -> float:
    if not text:
        raise ServiceError(400, "MissingDate", "x-log-date dose not exist in header")
    try:
        return datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC).timestamp()
    except ValueError as error:
        raise ServiceError(400, "InvalidDateFormat", f"date {text} must be YYYYMMDDTHHMMSSZ") from error


def _check_version(headers: Headers) -> None:
    version = headers.get("x-log-apiversion")
    if version is None:
        raise ServiceError(400, "MissingAPIVersion", "x-log-apiversion dose not exist in header")
    if version not in {"0.6.0", "0.4.0"}:
        raise ServiceError(400, "InvalidAPIVersion", f"API version {version} is not supported")


def _compare(given: str, wanted: str) -> None:
    if not hmac.compare_digest(given.encode(), wanted.encode()):
        raise ServiceError(401, "SignatureNotMatch", f"signature {given} not match")
