"""What was stored as text and what stands on paper: times as times, filters in words."""

from __future__ import annotations

import pytest
from django.utils import timezone

from checkpoints.templatetags import stored
from tests.views.lagging import words


@pytest.mark.parametrize(
    "text", ["2026-11-25T18:58:13.212056Z", "2026-11-25T18:58:13Z", "2026-11-26T02:58:13+08:00"]
)
def test_a_stored_time_is_shown_as_a_time_of_the_chosen_zone(text):
    with timezone.override("Asia/Shanghai"):
        for shown in (stored.fact(text), stored.moment(text)):
            assert "2026-11-26 02:58:13" in shown
            assert "18:58:13 UTC" in shown
            assert "T18:58" not in shown.split(">", 1)[1]


@pytest.mark.parametrize("text", ["earliest", "-2h", "2026-11-25 18:58", "2026-02-30T00:00:00Z", "<b>", ""])
def test_anything_else_stands_as_it_is(text):
    assert stored.moment(text) == text
    assert "<time" not in stored.fact(text)
    assert "<b>" not in stored.fact(text)


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("path", "chosen"),
    [
        ("/?q=pay+in&verdict=losing_data&cols=lag", "Search: pay in · Verdict: Losing data</p>"),
        (
            "/alerts/?state=firing&severity=critical&rule=slow",
            "State: Firing · Severity: Critical · Rule: slow</p>",
        ),
        ("/alerts/?state=<b>", "State: &lt;b&gt;</p>"),
        ("/resets/", "UTC</p>"),
    ],
)
def test_on_paper_a_page_says_of_which_site_it_is_and_what_was_chosen(signed_in, settings, path, chosen):
    settings.TIME_ZONE = "UTC"
    html = words(signed_in("viewer").get(path))
    assert '<p class="printed">Checkpoints · testserver · the-viewer · 20' in html
    assert chosen in html


@pytest.mark.django_db
def test_the_audit_shows_times_among_its_facts_as_times(signed_in):
    from checkpoints.services import audit
    from checkpoints.services.audit import SYSTEM

    audit.record(
        "alert.silenced", actor=SYSTEM, outcome="done", at=timezone.now(),
        after={"state": "silenced", "silenced_until": "2026-11-25T18:58:13.212056Z"},
    )  # fmt: skip
    html = words(signed_in("auditor").get("/audit/"))
    assert '<span class="muted">silenced_until</span> <time' in html
    assert ">2026-11-25T18:58" not in html
