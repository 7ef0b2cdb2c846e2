"""What the script of the start page does: fill single shards, leave alone what was typed, echo."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Product, sign_in

pytestmark = pytest.mark.browser


@pytest.fixture
def start(page: Any, product: Product) -> Any:
    product.command("collect", "--once")
    sign_in(page, product)
    page.get_by_role("link", name="cg-0").first.click()
    page.wait_for_url("**/groups/*/")
    page.goto(page.url + "reset/")
    return page


def own(page: Any, shard: int) -> str:
    return str(page.input_value(f"input[name=target-{shard}]"))


def test_the_target_of_all_fills_ticked_shards_and_leaves_what_was_typed(start: Any) -> None:
    start.check("#shard-0")
    start.check("#shard-1")
    assert own(start, 0) == ""
    start.check("input[name=to][value=latest]")
    assert [own(start, shard) for shard in range(4)] == ["latest", "latest", "", ""]
    start.fill("input[name=target-1]", "2h ago")
    start.check("input[name=to][value=earliest]")
    start.check("#shard-2")
    start.uncheck("#shard-0")
    assert [own(start, shard) for shard in range(4)] == ["", "2h ago", "earliest", ""]
    start.click("main form button.primary")
    start.wait_for_url("**/plans/**")


def test_a_cleared_field_is_filled_again(start: Any) -> None:
    start.check("#shard-0")
    start.check("input[name=to][value=latest]")
    start.fill("input[name=target-0]", "keep")
    start.fill("input[name=target-0]", "")
    start.check("input[name=to][value=earliest]")
    assert own(start, 0) == "earliest"


def test_a_time_is_filled_in_with_its_zone_and_echoed(start: Any) -> None:
    start.check("#shard-3")
    start.check("input[name=to][value=time]")
    start.fill("input[name=when]", "2026-11-20T10:47:30")
    start.fill("input[name=zone]", "Asia/Shanghai")
    assert own(start, 3) == "2026-11-20 10:47:30 Asia/Shanghai"
    start.locator("#echo", has_text="02:47:30 UTC, 10:47:30 Asia/Shanghai").wait_for()


def test_a_quick_pick_keeps_what_was_ticked_and_is_echoed(start: Any) -> None:
    start.check("#shard-3")
    start.get_by_role("link", name="3 h ago").click()
    assert start.is_checked("#shard-3")
    assert (own(start, 3), start.input_value("input[name=text]")) == ("3h ago", "3h ago")
    start.locator("#echo", has_text="3h ago = ").wait_for()


def test_what_a_way_asks_for_is_shown_with_it(start: Any) -> None:
    assert not start.is_visible("input[name=when]")
    start.check("input[name=to][value=time]")
    assert start.is_visible("input[name=when]")
    assert not start.is_visible("input[name=text]")
