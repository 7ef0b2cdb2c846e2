"""The forms of rules and channels: with script they show what the choice needs, and only that is sent."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Product, sign_in

pytestmark = pytest.mark.browser


def test_a_form_shows_and_sends_only_what_the_choice_needs(page: Any, product: Product) -> None:
    sign_in(page, product, "admin")
    page.goto(f"{product.address}/alerts/rules/add/")
    assert page.is_visible("#id_limit")
    assert "further behind" in page.inner_text("#id_condition_helptext")
    assert page.inner_text("#id_limit_helptext") == "A duration, such as 10m, 2h30m, 1d"
    page.fill("#id_limit", "no duration at all")
    page.select_option("#id_condition", "stalled")
    assert not page.is_visible("#id_limit")
    page.fill("#id_name", "stuck")
    page.click("main form button.primary")
    page.wait_for_url("**/alerts/rules/")
    assert "stuck" in page.inner_text("main")

    page.goto(f"{product.address}/alerts/channels/add/")
    for kind, shown in (("webhook", "url secret"), ("slack", "url"), ("email", "addresses")):
        page.select_option("#id_kind", kind)
        visible = [name for name in ("url", "secret", "addresses") if page.is_visible(f"#id_{name}")]
        assert visible == shown.split(), kind


def test_without_script_all_is_shown_and_said(browser: Any, product: Product) -> None:
    context = browser.new_context(java_script_enabled=False, locale="en-US")
    page = context.new_page()
    sign_in(page, product, "admin")
    page.goto(f"{product.address}/alerts/channels/add/")
    assert all(page.is_visible(f"#id_{name}") for name in ("url", "secret", "addresses"))
    assert "Only for e-mail." in page.inner_text("main")
    page.goto(f"{product.address}/alerts/rules/add/")
    assert "Stalled or stopped Log groups arrive" in page.inner_text("#id_condition_helptext")
    assert page.is_visible("#id_limit")
    context.close()
