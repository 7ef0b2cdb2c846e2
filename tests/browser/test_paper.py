"""Pages on paper: within the sheet upright and across, black on white, and nothing that wants a click."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Product, sign_in

pytestmark = pytest.mark.browser
PAGES = ["/?q=cg", "/groups/1/", "/groups/1/history/?span=6h", "/alerts/?severity=critical", "/resets/"]
UPRIGHT, ACROSS = 703, 1032  # CSS pixels of A4 between margins of 12 mm
SEEN = "(e) => e.checkVisibility() && e.getBoundingClientRect().width > 1"
CLICKED = "header.top, .search, .btn:not([aria-current]), button, .refresh select"


def test_a_page_fits_the_paper_in_black_and_white_and_without_controls(
    browser: Any, product: Product
) -> None:
    assert product.command("collect", "--once").returncode == 0
    context = browser.new_context(color_scheme="dark", locale="en-US")
    page = context.new_page()
    sign_in(page, product)
    for path in PAGES:
        page.goto(product.address + path)
        page.emulate_media(media="print")
        for width in (UPRIGHT, ACROSS):
            page.set_viewport_size({"width": width, "height": 1000})
            assert page.evaluate("document.documentElement.scrollWidth") <= width, path
        assert page.evaluate(f"[...document.querySelectorAll('{CLICKED}')].filter({SEEN}).length") == 0, path
        colours = page.evaluate(
            "[getComputedStyle(document.body).backgroundColor, getComputedStyle(document.body).color]"
        )
        assert colours == ["rgb(255, 255, 255)", "rgb(0, 0, 0)"], path
        assert product.address.removeprefix("http://") in page.inner_text(".printed"), path
        page.emulate_media(media="screen")
    page.emulate_media(media="print")
    page.goto(product.address + PAGES[0])
    assert "Search: cg" in page.inner_text(".printed")
    assert "as of" in page.inner_text("main")
    page.goto(product.address + PAGES[2])
    assert "6 hours" in page.inner_text(".spans")
    context.close()
