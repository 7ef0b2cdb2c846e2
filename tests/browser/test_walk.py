"""A walk through a reset in a real browser: refused, overridden, overwritten, rewound again, undone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from typing import Any

import pytest

from tests.browser.conftest import Product, sign_in, wait_until
from tests.conftest import KEYS
from tests.sdk_worker import SDKWorker

pytestmark = [pytest.mark.browser, pytest.mark.sdk]
PLACE = ("proj", "store", "cg-0")


@pytest.fixture
def worker(world: Any) -> Iterator[SDKWorker]:
    """A worker of the official SDK that has consumed everything."""
    with ExitStack() as running:
        started = running.enter_context(SDKWorker(world.sdk_endpoint, *PLACE, "worker-1", keys=KEYS))
        started.wait_for(lambda: len(started.consumed) == 80)
        yield started


def plan(page: Any, product: Product, shard: int) -> None:
    """Plan a rewind of one shard to the oldest log group, through the pages."""
    page.goto(f"{product.address}/")
    page.get_by_role("link", name="cg-0").first.click()
    page.wait_for_selector(f"#shard-{shard}")
    page.goto(page.url.split("?")[0] + "reset/")
    page.check(f"input[name=shard][value='{shard}']")
    page.check("input[name=to][value=earliest]")
    page.click("main form button.primary")
    page.wait_for_url("**/plans/**")


def confirm(page: Any, *, override: bool) -> None:
    page.fill("#apply input[name=reason]", "rehearsal")
    if override:
        page.check("#apply input[name=override]")
        page.fill("#apply input[name=typed_name]", "cg-0")
    page.click("#apply button.danger")
    page.wait_for_load_state()


def main(page: Any) -> str:
    return str(page.inner_text("main"))


def shows(page: Any, words: str) -> None:
    page.locator("main", has_text=words).wait_for(timeout=30_000)


def ours(world: Any) -> list[tuple[int, str]]:
    """Return what the product wrote, as the service saw it."""
    return [
        (write["shard"], write["cursor"])
        for write in world.writes()
        if write["request_id"] and not write["consumer"]
    ]


def saved(world: Any, shard: int) -> str:
    return str(world.group(*PLACE)["checkpoints"][str(shard)]["checkpoint"])


def test_refused_overridden_overwritten_rewound_and_undone(
    world: Any, product: Product, page: Any, worker: SDKWorker
) -> None:
    wait_until(lambda: page_lists_the_group(product), "the group is found")
    sign_in(page, product)

    # Real log lines stand beside the plan, and what it will cost.
    plan(page, product, 1)
    page.get_by_role("button", name="See the log lines").first.click()
    shows(page, "__time__")
    shows(page, "20 log groups consumed again")

    # While the worker consumes, the reset is refused, and nothing is sent.
    confirm(page, override=False)
    assert "Somebody is consuming" in main(page)
    assert "Nothing was sent." in main(page)
    assert ours(world) == []

    # Overridden it is sent; the worker writes its own place back, and the page says who.
    confirm(page, override=True)
    page.wait_for_url("**/resets/**")
    shows(page, "1 of 1 confirmed")
    world.put("proj", "store", 1, 3)
    worker.wait_for(lambda: len(worker.consumed) == 83)
    shows(page, "Overwritten on shards 1.")
    assert "worker-1" in page.inner_text("#shard-1")

    # Stopped, the same rewind is confirmed and stays.
    worker.kill()
    before = saved(world, 1)
    plan(page, product, 1)
    confirm(page, override=True)
    page.wait_for_url("**/resets/**")
    shows(page, "1 of 1 confirmed")
    assert saved(world, 1) != before

    # One button plans the undo, which tells what it skips; then the old place is back.
    page.get_by_role("button", name="Plan the undo").click()
    page.wait_for_url("**/plans/**")
    shows(page, "23 log groups will never be consumed")
    confirm(page, override=True)
    page.wait_for_url("**/resets/**")
    shows(page, "1 of 1 confirmed")
    assert saved(world, 1) == before
    assert len(ours(world)) == 3


def page_lists_the_group(product: Product) -> bool:
    done = product.command("collect", "--once")
    return done.returncode == 0
