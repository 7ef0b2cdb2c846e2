"""Protections in order, and which groups a pattern means."""

from __future__ import annotations

import pytest

from checkpoints.domain import protection
from checkpoints.domain.messages import Refusal


@pytest.mark.parametrize(
    ("several", "expected"),
    [
        ([], "none"),
        (["none", "none"], "none"),
        (["none", "reason"], "reason"),
        (["two-person", "reason"], "two-person"),
        (["two-person", "read-only", "none"], "read-only"),
        (["none", "four-person"], "read-only"),
        ([""], "read-only"),
        (["Reason"], "read-only"),
    ],
)
def test_the_strictest_counts_and_an_unknown_one_is_the_strictest(several, expected):
    assert protection.strictest(several) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("orders-eu", True),
        ("orders", False),
        ("*", True),
        ("orders-*", True),
        ("Orders-*", False),
        ("*-eu", True),
        ("orders-??", True),
        ("orders-?", False),
        ("[no]rders-eu", True),
        ("[!o]rders-eu", False),
        ("orders[-]eu", True),
        ("orders.eu", False),
        ("orders-(eu|us)", False),
        ("pay/store/orders-eu", True),
        ("pay/*", True),
        ("p?y/*/orders-*", True),
        ("pay/orders-eu", False),
        ("*/orders-eu", True),
        ("Pay/*", False),
        ("store/*", False),
        ("pay*", False),
    ],
)
def test_a_glob_means_the_name_or_with_a_slash_the_whole_path(pattern, expected):
    names = {"project": "pay", "logstore": "store", "group": "orders-eu"}
    assert protection.matches(pattern, **names) is expected


def test_a_bracket_in_a_name_is_matched_by_a_bracket_of_one():
    names = {"project": "p", "logstore": "l", "group": "a[1]"}
    assert protection.matches("a[[]1]", **names)
    assert not protection.matches("a[1]", **names)


def test_many_stars_take_no_time():
    names = {"project": "p", "logstore": "l", "group": "a" * 128}
    assert not protection.matches("*a" * 120 + "b", **names)


@pytest.mark.parametrize(
    ("typed", "sentence"),
    [
        ("", "Write a pattern"),
        ("  ", "Write a pattern"),
        ("x" * 256, "longer than 255"),
        ("pay core", "no blanks"),
        ("pay\x07", "no control characters"),
        ("pay/orders", "can match no group"),
        ("a/b/c/d", "can match no group"),
        ("pay-[ab", "needs its ]"),
        ("[", "needs its ]"),
        ("[]", "needs its ]"),
        ("[!]", "needs its ]"),
        ("[ab]-[", "needs its ]"),
    ],
)
def test_a_pattern_that_can_mean_no_group_is_refused(typed, sentence):
    with pytest.raises(Refusal, match=sentence):
        protection.check_pattern(typed)


@pytest.mark.parametrize("pattern", ["*", "pay-*", "a/b/c", "pay/*", "[]x]", "[!]x]y", "x]", "x" * 255])
def test_other_patterns_are_taken_without_the_blanks_around_them(pattern):
    assert protection.check_pattern(f" {pattern}\n") == pattern
