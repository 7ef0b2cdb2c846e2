"""How pages refresh themselves: as often as was chosen, and without taking anything from the reader."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Product, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def asked(page: Any, product: Product) -> list[str]:
    """The requests of the script for the table, on the page of the only group after a reading."""
    sign_in(page, product)
    assert product.command("collect", "--once").returncode == 0
    page.clock.install()
    page.goto(f"{product.address}/groups/1/")
    sent: list[str] = []
    page.on("request", lambda request: sent.append(request.url) if "fresh=1" in request.url else None)
    return sent


def test_the_rate_is_remembered_on_every_page(page: Any, product: Product, asked: list[str]) -> None:
    page.select_option("#refresh-rate", "0")
    assert page.inner_text("[data-refresh-left]") == "not refreshed"
    page.goto(f"{product.address}/")
    assert page.input_value("#refresh-rate") == "0"
    assert not page.is_visible("#refresh-pause")
    page.select_option("#refresh-rate", "60")
    assert page.inner_text("[data-refresh-left]").startswith("next in ")


def test_a_refresh_keeps_the_focus_and_what_was_ticked(page: Any, asked: list[str]) -> None:
    page.check("#pick-2")
    for name in ("refresh-rate", "pick-1"):
        with page.expect_response(lambda answer: "fresh=1" in answer.url):
            page.evaluate("document.querySelector('[data-refresh]').dispatchEvent(new Event('refresh'))")
            page.focus(f"#{name}")
        page.wait_for_function(f"document.activeElement.id === '{name}'")
        page.wait_for_selector(".htmx-request", state="detached")
        assert page.evaluate("document.activeElement.id") == name
    assert page.is_checked("#pick-2")


def test_ages_go_on_while_nothing_is_refreshed(page: Any, asked: list[str]) -> None:
    page.select_option("#refresh-rate", "0")
    page.wait_for_selector(".htmx-request", state="detached")
    asked.clear()
    page.clock.run_for(1_000)
    age = page.locator("#refresh time.age")
    before = int(age.inner_text().split()[0])
    page.clock.run_for(9_000)
    assert before + 9 <= int(age.inner_text().split()[0]) <= before + 12
    page.clock.run_for(120_000)
    assert age.inner_text() == "2 min ago"
    assert asked == []


def test_the_chart_stays_while_the_table_is_refreshed(page: Any, asked: list[str]) -> None:
    page.select_option("#refresh-rate", "0")
    page.wait_for_selector("#history figure")
    page.evaluate("document.querySelector('#history').dataset.old = 'yes'")
    page.click("#span-1h")
    page.wait_for_selector("#span-1h[aria-current]")
    page.click("[data-refresh-now]")
    page.wait_for_selector(".htmx-request", state="detached")
    assert page.get_attribute("#history", "data-old") == "yes"
    assert page.url.endswith("/groups/1/")
    assert page.locator("#history").count() == 1
    assert page.get_attribute("#span-1h", "aria-current") == "true"


def test_nothing_is_refreshed_while_text_is_selected(page: Any, asked: list[str]) -> None:
    page.select_option("#refresh-rate", "5")
    page.evaluate("getSelection().selectAllChildren(document.querySelector('#shard-0 .until'))")
    asked.clear()
    page.clock.run_for(12_000)
    assert asked == []
    with page.expect_request(lambda request: "fresh=1" in request.url):
        page.evaluate("getSelection().removeAllRanges()")
        page.clock.run_for(1_000)


def test_an_answer_on_its_way_takes_no_selection_with_it(page: Any, asked: list[str]) -> None:
    page.select_option("#refresh-rate", "0")
    page.wait_for_selector(".htmx-request", state="detached")
    page.evaluate("document.querySelector('#shard-0').dataset.old = 'yes'")
    with page.expect_response(lambda answer: "fresh=1" in answer.url):
        page.evaluate("""
            document.querySelector('[data-refresh]').dispatchEvent(new Event('refresh'));
            getSelection().selectAllChildren(document.querySelector('#shard-0 .until'));
        """)
    page.wait_for_selector(".htmx-request", state="detached")
    assert not page.evaluate("getSelection().isCollapsed")
    assert page.get_attribute("#shard-0", "data-old") == "yes"
    page.click("[data-refresh-now]")
    page.wait_for_selector("#shard-0:not([data-old])")
