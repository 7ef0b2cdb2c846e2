"""Says one notice to one channel, in the form of its kind: the only place where a channel is called."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import time
from datetime import datetime
from smtplib import SMTPException, SMTPResponseException
from typing import Any
from urllib.parse import quote, urlsplit

from django.conf import settings
from django.core.mail import EmailMessage

from checkpoints import sls
from checkpoints.domain.messages import Message, say
from checkpoints.models import Channel
from checkpoints.services import masking, sealing
from checkpoints.services.notice_text import Text
from checkpoints.services.sealing import Locked
from checkpoints.sls.network import Address, HostName, Network, parse_host
from checkpoints.sls.transport import Reply, Transport

LIMITS = sls.Limits(connect=3, read=10, total=20, body_bytes=64 * 1024)
URL, SECRET = "channel url", "channel secret"
NEVER = {"metadata", "reserved", "tunnelled"}
Kind = Channel.Kind


class Undelivered(Exception):  # noqa: N818 - says what became of it
    """The channel did not take the notice; the message says why. `answered`: it was reached and refused."""

    def __init__(self, message: Message, *, answered: bool = True) -> None:
        super().__init__(str(message))
        self.message, self.answered = message, answered


class Outside(Network):
    """What channels may call: any public address, and what the operator listed."""

    def check_host(self, host: str) -> HostName:
        """Return the parsed host, or raise HostRefused with the reason; no name is looked up."""
        parsed = parse_host(host)
        if parsed.address is not None:
            self.check_addresses(parsed.name, [parsed.address])
        return parsed

    def _may_dial(self, name: str, kind: str, address: Address) -> bool:
        if kind in NEVER:
            return False
        return kind == "public" or self._lists_name(name) or self._lists_address(address)


def network() -> Outside:
    """Return what channels may call, as the settings say."""
    return Outside(allowed_hosts=tuple(settings.ALERT_ALLOWED_HOSTS), allow_http=settings.SLS_ALLOW_HTTP)


def place_of(url: str) -> str:
    """Return scheme and host of an address of a webhook: what may be shown of it."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def post(channel: Channel, text: Text, body: dict[str, Any], *, now: datetime) -> None:
    """Say a notice to a channel; raises Undelivered when it was not taken, or nobody knows."""
    try:
        if channel.kind == Kind.EMAIL:
            _mail(channel, text, body)
        else:
            _call(channel, text, body, now)
    except Locked as locked:
        raise Undelivered(locked.message) from locked
    except sls.SLSError as error:
        words = say("The channel was not reached: %(words)s", words=error.message)
        raise Undelivered(words, answered=False) from error


def payload(kind: str, text: Text, body: dict[str, Any]) -> dict[str, Any]:
    """Return the JSON a kind of channel takes, without a signature."""
    whole = "\n".join([text.title, *text.lines])
    if kind == Kind.DINGTALK:
        return {"msgtype": "text", "text": {"content": whole}}
    if kind == Kind.FEISHU:
        return {"msg_type": "text", "content": {"text": whole}}
    if kind == Kind.SLACK:
        return {"text": _slack(whole)}
    return {name: value for name, value in body.items() if name != "words"} | {"text": whole}


def _call(channel: Channel, text: Text, body: dict[str, Any], now: datetime) -> None:
    url, secret = _opened(channel)
    parts = urlsplit(url)
    target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    asked = payload(channel.kind, text, body)
    headers = {"Content-Type": "application/json; charset=utf-8", "User-Agent": "sls-checkpoints"}
    if secret and channel.kind == Kind.DINGTALK:
        stamp = str(int(now.timestamp() * 1000))
        sign = quote(_signed(secret, f"{stamp}\n{secret}"), safe="")
        target += f"{'&' if parts.query else '?'}timestamp={stamp}&sign={sign}"
    elif secret and channel.kind == Kind.FEISHU:
        stamp = str(int(now.timestamp()))
        asked = {"timestamp": stamp, "sign": _signed(f"{stamp}\n{secret}", "")} | asked
    sent = json.dumps(asked, ensure_ascii=False).encode()
    if secret and channel.kind == Kind.WEBHOOK:
        digest = hmac.new(secret.encode(), sent, hashlib.sha256).hexdigest()
        headers["X-Checkpoints-Signature"] = f"sha256={digest}"
    transport = Transport(parts.scheme, parts.netloc, network(), 1, LIMITS)
    try:
        reply = transport.send("POST", "", target, headers, sent, time.monotonic() + LIMITS.total)
    finally:
        transport.close()
    _judge(channel.kind, reply)


def _opened(channel: Channel) -> tuple[str, str]:
    """Return the address and the secret of a webhook, "" for no secret."""
    url = sealing.unseal(bytes(channel.sealed_url), row=channel.pk, field=URL, identity=channel.kind)
    sealed = bytes(channel.sealed_secret)
    if not sealed:
        return url.reveal(), ""
    secret = sealing.unseal(sealed, row=channel.pk, field=SECRET, identity=channel.place)
    return url.reveal(), secret.reveal()


def _judge(kind: str, reply: Reply) -> None:
    """Raise Undelivered unless the notice was taken; DingTalk and Feishu say no with status 200."""
    if 300 <= reply.status < 400:
        raise Undelivered(say("The channel answered with a redirect, which is never followed."))
    if not 200 <= reply.status < 300:
        raise Undelivered(say("The channel answered with status %(status)d.", status=reply.status))
    if kind not in {Kind.DINGTALK, Kind.FEISHU}:
        return
    try:
        said = json.loads(reply.body)
        code = said.get("errcode", said.get("code", said.get("StatusCode")))
    except (ValueError, AttributeError):
        raise Undelivered(say("The answer of the channel cannot be read.")) from None
    if code != 0:
        words = masking.mask(str(said.get("errmsg") or said.get("msg") or ""))[:200]
        raise Undelivered(say("The channel refused: %(code)s %(words)s", code=str(code)[:20], words=words))


def _mail(channel: Channel, text: Text, body: dict[str, Any]) -> None:
    if not settings.EMAIL_HOST:
        raise Undelivered(say("This site has no mail server: set EMAIL_URL."))
    host = settings.DEFAULT_FROM_EMAIL.rpartition("@")[2].strip("> ")
    message = EmailMessage(
        subject=text.title,
        body="\n".join(text.lines),
        to=channel.place.split(", "),
        headers={"Message-ID": f"<{body['id']}@{host}>"},  # the same for each attempt
    )
    try:
        message.send()
    except (OSError, SMTPException) as error:
        words = masking.mask(str(error))[:200]
        refusal = say("The mail server did not take it: %(words)s", words=words)
        raise Undelivered(refusal, answered=isinstance(error, SMTPResponseException)) from error


def _signed(key: str, text: str) -> str:
    return base64.b64encode(hmac.new(key.encode(), text.encode(), hashlib.sha256).digest()).decode()


def _slack(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
