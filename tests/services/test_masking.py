"""Masking: no log line shows a secret that was ever opened."""

from __future__ import annotations

import base64
import io
import json
import logging
from urllib.parse import quote

import pytest

from checkpoints.services import masking, sealing

SECRET = 'k3y/with+odd="chars" 9f8e7d'


@pytest.fixture
def printed(monkeypatch: pytest.MonkeyPatch) -> tuple[logging.Logger, io.StringIO]:
    monkeypatch.setattr(masking, "_forms", ())
    masking.remember(SECRET)
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(masking.MaskSecrets())
    logger = logging.Logger("masking-test")
    logger.addHandler(handler)
    return logger, stream


FORMS = [
    SECRET,
    quote(SECRET, safe=""),
    json.dumps(SECRET),
    repr([SECRET]),
    base64.b64encode(SECRET.encode()).decode(),
    base64.b64encode(b"id:" + SECRET.encode()).decode(),
    base64.b64encode(b"user:" + SECRET.encode() + b"!").decode(),
    base64.urlsafe_b64encode(b"abcd" + SECRET.encode()).decode(),
]


@pytest.mark.parametrize("form", FORMS)
def test_a_secret_is_masked_in_message_and_arguments(
    printed: tuple[logging.Logger, io.StringIO], form: str
) -> None:
    logger, stream = printed
    logger.warning("before " + form + " after")
    logger.warning("before %s after", form)
    lines = stream.getvalue().splitlines()
    assert len(lines) == 2
    for line in lines:
        assert form not in line
        assert "***" in line


def test_a_secret_is_masked_in_a_traceback(printed: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = printed
    try:
        raise ValueError(f"cannot use {SECRET}")
    except ValueError:
        logger.exception("failed", stack_info=True)
    assert "ValueError: cannot use ***" in stream.getvalue()
    assert SECRET not in stream.getvalue()


def test_a_line_without_secrets_stays_as_it_is(printed: tuple[logging.Logger, io.StringIO]) -> None:
    logger, stream = printed
    logger.warning("%d shards", 4)
    assert stream.getvalue() == "4 shards\n"


def test_a_line_with_wrong_arguments_is_still_printed_masked(
    printed: tuple[logging.Logger, io.StringIO],
) -> None:
    logger, stream = printed
    logger.warning("%d shards", SECRET)
    assert "shards" in stream.getvalue()
    assert "k3y" not in stream.getvalue()


def test_a_text_too_short_to_be_a_secret_is_not_masked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(masking, "_forms", ())
    masking.remember("a")
    assert masking.mask("a cat") == "a cat"


@pytest.mark.django_db
def test_whatever_is_sealed_or_opened_is_masked_from_then_on(monkeypatch: pytest.MonkeyPatch) -> None:
    from uuid import UUID

    place = {"row": UUID(int=1), "field": "f", "identity": "i"}
    sealed = sealing.seal("opened-later", **place)  # type: ignore[arg-type]
    monkeypatch.setattr(masking, "_forms", ())
    assert masking.mask("opened-later") == "opened-later"
    sealing.unseal(sealed, **place)  # type: ignore[arg-type]
    assert masking.mask("opened-later") == "***"
