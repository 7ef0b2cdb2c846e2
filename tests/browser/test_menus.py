"""Menus: one is open at a time, Escape and a click beside it close it."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Product, sign_in

pytestmark = pytest.mark.browser


def opened(page: Any) -> list[str]:
    found: list[str] = page.evaluate(
        "[...document.querySelectorAll('details.menu[open]')].map((one) => one.id)"
    )
    return found


def test_one_menu_is_open_at_a_time_and_escape_or_a_click_beside_it_closes_it(
    page: Any, product: Product
) -> None:
    sign_in(page, product)
    page.click("#columns > summary")
    page.click("#account > summary")
    assert opened(page) == ["account"]
    page.keyboard.press("Escape")
    assert opened(page) == []
    assert page.evaluate("document.activeElement.parentElement.id") == "account"

    page.click("#columns > summary")
    page.check("#columns input[value=lag]")
    assert opened(page) == ["columns"]
    page.click("h1")
    assert opened(page) == []

    # Opened by the keyboard, too.
    page.focus("#views > summary")
    page.keyboard.press("Enter")
    page.focus("#export > summary")
    page.keyboard.press("Enter")
    page.wait_for_function("document.querySelectorAll('details.menu[open]').length === 1")
    assert opened(page) == ["export"]
