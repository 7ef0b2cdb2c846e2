"""Pages as a screen reader and a phone see them: axe finds nothing, nothing scrolls sideways."""

from __future__ import annotations

import time
from typing import Any

import pytest

from tests.browser.conftest import PASSWORD, Product

pytestmark = pytest.mark.browser
PAGES = [
    "/",
    "/groups/{group}/",
    "/groups/{group}/history/",
    "/groups/{group}/snapshots/",
    "/groups/{group}/reset/",
    "/resets/",
    "/approvals/",
    "/endpoints/",
    "/login/",
]


@pytest.fixture
def read_world(world: Any) -> Any:
    """The world with every state a shard can have at once: caught up, behind, at the oldest, never saved."""
    for shard, to in ((0, "end"), (1, "begin")):
        world.set_checkpoint("proj", "store", "cg-0", shard, to, updated=time.time() - 3600)
    return world


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    scheme: Any, width: int, read_world: Any, product: Product, browser: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    product.command("collect", "--once")
    # axe is put into the page as a script, which the content security policy refuses by design.
    context = browser.new_context(
        color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True, locale="en-US"
    )
    page = context.new_page()
    page.goto(f"{product.address}/login/")
    page.fill("input[name=username]", "operator")
    page.fill("input[name=password]", PASSWORD)
    page.click("main form button.primary")
    href = page.get_by_role("link", name="cg-0").first.get_attribute("href")

    def look() -> tuple[list[str], int]:
        violations = Axe().run(page).response["violations"]
        words = [f"{one['id']}: {one['nodes'][0]['html'][:90]}" for one in violations]
        return words, page.evaluate("document.documentElement.scrollWidth")

    found = {}
    for place in PAGES:
        page.goto(product.address + place.format(group=href.split("/")[2]))
        found[place] = look()
    page.goto(f"{product.address}{href}reset/")
    page.check("input[name=shard][value='0']")
    page.check("input[name=to][value=earliest]")
    page.click("main form button.primary")
    page.get_by_role("button", name="See the log lines").click()
    page.locator("main", has_text="__time__").wait_for(timeout=30_000)
    found["plan"] = look()
    page.fill("#apply input[name=reason]", "seen by axe")
    page.click("#apply button.danger")
    page.wait_for_url("**/resets/**")
    found["reset"] = look()
    context.close()
    assert found == dict.fromkeys([*PAGES, "plan", "reset"], ([], width))
