"""Hides what looks like a secret in log lines: by the name of its field, or by its own form.

Every pattern is linear in the length of the text, because log lines are written by anybody.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterator
from functools import lru_cache
from itertools import pairwise

HIDDEN = "••••"

# Found anywhere in a name without its separators, so that "dbPassword" and "X-Api-Key" count.
STEMS = (
    "password", "passwd", "passphrase", "passcode", "secret", "credential", "cookie", "authorization",
    "apikey", "accesskey", "authkey", "privatekey", "signingkey", "encryptionkey", "sessionkey", "sessionid",
    "sessid", "authtoken", "accesstoken", "refreshtoken", "idtoken", "sessiontoken", "securitytoken", "csrf",
    "xsrf", "密码", "口令", "密钥", "令牌",
)  # fmt: skip
# Whole words of a name; the weak ones mean something else often enough.
WORDS = {"pwd", "ak", "sk", "otp"}
WEAK_WORDS = {"token", "tokens", "session", "sessions", "auth", "pass", "signature", "sig", "jwt"}
COUNTABLE = {"tokens", "sessions"}
# A name with one of these tells about a secret without holding it: token_count, session_timeout.
HARMLESS = {
    "count", "total", "number", "type", "kind", "length", "len", "size", "limit", "max", "ttl", "timeout",
    "duration", "expires", "expired", "expiry", "expiration", "expire", "enabled", "required", "status",
    "state", "valid", "version", "usage", "used",
}  # fmt: skip
# Hex under such a name tells where something comes from; it opens nothing.
IDS = {
    "trace", "traceid", "traceparent", "span", "request", "requestid", "correlation", "uuid", "guid", "hash",
    "md", "sha", "checksum", "digest", "etag", "commit", "revision", "container", "image",
}  # fmt: skip
NOTHING = {"", "-", "null", "none", "nil", "true", "false", "undefined"}

PEM = re.compile(
    r"-----BEGIN [A-Z0-9 ]{0,40}PRIVATE KEY[A-Z ]{0,10}-----.*?(?:-----END [A-Z0-9 ]{0,60}-----|\Z)", re.S
)
URL = re.compile(
    r"(?<![A-Za-z0-9+.\-])([A-Za-z][A-Za-z0-9+.\-]{0,30}://[^\s/@:\"'<>]{0,200}:)[^\s/\"'<>]{1,300}@"
)
SCHEME = re.compile(r"(?i)(?<![A-Za-z0-9])(Bearer|Basic|Negotiate)(\s{1,4})([A-Za-z0-9._~+/=:-]{6,})")
KEY_ID = re.compile(
    r"(?<![A-Za-z0-9])"
    r"(?:LTAI[A-Za-z0-9]{8,32}|(?:AKIA|ASIA)[A-Z0-9]{12,20}|STS\.[A-Za-z0-9]{10,64})(?![A-Za-z0-9])"
    r"(?::[A-Za-z0-9+/]{20,90}={0,2})?"
)
JWT = re.compile(r"(?<![A-Za-z0-9_-])eyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{4,}(?:\.[A-Za-z0-9_-]*)*")
TAG = re.compile(r"(<([A-Za-z][\w.\-:]{0,63})(?:\s[^<>]{0,200})?>)([^<>]{1,2000})(?=</)")
# A name and what stands between it and its value; a blank is enough after --name.
NAME = re.compile(
    r"(?<![\w.\-])(-{0,2})([^\W\d][\w.\-]{0,63})(\\{0,6}[\"']?\s{0,3}(?:=>|[:=：])\s{0,3}|\s{1,3})"
)
VALUE = re.compile(
    r"""[bu]?(?:(?P<quote>"|')(?:[^"'\\]|\\.|(?!(?P=quote))["'])*+(?:(?P=quote)|\\?\Z)"""
    r"""|(?P<escape>\\{1,6})(?P<inner>["']).*?(?:(?<!\\)(?P=escape)(?P=inner)|\Z)"""
    r"""|[{\[][^}\]]*[}\]]?|(?:[^\s,;&"'<>\\]|\\(?![nrt"']))+)""",
    re.S,
)
NAMED = re.compile(r"([\w.\-]{1,40})\\{0,2}[\"']?\s?[:=]\s?\\{0,2}[\"']?\Z")
TOKEN = re.compile(r"[A-Za-z0-9+/_\-]{28,}={0,2}")
UUID = re.compile(r"(?i)[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}")
HEX = re.compile(r"(?i)[0-9a-f]{32,}")
WORD = re.compile(r"[A-Z]+(?![a-z])|[A-Z]?[a-z]+")


def redact(key: str, value: str) -> str:
    """Return the value of a field with all hidden that looks like a secret, and a note of what it was."""
    if _names_secret(key) and not _is_open(key, value):
        return _hidden("secret")
    text = PEM.sub(_hidden("private key"), value)
    text = URL.sub(lambda found: f"{found[1]}{_hidden('password')}@", text)
    text = SCHEME.sub(_scheme, text)
    text = KEY_ID.sub(_hidden("access key"), text)
    text = JWT.sub(_hidden("JWT"), text)
    text = TAG.sub(_tag, text)
    text = "".join(_pairs(text))
    return TOKEN.sub(_long(key), text)


def _hidden(what: str) -> str:
    return f"{HIDDEN} ({what})"


def _words(name: str) -> set[str]:
    return {word.lower() for word in WORD.findall(name)}


@lru_cache(maxsize=4096)
def _names_secret(name: str) -> bool:
    words = _words(name)
    return not words & HARMLESS and (_is_strong(name) or bool(words & WEAK_WORDS))


def _is_strong(name: str) -> bool:
    plain = "".join(sign for sign in name.lower() if sign.isalnum())
    return any(stem in plain for stem in STEMS) or bool(_words(name) & WORDS)


def _is_open(name: str, value: str) -> bool:
    """Whether there is nothing to hide: no value, stars, or a number of tokens."""
    told = value.strip().strip("\\\"'*")
    return told.lower() in NOTHING or (bool(_words(name) & COUNTABLE) and told.isdecimal())


def _scheme(found: re.Match[str]) -> str:
    """Hide credentials, and leave sentences such as "basic authentication" alone."""
    told = found[3]
    if found[1].lower() == "basic":
        is_secret = _is_basic(told)
    else:
        is_secret = len(told) >= 20 or any(sign.isdigit() for sign in told)
    return found[1] + found[2] + _hidden("credentials") if is_secret else found[0]


def _is_basic(told: str) -> bool:
    plain = told.rstrip("=")
    try:
        return b":" in base64.b64decode(plain + "=" * (-len(plain) % 4), validate=True)
    except binascii.Error:
        return False


def _tag(found: re.Match[str]) -> str:
    if not _names_secret(found[2]) or _is_open(found[2], found[3]):
        return found[0]
    return found[1] + _hidden("secret")


def _pairs(text: str) -> Iterator[str]:
    """Yield the text with the values hidden that follow a name such as password= or "token":."""
    done = 0
    for found in NAME.finditer(text):
        if found.start() < done or not _names_secret(found[2]):
            continue
        value = _value(found, text)
        is_named = found[3].strip() or found[1] == "--" or (_is_strong(found[2]) and _is_mixed(value))
        if value and is_named and _is_secret(found[2], value):
            yield text[done : found.end()] + _hidden("secret")
            done = found.end() + len(value)
    yield text[done:]


def _is_mixed(value: str) -> bool:
    """Whether a word after a mere blank is a key rather than the next word of a sentence."""
    return len(value) >= 8 and any(map(str.isdigit, value)) and any(map(str.isalpha, value))


def _value(found: re.Match[str], text: str) -> str:
    """Return the value after a name; headers hold several words, to the end of the line or the quotes."""
    at = found.end()
    is_header = {"cookie", "authorization"} & _words(found[2]) and found[3].strip() in {":", "："}
    if not is_header or text.startswith(("'", '"', "\\"), at):
        value = VALUE.match(text, at)
        return value[0] if value else ""
    quote = text[found.start() - 1 : found.start()]
    return re.split(r"[\r\n]" if quote not in {"'", '"'} else rf"[\r\n{quote}]", text[at:], maxsplit=1)[0]


def _is_secret(name: str, value: str) -> bool:
    """Whether a value in running text is one: "invalid token: unexpected end" has none."""
    if value == HIDDEN or _is_open(name, value):
        return False
    if _is_strong(name) or value[0] in "\"'\\{[":
        return True
    return len(value) >= 16 or (len(value) >= 6 and any(sign.isdigit() for sign in value))


def _long(key: str) -> Callable[[re.Match[str]], str]:
    def hide(found: re.Match[str]) -> str:
        before = NAMED.search(found.string[max(0, found.start() - 48) : found.start()])
        is_id = bool(_words(before[1] if before else key) & IDS)
        return _hidden("long token") if _is_random(found[0], is_id=is_id) else found[0]

    return hide


def _is_random(text: str, *, is_id: bool) -> bool:
    """Whether a text is made as keys are; paths, identifiers, UUIDs and plain numbers are not."""
    plain = UUID.sub("-", text).rstrip("=")
    if is_id:
        plain = HEX.sub("-", plain)
    if any(not found[0].isdecimal() and not found[0].isalpha() for found in HEX.finditer(plain)):
        return True
    mixed = (_changes(part) >= 0.4 for part in {plain, *plain.split("/")} if _kinds(part) == {"a", "A", "1"})
    small = (_changes(part) >= 0.2 for part in re.split(r"[-_/+]", plain) if len(_kinds(part)) == 2)
    return any(mixed) or any(small)


def _kinds(text: str) -> set[str]:
    """Return which of small letters, capitals and digits a long text has; nothing for letters alone."""
    signs = [sign for sign in text if sign.isalnum()]
    kinds = {_kind(sign) for sign in signs} if len(signs) >= 24 else set()
    return kinds if "1" in kinds else set()


def _changes(text: str) -> float:
    """Return the share of neighbours of different kinds.

    It is about 0.64 in base64 and 0.4 in small letters with digits, a third in camelCase, far less in paths.
    """
    signs = [_kind(sign) for sign in text if sign.isalnum()]
    return sum(one != other for one, other in pairwise(signs)) / len(signs)


def _kind(sign: str) -> str:
    return "1" if sign.isdigit() else "a" if sign.islower() else "A"
