"""Markdown made from what others wrote: it reads as it was typed, and nothing becomes markup."""

from __future__ import annotations

import pytest

from checkpoints.domain import markdown


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        ("plain words, 部署 1.2-3", "plain words, 部署 1.2-3"),
        ("a|b", r"a\|b"),
        ("`code`", r"\`code\`"),
        ("<script>&amp;", "&lt;script&gt;&amp;amp;"),
        ("[x](y)", r"\[x\](y)"),
        ("*b* _i_ ~~s~~", r"\*b\* \_i\_ \~\~s\~\~"),
        ("a\\|b", r"a\\\|b"),
        ("one\r\n\n# two\u2028three", "one   # two three"),
        ("a\u202eb\0c", "a b c"),
        ("  x  ", "x"),
        ("", ""),
    ],
)
def test_text_reads_as_it_was_typed(value, expected):
    assert markdown.text(value) == expected


@pytest.mark.parametrize(
    ("value", "expected"),
    [("MTUy+/=", "`MTUy+/=`"), ("a`b", r"a\`b"), ("a|b", r"a\|b"), ("a b", "a b"), ("", "")],
)
def test_code_is_code_only_when_it_cannot_end_it(value, expected):
    assert markdown.code(value) == expected


def test_a_table_has_heads_and_rows():
    assert markdown.table(["a", "b"], [["1", "2"]]) == ["| a | b |", "| --- | --- |", "| 1 | 2 |"]


def test_a_block_keeps_its_lines_and_cannot_be_left_by_them():
    assert markdown.block(["a", "```", "b ```` c"], "sh") == ["`````sh", "a", "```", "b ```` c", "`````"]
    assert markdown.block(["a"], "sh") == ["```sh", "a", "```"]
