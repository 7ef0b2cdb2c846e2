"""What leaves this site beside calls to the service: the mail server, and the address links point to."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import unquote, urlsplit

from dashboard.env import BadSetting

PORTS = {"smtps": 465, "smtp": 587}


@dataclass(frozen=True)
class Mail:
    """A mail server; without a host there is none."""

    host: str = ""
    port: int = 0
    user: str = ""
    password: str = ""
    tls_at_once: bool = False
    start_tls: bool = False

    def __repr__(self) -> str:
        return f"Mail(host={self.host!r})"


def mail(url: str) -> Mail:
    """Return the server of smtps:// (TLS from the start) or smtp:// (STARTTLS, never without it)."""
    if not url:
        return Mail()
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise _bad_mail() from None
    if parts.scheme not in PORTS or not parts.hostname or parts.path.strip("/") or parts.query:
        raise _bad_mail()
    return Mail(
        host=parts.hostname,
        port=port or PORTS[parts.scheme],
        user=unquote(parts.username or ""),
        password=unquote(parts.password or ""),
        tls_at_once=parts.scheme == "smtps",
        start_tls=parts.scheme == "smtp",
    )


def sender(address: str) -> str:
    """Return the address e-mail comes from."""
    if "@" not in address or not address.isprintable():
        raise BadSetting("EMAIL_FROM", f"{address!r} is not an e-mail address")
    return address


def site(url: str) -> str:
    """Return the address of this site without a slash at its end, "" for none."""
    if not url:
        return ""
    parts = urlsplit(url)
    if parts.scheme not in {"http", "https"} or not parts.netloc or parts.query or parts.fragment:
        raise BadSetting("PUBLIC_URL", "write https://host, or leave it empty")
    return url.rstrip("/")


def _bad_mail() -> BadSetting:
    return BadSetting("EMAIL_URL", "write smtps://user:password@host:465 or smtp://user:password@host:587")
