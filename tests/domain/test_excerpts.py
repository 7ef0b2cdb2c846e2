"""What of a log line is shown."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from checkpoints.domain import excerpts

AT = datetime(2026, 11, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seen"),
    [
        ("one\ntwo\tthree\r\0", "one␊two␉three␍␀"),
        ("\x1b[31mred", "␛[31mred"),
        ("\x7f\x85", "⟨U+007F⟩⟨U+0085⟩"),
        ("invoice\u202efdp.exe", "invoice⟨U+202E⟩fdp.exe"),
        ("\u2066a\u2069\u200b\ufeff\u2028", "⟨U+2066⟩a⟨U+2069⟩⟨U+200B⟩⟨U+FEFF⟩⟨U+2028⟩"),
        ("用户 é שלום <b>", "用户 é שלום <b>"),
    ],
)
def test_what_is_not_seen_gets_a_sign(text, seen):
    assert excerpts.visible(text) == seen


def test_a_value_is_cut_at_500_signs():
    assert excerpts.value_of("a", "x " * 250) == "x " * 250
    assert excerpts.value_of("a", "x " * 251) == "x " * 250 + "…"


def test_a_name_is_cut_and_made_visible():
    assert excerpts.shown([("k" * 101, "1"), ("a\nb", "2")]) == (("k" * 100 + "…", "1"), ("a␊b", "2"))


def test_a_line_has_40_fields_at_most():
    made = excerpts.line(AT, [(str(number), "x") for number in range(43)])
    assert (made.time, len(made.fields), made.more_fields) == (AT, 40, 3)
    assert excerpts.line(AT, [("a", "x")]).more_fields == 0


def test_secrets_are_hidden_before_the_value_is_cut():
    value = "x " * 245 + "password=hunter-and-a-lot-more"
    assert "hunter" not in excerpts.value_of("message", value)
    assert excerpts.value_of("password", "hunter") == "•••• (secret)"


def test_the_piece_of_a_secret_at_the_end_of_what_is_looked_through_is_not_shown():
    secret = "9f86d081884c7d659a2feaa0c55ad015"
    assert excerpts.value_of("message", "A1b2" * 993 + " " + secret) == "•••• (long token) …"
    assert excerpts.value_of("message", "-----BEGIN PRIVATE KEY-----" + "A" * 3950 + " rest " + secret) == (
        "•••• (private key)…"
    )
