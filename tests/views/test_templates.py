"""What holds for every template, and the words that templates are given."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.template import Context, Template
from django.template.loader import render_to_string
from django.utils import timezone, translation

from checkpoints.domain.lag import State
from checkpoints.domain.messages import say
from checkpoints.domain.verdicts import Verdict
from checkpoints.templatetags import checkpoints as tags
from checkpoints.templatetags import wording

ROOT = Path(__file__).resolve().parent.parent.parent
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
AT = datetime(2026, 11, 20, 2, 50, 3, tzinfo=UTC)
FORBIDDEN = {
    "inline style": r"\sstyle\s*=",
    "style element": r"<style",
    "event attribute": r"\son[a-z]+\s*=",
    "inline script": r"<script(?![^>]*\bsrc=)",
    "htmx script": r"\bhx-on",
    "event filter": r"hx-trigger=\"[^\"]*\[",
    "script address": r"javascript:",
    "other site": r"(src|href)=\"https?://",
    "unsafe text": r"\|\s*safe\b|autoescape off",
}


@pytest.fixture(autouse=True)
def english():
    """A page in another language, shown by a test before, leaves that language behind."""
    with translation.override("en"):
        yield


@pytest.mark.parametrize("kind", FORBIDDEN)
def test_no_template_contains(kind):
    found = [str(path) for path in TEMPLATES if re.search(FORBIDDEN[kind], path.read_text())]
    assert found == []


def test_a_fragment_says_what_it_needs():
    found = [
        str(path) for path in TEMPLATES if path.name.startswith("_") and "{# Needs" not in path.read_text()
    ]
    assert found == []


def test_own_scripts_and_styles_name_no_other_site_and_evaluate_nothing():
    for path in [*(ROOT / "static").rglob("*.js"), *(ROOT / "static").rglob("*.css")]:
        text = path.read_text()
        assert not re.search(r"https?://|\beval\(|new Function|innerHTML|@import", text), path


@pytest.mark.parametrize("state", State)
def test_every_state_has_a_word(state):
    assert wording.word("state", state)[0] != state.value


@pytest.mark.parametrize("verdict", Verdict)
def test_every_verdict_has_a_word(verdict):
    assert wording.word("verdict", verdict)[0] != verdict.value


def test_a_word_that_is_not_known_is_shown_as_it_is():
    assert tags.badge("state", "<new>") == '<span class="badge ">&lt;new&gt;</span>'


@pytest.mark.parametrize("show", [tags.when, tags.ago, tags.clock, tags.duration, tags.grouped])
def test_nothing_is_a_dash(show):
    assert show(None) == '<span class="none" title="not known">—</span>'


@pytest.mark.parametrize(
    ("show", "value", "expected"),
    [
        (tags.duration, timedelta(hours=3, minutes=12), "3h 12m"),
        (tags.duration, 4.7, "4s"),
        (tags.duration, timedelta(0), "0s"),
        (tags.grouped, 1204, "1,204"),
        (tags.grouped, 0, "0"),
        (tags.short, "MTUyNDE1NTM3OTM3MzkwODQ5Ng==", "MTUy…ODQ5Ng=="),
        (tags.short, None, ""),
        (tags.span_text, None, "—"),
        (tags.span_text, timedelta(seconds=5), "5s"),
    ],
)
def test_a_figure_is_shown_as_people_write_it(show, value, expected):
    assert show(value) == expected


def test_a_time_shows_zone_utc_and_distance():
    with timezone.override("Asia/Shanghai"):
        shown = tags.when(AT, AT + timedelta(hours=3))
    assert shown == (
        '<time class="when" datetime="2026-11-20T02:50:03+00:00" title="2026-11-20 02:50:03 UTC">'
        "2026-11-20 10:50:03 <small>02:50:03 UTC · <span>3 h ago</span></small></time>"
    )


def test_a_time_of_another_day_in_utc_shows_that_day():
    with timezone.override("Asia/Shanghai"):
        assert "11-20 18:00:00 UTC" in tags.when(AT.replace(hour=18, minute=0, second=0), AT)


def test_a_stored_time_is_shown_like_any_other():
    assert tags.when(AT.isoformat(), AT) == tags.when(AT, AT)


@pytest.mark.parametrize(
    ("message", "expected"),
    [
        (say("%(count)d s ago", count=3), "3 s ago"),
        ({"text": "%(count)d s ago", "values": {"count": 3}}, "3 s ago"),
        ({"text": "%(gone)s", "values": {}}, "%(gone)s"),
        (None, ""),
        ("plain", "plain"),
    ],
)
def test_a_message_is_shown_in_words(message, expected):
    assert tags.msg(message) == expected


def test_a_value_of_a_message_is_escaped_in_a_page():
    text = Template("{% load checkpoints %}{{ m|msg }}").render(Context({"m": say("%(n)s", n="<b>")}))
    assert text == "&lt;b&gt;"


@pytest.mark.parametrize("name", ["400.html", "500.html"])
def test_an_error_page_needs_nothing_but_itself(name):
    assert 'href="/"' in render_to_string(name)


@pytest.mark.django_db
def test_the_policy_forbids_everything_inline(signed_in):
    policy = signed_in("viewer").get("/")["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


@pytest.mark.django_db
def test_htmx_is_told_to_evaluate_nothing(signed_in):
    html = signed_in("viewer").get("/").content.decode()
    for choice in (
        '"allowEval":false',
        '"allowScriptTags":false',
        '"selfRequestsOnly":true',
        '"historyCacheSize":0',
    ):
        assert choice in html
    assert html.count("hx-headers") == 1


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("role", "shown", "hidden"),
    [("viewer", "/resets/", 'href="/audit/"'), ("auditor", 'href="/audit/"', "/endpoints/add/")],
)
def test_the_navigation_shows_what_a_role_may_see(signed_in, role, shown, hidden):
    html = signed_in(role).get("/").content.decode()
    assert shown in html
    assert hidden not in html
    assert '<a href="/" aria-current="page">' in html


@pytest.mark.django_db
def test_a_page_that_does_not_exist_keeps_the_way_back(signed_in):
    response = signed_in("viewer").get("/groups/999999/")
    assert response.status_code == 404
    assert 'href="/"' in response.content.decode()


@pytest.mark.django_db
def test_a_page_is_in_the_language_asked_for(signed_in):
    html = signed_in("viewer").get("/", headers={"Accept-Language": "zh-hans"}).content.decode()
    assert '<html lang="zh-hans">' in html


def test_words_are_translated_when_they_are_shown():
    with translation.override("zh-hans"):
        assert wording.word("state", "behind")[0] != "Behind"
