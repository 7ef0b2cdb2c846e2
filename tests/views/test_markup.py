"""HTML made in Python: escaped as templates do it, and kept apart by language and kind of text."""

from __future__ import annotations

from django.utils.safestring import SafeString
from django.utils.translation import gettext, override

from checkpoints.templatetags.markup import cell, escaped, html, joined, once_per_language

BAD = "<b>\"x\" & 'y'</b>"
GOOD = "&lt;b&gt;&quot;x&quot; &amp; &#x27;y&#x27;&lt;/b&gt;"


def test_values_are_escaped_unless_they_are_html():
    assert html("<i>{}{}</i>", BAD, SafeString("<b>")) == f"<i>{GOOD}<b></i>"
    assert cell(SafeString("<td>"), BAD) == f"<td>{GOOD}</td>"
    assert joined([BAD, SafeString("<b>"), 5, None]) == f"{GOOD}<b>5None"
    assert isinstance(joined([]), SafeString)


def test_what_only_looks_like_a_number_is_escaped():
    class Number(int):
        def __str__(self) -> str:
            return BAD

    assert escaped(Number(5)) == GOOD
    assert escaped(1204) == "1204"


def test_what_is_kept_is_kept_by_language():
    @once_per_language
    def word() -> str:
        return gettext("Overview")

    with override("en"):
        english = word()
    with override("zh-hans"):
        assert word() != english
    with override("en"):
        assert word() == english


def test_text_is_never_taken_for_html_that_looks_the_same():
    @once_per_language
    def shown(content: str) -> SafeString:
        return html("{}", content)

    assert shown(SafeString("<b>")) == "<b>"
    assert shown("<b>") == "&lt;b&gt;"
