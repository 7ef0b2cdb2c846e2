"""Seals secrets for storage. The only module that opens them again.

Form: version (1 byte) | key id (8) | nonce (12) | AES-256-GCM ciphertext with tag. The associated data name
the product, version, key, table, row, field and the identity the secret is for, so that a ciphertext moved
to another row, or an endpoint whose host was changed, does not open.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Literal
from uuid import UUID

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings

from checkpoints import sls
from checkpoints.domain.messages import Message, say
from checkpoints.models import AuditRow, Channel, Endpoint
from checkpoints.services import masking
from checkpoints.services.audit_chain import LABEL as AUDIT_LABEL
from checkpoints.services.audit_chain import derive

PRODUCT = b"sls-checkpoints"
VERSION = b"\x01"
KEY_ID_BYTES = 8
NONCE_BYTES = 12
HEADER_BYTES = len(VERSION) + KEY_ID_BYTES + NONCE_BYTES
KEY_FILE = "sealing_key"


class Locked(Exception):  # noqa: N818 - the state of the credentials
    """The credentials do not open: the sealing key is missing, wrong or unusable, or nothing is stored."""

    def __init__(self, message: Message | str) -> None:
        super().__init__(str(message))
        self.message = message if isinstance(message, Message) else say("%(words)s", words=message)


class Tampered(Locked):
    """One sealed secret does not open although the key is right: it was changed, or belongs elsewhere."""


def seal(text: str, *, row: UUID, field: str, identity: str) -> bytes:
    """Return the text sealed for one field of one endpoint row; raises Locked."""
    root = _root()
    key_id, nonce = _key_id(root), os.urandom(NONCE_BYTES)
    masking.remember(text)
    sealed = _cipher(root).encrypt(nonce, text.encode(), _bound_to(key_id, row, field, identity))
    return VERSION + key_id + nonce + sealed


def unseal(sealed: bytes, *, row: UUID, field: str, identity: str) -> sls.Secret:
    """Return the secret; raises Locked, or Tampered when only this one does not open."""
    sealed = bytes(sealed)  # PostgreSQL hands out a memoryview
    if not sealed:
        raise Locked(say("No secret is stored for this endpoint; enter it again."))
    if len(sealed) <= HEADER_BYTES or sealed[:1] != VERSION:
        raise Tampered(say("The stored secret is damaged; enter it again."))
    root = _root()
    key_id = sealed[1 : 1 + KEY_ID_BYTES]
    if key_id != _key_id(root):
        raise Locked(_wrong_key(key_id, _key_id(root)))
    nonce, ciphertext = sealed[1 + KEY_ID_BYTES : HEADER_BYTES], sealed[HEADER_BYTES:]
    try:
        text = _cipher(root).decrypt(nonce, ciphertext, _bound_to(key_id, row, field, identity)).decode()
    except InvalidTag:
        raise Tampered(
            say("The stored secret was changed or belongs to another endpoint; enter it again.")
        ) from None
    masking.remember(text)
    return sls.Secret(text)


def state() -> Literal["open", "locked"]:
    """Tell whether what is sealed can be opened: "locked" when the key is missing or another one."""
    return "locked" if problem() else "open"


def problem(stored: Iterable[bytes | memoryview] | None = None) -> Message | None:
    """Return why the credentials are locked, or None when they are not.

    `stored` is all that is sealed, for a caller that has read it just now together with other things.
    """
    try:
        mine = _key_id(_root())
    except Locked as error:
        return error.message
    others = _key_ids() if stored is None else _key_ids_of(stored)
    return next((_wrong_key(other, mine) for other in others if other != mine), None)


def audit_key() -> bytes | None:
    """Return the key that signs audit rows, or None while the credentials are locked."""
    return None if problem() else derive(_root(), AUDIT_LABEL)


def _cipher(root: bytes) -> AESGCM:
    return AESGCM(derive(root, PRODUCT + b" sealing v1"))


def _key_id(root: bytes) -> bytes:
    return derive(root, PRODUCT + b" key id v1", KEY_ID_BYTES)


def _bound_to(key_id: bytes, row: UUID, field: str, identity: str) -> bytes:
    table = Endpoint._meta.db_table
    parts = [PRODUCT, VERSION, key_id, table.encode(), row.bytes, field.encode(), identity.encode()]
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def _wrong_key(expected: bytes, actual: bytes) -> Message:
    return say(
        "The sealing key is not the one the credentials were sealed with (needed: key %(needed)s,"
        " given: key %(given)s). Restore the right key; nothing is lost.",
        needed=expected.hex(),
        given=actual.hex(),
    )


def _key_ids() -> list[bytes]:
    endpoints = Endpoint.objects.order_by().values_list("sealed_secret", "sealed_token")
    channels = Channel.objects.order_by().values_list("sealed_url", "sealed_secret")
    return _key_ids_of(sealed for row in endpoints.union(channels, all=True) for sealed in row)


def _key_ids_of(stored: Iterable[bytes | memoryview]) -> list[bytes]:
    return [bytes(sealed)[1 : 1 + KEY_ID_BYTES] for sealed in stored if sealed]


def _root() -> bytes:
    """Return the 32 bytes all keys are made from: the setting, else the file in the data directory."""
    if settings.SEALING_KEY:
        return _decoded(settings.SEALING_KEY, "SEALING_KEY")
    path = Path(settings.DATA_DIR) / KEY_FILE
    try:
        return _read(path)
    except FileNotFoundError:
        _make(path)
    return _read(path)


def _read(path: Path) -> bytes:
    try:
        if path.stat().st_mode & 0o077:
            raise Locked(
                say("The sealing key can be read by others; run: chmod 600 %(path)s", path=str(path))
            )
        return _decoded(path.read_text(encoding="ascii", errors="replace").strip(), str(path))
    except PermissionError:
        raise Locked(say("The sealing key %(path)s cannot be read by this user.", path=str(path))) from None


def _decoded(text: str, name: str) -> bytes:
    try:
        key = base64.b64decode(text, validate=True)
    except ValueError:
        raise Locked(
            say("The sealing key is not base64: %(name)s. Make one with: openssl rand -base64 32", name=name)
        ) from None
    if len(key) != 32 or len(set(key)) < 8:
        raise Locked(
            say(
                "The sealing key is not 32 random bytes: %(name)s. Make one with: openssl rand -base64 32",
                name=name,
            )
        )
    return key


def _make(path: Path) -> None:
    """Write a new key, only where it cannot hide the loss of an old one or differ between two hosts."""
    if not settings.EMBEDDED:
        raise Locked(say("The setting SEALING_KEY is missing; make a key with: openssl rand -base64 32"))
    if _key_ids() or AuditRow.objects.exists():
        raise Locked(
            say(
                "The sealing key %(path)s is missing; restore it from your backup. No new one is made.",
                path=str(path),
            )
        )
    draft = path.with_name(f"{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    with open(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:  # noqa: PTH123 - mode
        file.write(base64.b64encode(os.urandom(32)) + b"\n")
        file.flush()
        os.fsync(file.fileno())
    try:
        os.link(draft, path)  # whole or not at all; who loses a race reads the winner's key
    except FileExistsError:
        pass
    finally:
        draft.unlink()
    _sync(path.parent)


def _sync(directory: Path) -> None:
    handle = os.open(directory, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
