"""The charts of the history under pointer and keys, at both widths."""

from __future__ import annotations

import re
from typing import Any

import pytest

from tests.browser.conftest import Product, sign_in, wait_until

pytestmark = pytest.mark.browser


@pytest.fixture
def charts(page: Any, product: Product) -> Any:
    """The history of the only group, after a reading."""
    sign_in(page, product)
    assert product.command("collect", "--once").returncode == 0
    page.goto(f"{product.address}/groups/1/history/?span=1h")
    wait_until(lambda: page.locator(".plot").count() or page.reload(), "there are charts")
    return page


def test_values_follow_the_pointer_and_the_keys_and_go_away_again(charts: Any) -> None:
    plot, told = charts.locator(".plot").first, charts.locator("[data-at]").first
    assert told.inner_text() == ""
    box = plot.bounding_box()
    charts.mouse.move(box["x"] + box["width"] - 2, box["y"] + 40)
    assert re.search(r"\d\d:\d\d$", told.inner_text())
    assert charts.locator('.cross[visibility="hidden"]').count() == 0
    charts.mouse.move(0, 0)
    assert told.inner_text() == ""
    plot.focus()
    charts.keyboard.press("End")
    assert re.search(r"\d\d:\d\d$", told.inner_text())
    assert re.search(r"\w+ .*, .*\d\d:\d\d", charts.locator("[data-said]").inner_text())
    assert charts.locator('.cross[visibility="visible"]').count() > 0


def test_charts_fit_a_phone(charts: Any) -> None:
    charts.set_viewport_size({"width": 390, "height": 900})
    assert charts.evaluate("document.documentElement.scrollWidth") <= 390
    heights = charts.locator(".plot text").evaluate_all("all => all.map((one) => one.getBBox().height)")
    assert min(height for height in heights if height) > 9
