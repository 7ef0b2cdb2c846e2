"""Sealing: a secret opens only where it belongs, and a lost key never leads to a new one."""

from __future__ import annotations

import base64
import re
import stat
import uuid
from pathlib import Path
from typing import Any

import pytest

from checkpoints.models import Endpoint
from checkpoints.services import audit, audit_chain, sealing
from checkpoints.services.audit import SYSTEM

ROW = uuid.UUID(int=7)
HERE = {"row": ROW, "field": "sealed_secret", "identity": "https://cn-hangzhou.log.aliyuncs.com"}
KEY = base64.b64encode(bytes(range(32))).decode()
OTHER = base64.b64encode(bytes(range(1, 33))).decode()


@pytest.fixture(autouse=True)
def _key(db: None, settings: Any) -> None:
    settings.SEALING_KEY = KEY


@pytest.fixture
def empty_dir(settings: Any, tmp_path: Path) -> Path:
    settings.SEALING_KEY = ""
    settings.EMBEDDED = True
    settings.DATA_DIR = tmp_path
    return tmp_path


def stored() -> Endpoint:
    endpoint = Endpoint(name="e", host="h", access_key_id="i")
    endpoint.sealed_secret = sealing.seal(
        "s3cret", row=endpoint.pk, field="sealed_secret", identity="https://h"
    )
    endpoint.save()
    return endpoint


def test_a_secret_opens_where_it_was_sealed() -> None:
    assert sealing.unseal(sealing.seal("s3cret", **HERE), **HERE).reveal() == "s3cret"


def test_the_same_secret_is_never_sealed_the_same_way_twice() -> None:
    assert sealing.seal("s3cret", **HERE) != sealing.seal("s3cret", **HERE)


def test_the_sealed_form_begins_with_version_and_key_id_and_shows_nothing() -> None:
    first, second = sealing.seal("s3cret", **HERE), sealing.seal("s3cret", **HERE)
    assert first[:9] == second[:9]
    assert first[:1] == b"\x01"
    assert b"s3cret" not in first
    assert len(first) == 1 + 8 + 12 + len("s3cret") + 16


@pytest.mark.parametrize(
    "elsewhere",
    [
        {"row": uuid.UUID(int=8)},
        {"field": "sealed_token"},
        {"identity": "http://cn-hangzhou.log.aliyuncs.com"},
    ],
)
def test_a_secret_moved_elsewhere_does_not_open(elsewhere: dict[str, Any]) -> None:
    with pytest.raises(sealing.Tampered):
        sealing.unseal(sealing.seal("s3cret", **HERE), **(HERE | elsewhere))


@pytest.mark.parametrize("place", [9, 20, 21, -1])
def test_a_changed_byte_is_noticed(place: int) -> None:
    sealed = bytearray(sealing.seal("s3cret", **HERE))
    sealed[place] ^= 1
    with pytest.raises(sealing.Tampered):
        sealing.unseal(bytes(sealed), **HERE)


@pytest.mark.parametrize("sealed", [b"\x01short", b"\x02" + b"x" * 60, b"plain text"])
def test_what_was_never_sealed_does_not_open(sealed: bytes) -> None:
    with pytest.raises(sealing.Tampered):
        sealing.unseal(sealed, **HERE)


def test_nothing_stored_is_said_so() -> None:
    with pytest.raises(sealing.Locked, match="No secret is stored"):
        sealing.unseal(b"", **HERE)


def test_what_postgresql_hands_out_opens_too() -> None:
    assert sealing.unseal(memoryview(sealing.seal("s3cret", **HERE)), **HERE).reveal() == "s3cret"  # type: ignore[arg-type]


def test_with_another_key_all_is_locked_and_both_keys_are_named(settings: Any) -> None:
    endpoint = stored()
    assert sealing.state() == "open"
    settings.SEALING_KEY = OTHER
    assert sealing.state() == "locked"
    with pytest.raises(sealing.Locked, match=r"needed: key [0-9a-f]{16}, given: key [0-9a-f]{16}"):
        sealing.unseal(endpoint.sealed_secret, row=endpoint.pk, field="sealed_secret", identity="https://h")


@pytest.mark.parametrize("bad", ["nonsense!", "c2hvcnQ=", base64.b64encode(b"a" * 32).decode()])
def test_a_key_that_is_none_locks(settings: Any, bad: str) -> None:
    settings.SEALING_KEY = bad
    assert sealing.state() == "locked"


def test_the_first_use_makes_a_key_only_its_owner_can_read(empty_dir: Path) -> None:
    assert sealing.unseal(sealing.seal("s3cret", **HERE), **HERE).reveal() == "s3cret"
    assert stat.S_IMODE((empty_dir / "sealing_key").stat().st_mode) == 0o600
    assert [path.name for path in empty_dir.iterdir()] == ["sealing_key"]


def test_a_lost_key_is_never_replaced_while_something_is_sealed(empty_dir: Path) -> None:
    stored()
    (empty_dir / "sealing_key").unlink()
    assert sealing.state() == "locked"
    with pytest.raises(sealing.Locked, match="restore it from your backup"):
        sealing.seal("s3cret", **HERE)
    assert list(empty_dir.iterdir()) == []


def test_a_lost_key_is_never_replaced_while_the_audit_log_has_rows(empty_dir: Path) -> None:
    audit.record("session.signed_in", actor=SYSTEM)
    (empty_dir / "sealing_key").unlink()
    assert sealing.state() == "locked"
    assert list(empty_dir.iterdir()) == []


def test_no_key_is_made_for_a_database_that_hosts_share(empty_dir: Path, settings: Any) -> None:
    settings.EMBEDDED = False
    with pytest.raises(sealing.Locked, match="SEALING_KEY is missing"):
        sealing.seal("s3cret", **HERE)


def test_a_key_that_others_can_read_is_not_used(empty_dir: Path) -> None:
    sealing.seal("s3cret", **HERE)
    (empty_dir / "sealing_key").chmod(0o644)
    with pytest.raises(sealing.Locked, match="chmod 600"):
        sealing.seal("s3cret", **HERE)


def test_the_keys_for_sealing_signing_and_naming_differ() -> None:
    root = bytes(range(32))
    labels = [b"sls-checkpoints sealing v1", b"sls-checkpoints key id v1", audit_chain.LABEL]
    assert len({audit_chain.derive(root, label, 8) for label in labels}) == 3


def test_keys_are_derived_as_rfc_5869_says() -> None:
    okm = "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"  # test case 3, first 32 bytes
    assert audit_chain.derive(b"\x0b" * 22, b"").hex() == okm


SOURCE = Path(sealing.__file__).resolve().parent.parent


def modules_with(pattern: str) -> set[str]:
    files = SOURCE.rglob("*.py")
    return {
        str(path.relative_to(SOURCE))
        for path in files
        if re.search(pattern, path.read_text(encoding="utf-8"))
    }


def test_one_module_decrypts_and_one_asks_it_to() -> None:
    assert modules_with(r"AESGCM|\.decrypt\(") == {"services/sealing.py"}
    assert modules_with(r"\bunseal\(") == {
        "services/sealing.py",
        "services/connections.py",
        "services/posting.py",
    }


def test_secrets_are_revealed_only_inside_the_client() -> None:
    revealing = modules_with(r"\.reveal\(")
    assert "sls/signing.py" in revealing
    outside = {path for path in revealing if not path.startswith("sls/")}
    assert outside == {"services/posting.py"}, "the address of a channel is opened where it is called"
