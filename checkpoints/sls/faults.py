"""From an answer that is not 200 to one error (docs/sls-protocol.md, section Errors)."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime

from .errors import (
    ApiError,
    BadAnswer,
    Forbidden,
    NotFound,
    ServerFault,
    SLSError,
    Throttled,
    Unauthenticated,
)
from .parsing import Unreadable, mapping, read_json, text

LONGEST_MESSAGE = 500
KNOWN_CODES = {
    code.lower(): code
    for code in (
        "ConsumerGroupNotExist", "ConsumerNotExist", "ConsumerNotMatch", "InternalServerError",
        "InvalidAccessKeyId", "InvalidCursor", "InvalidShardCheckPoint", "LogStoreNotExist",
        "ParameterInvalid", "ProjectNotExist", "ReadQuotaExceed", "RequestTimeExpired",
        "RequestTimeTooSkewed", "ServerBusy", "ShardNotExist", "ShardReadQuotaExceed",
        "SignatureNotMatch", "Unauthorized",
    )
}  # fmt: skip
NOT_EXIST = re.compile(r"not_?exs?i?s?i?ts?$", re.IGNORECASE | re.ASCII)
GONE_WORDS = ("does not exist", "dose not exist")
DENIED_WORDS = ("denied by sts or ram", "no permission", "not authorized to")
BUSY_CODES = {"internalservererror", "serverbusy", "requesttimeout", "serviceunavailable"}
KEY_CODES = ("signaturenotmatch", "invalidaccesskeyid", "missaccesskeyid", "securitytoken")


def fault(status: int, headers: Mapping[str, str], body: bytes, *, write: bool) -> SLSError:
    """Return the error that an answer with a status other than 200 stands for."""
    try:
        answer = mapping(read_json(body))
        raw_code = plain(text(answer, "errorCode"), 100)
        message = plain(text(answer, "errorMessage", ""), LONGEST_MESSAGE)
    except Unreadable:
        return _unreadable(status, headers, write=write)
    kind = _kind(status, raw_code, message.lower())
    error = kind(
        f"{raw_code}: {message}" if message else raw_code,
        status=status,
        code=normal_code(raw_code),
        raw_code=raw_code,
        outcome_unknown=write and kind is ServerFault,
    )
    return _with_wait(error, headers)


def normal_code(code: str) -> str:
    """Return the one spelling of a code: "ShardNotExsit" and "shardNotExists" become "ShardNotExist"."""
    code = NOT_EXIST.sub("NotExist", code)
    return KNOWN_CODES.get(code.lower(), code)


def plain(words: str, longest: int) -> str:
    """Return words without control characters and not longer than `longest`."""
    if words.isalnum():
        return words[:longest]
    clean = "".join(character if character.isprintable() else " " for character in words)
    return " ".join(clean.split())[:longest]


def wait_asked(headers: Mapping[str, str]) -> float | None:
    """Return the seconds of Retry-After, given as a number or a date; None when missing or unreadable."""
    value = headers.get("retry-after", "").strip()
    if re.fullmatch(r"[0-9]{1,9}(\.[0-9]{1,9})?", value, re.ASCII):
        return float(value)
    try:
        return max(0.0, parsedate_to_datetime(value).timestamp() - time.time())
    except (ValueError, OverflowError):
        return None


def _kind(status: int, raw_code: str, message: str) -> type[ApiError]:
    code = raw_code.lower()
    if _is_throttling(status, code, message):
        return Throttled
    if any(words in message for words in DENIED_WORDS):
        return Forbidden
    if status == 401 or code.startswith(KEY_CODES):
        return Unauthenticated
    if status == 403:
        return Forbidden
    if status == 404 or NOT_EXIST.search(code) or any(words in message for words in GONE_WORDS):
        return NotFound
    return ServerFault if status >= 500 or code in BUSY_CODES else ApiError


def _is_throttling(status: int, code: str, message: str) -> bool:
    if status == 429 or "qps exceed" in message:
        return True
    return status == 403 and ("quotaexceed" in code or "quota exceed" in message)


def _unreadable(status: int, headers: Mapping[str, str], *, write: bool) -> SLSError:
    if status == 429:
        busy = Throttled("Too many requests, says a front end", status=status, code="")
        return _with_wait(busy, headers)
    if status >= 500:
        words = f"Status {status} without a readable reason"
        return ServerFault(words, status=status, code="", outcome_unknown=write)
    if 300 <= status < 400:
        return BadAnswer(
            f"The host redirects (status {status}); redirects are not followed", outcome_unknown=write
        )
    return BadAnswer(f"Status {status} with a body that is not an answer of SLS", outcome_unknown=write)


def _with_wait(error: ApiError, headers: Mapping[str, str]) -> ApiError:
    if isinstance(error, Throttled):
        error.retry_after = wait_asked(headers)
    return error
