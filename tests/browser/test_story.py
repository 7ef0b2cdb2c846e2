"""The whole story, told in a real browser with the vendor's own SDK as the consumer."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from tests.browser.conftest import Product, sign_in, wait_until
from tests.conftest import KEYS
from tests.sdk_worker import SDKWorker

pytestmark = [pytest.mark.browser, pytest.mark.sdk]
PLACE = ("proj", "store", "cg-0")
SHARDS = [0, 1, 2, 3]


@pytest.fixture
def consumer(world: Any) -> Iterator[Callable[[str], SDKWorker]]:
    """Start workers of the official SDK; whatever still runs at the end is killed."""
    with ExitStack() as running:
        yield lambda name: running.enter_context(SDKWorker(world.sdk_endpoint, *PLACE, name, keys=KEYS))


def open_group(page: Any, product: Product) -> None:
    page.goto(f"{product.address}/")
    shows(page, "cg-0")
    page.get_by_role("link", name="cg-0").first.click()
    page.wait_for_selector("#shard-3")


def shows(page: Any, words: str) -> None:
    """Wait until the page, which refreshes itself, shows the words."""
    page.locator("main", has_text=words).wait_for(timeout=30_000)


def refreshed(page: Any, words: str) -> None:
    """Ask for a fresh reading until the page shows the words."""
    for _ in range(20):
        page.reload()
        page.wait_for_timeout(600)
        if words in page.inner_text("main"):
            return
    pytest.fail(f"the page never showed {words!r}:\n{page.inner_text('main')}")


def row_of(page: Any, shard: int) -> str:
    return str(page.inner_text(f"#shard-{shard}"))


def backlogs(page: Any) -> list[int | None]:
    """Reload the page and return the backlog of each shard as it stands in its row."""
    page.reload()
    page.wait_for_timeout(500)
    cells = [page.inner_text(f"#shard-{shard} td[data-label=Backlog]") for shard in SHARDS]
    return [int(cell) if cell.isdigit() else None for cell in cells]


def received(world: Any, shard: int) -> dict[int, int]:
    """Return when the emulator received each log group of a shard, by position: the judge of the story."""
    found = world.world.logstore("proj", "store").all_shards[shard]
    begin, end = (int(world.shard("proj", "store", shard)[name]) for name in ("begin", "end"))
    return {position: int(found.time_of(position, time.time())) for position in range(begin, end)}


def lag_of(product: Product) -> dict[str, Any]:
    place = ["--endpoint", "test", "--project", "proj", "--logstore", "store", "--group", "cg-0"]
    done = product.command("lag", *place, "--fresh", "--format", "json")
    assert done.returncode == 0, done.stderr
    return dict(json.loads(done.stdout)["groups"][0])


def override(page: Any) -> None:
    """Reset although the page says that somebody consumed just now: whoever stopped them knows better."""
    page.check("input[name=override]")
    page.fill("input[name=typed_name]", "cg-0")


def test_consume_stop_rewind_and_consume_again(
    world: Any, product: Product, page: Any, consumer: Callable[[str], SDKWorker]
) -> None:
    # The SDK consumes to the end, and the page shows it.
    worker = consumer("worker-1")
    worker.wait_for(lambda: len(worker.consumed) == 80)
    sign_in(page, product)
    open_group(page, product)
    refreshed(page, "Caught up")
    wait_until(lambda: all(one["backlog"] == 0 for one in lag_of(product)["shards"]), "every commit is saved")
    refreshed(page, "worker-1")
    assert all("Caught up" in row_of(page, shard) for shard in SHARDS)

    # The worker stops, log groups arrive: the exact backlog and lag.
    worker.stop()
    for shard in SHARDS:
        world.put("proj", "store", shard, 5 + shard)
    wait_until(lambda: backlogs(page) == [5, 6, 7, 8], "the page shows the new backlog")
    for shard in SHARDS:
        times = received(world, shard)
        end = max(times) + 1
        lag = times[end - 1] - times[end - 6 - shard]
        found = lag_of(product)["shards"][shard]
        assert (found["backlog"], found["lag_seconds"]) == (5 + shard, float(lag))

    # The operator rewinds shards 0 and 2 to a time.
    times = received(world, 0)
    target = sorted(times.values())[11]
    before = {shard: world.group(*PLACE)["checkpoints"][str(shard)]["checkpoint"] for shard in SHARDS}
    open_group(page, product)
    page.goto(page.url.split("?")[0] + "reset/")
    for shard in (0, 2):
        page.check(f"input[name=shard][value='{shard}']")
    page.check("input[name=to][value=time]")
    page.fill("input[name=when]", local(target))
    page.click("main form button.primary")
    page.wait_for_url("**/plans/**")
    assert "Rewind" in page.inner_text("main")
    page.fill("input[name=reason]", "bad deploy 1182 scored wrongly")
    page.fill("input[name=ticket]", "INC-7")
    override(page)
    page.click("#apply button.danger")
    page.wait_for_url("**/resets/**")
    assert "2 of 2 confirmed" in page.inner_text("main")
    writes = [write for write in world.writes() if write["request_id"] and not write["consumer"]]
    assert sorted(write["shard"] for write in writes) == [0, 2]
    assert all(write["force"] for write in writes)

    # The worker starts again and consumes exactly the log groups from that time on, no others.
    again = consumer("worker-2")
    expected = {
        (shard, position)
        for shard in SHARDS
        for position, at in received(world, shard).items()
        if (shard in (0, 2) and at >= target)
        or (shard in (1, 3) and position >= end_of(world, shard) - 5 - shard)
    }
    again.wait_for(lambda: len(again.consumed) >= len(expected))
    page.wait_for_timeout(1500)
    assert sorted(again.consumed) == sorted(expected)
    shows(page, "Taken up")
    again.stop()

    # The audit shows who, why, before, after and the request ids.
    page.context.clear_cookies()
    sign_in(page, product, "auditor")
    page.goto(f"{product.address}/audit/?action=reset.shard")
    shown = page.content()
    for words in (
        "operator",
        "INC-7",
        "bad deploy 1182",
        before[0],
        before[2],
        *(w["request_id"] for w in writes),
    ):
        assert words in shown, words


def end_of(world: Any, shard: int) -> int:
    return int(world.shard("proj", "store", shard)["end"])


def local(at: int) -> str:
    """Return a Unix time as a person in the page's zone types it."""
    return datetime.fromtimestamp(at, UTC).astimezone(ZoneInfo("Asia/Shanghai")).strftime("%Y-%m-%dT%H:%M:%S")


def test_a_reset_under_a_running_worker_is_overwritten_and_the_page_says_so(
    world: Any, product: Product, page: Any, consumer: Callable[[str], SDKWorker]
) -> None:
    worker = consumer("worker-1")
    worker.wait_for(lambda: len(worker.consumed) == 80)
    sign_in(page, product)
    open_group(page, product)
    refreshed(page, "worker-1")
    page.goto(page.url.split("?")[0] + "reset/")
    page.check("input[name=shard][value='1']")
    page.check("input[name=to][value=earliest]")
    page.click("main form button.primary")
    page.wait_for_url("**/plans/**")
    assert "worker-1" in page.inner_text("main")
    page.fill("input[name=reason]", "rehearsal of the trap")
    override(page)
    page.click("#apply button.danger")
    page.wait_for_url("**/resets/**")
    assert "1 of 1 confirmed" in page.inner_text("main")
    world.put("proj", "store", 1, 3)
    worker.wait_for(lambda: len(worker.consumed) == 83)
    shows(page, "Overwritten")
    assert "worker-1" in row_of(page, 1)
    assert len(worker.consumed) == 83, "nothing was consumed again"


@pytest.fixture
def quiet_world(world: Any) -> Any:
    """The world before the product starts: everything consumed an hour ago."""
    for shard in SHARDS:
        world.set_checkpoint(*PLACE, shard, "end", updated=time.time() - 3600)
    return world


def test_everything_needed_at_3_am_works_without_javascript(
    quiet_world: Any, product: Product, browser: Any
) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    product.command("collect", "--once")
    sign_in(page, product)
    page.get_by_role("link", name="cg-0").first.click()
    assert "Caught up" in page.inner_text("#shard-0")
    page.goto(page.url + "reset/")
    page.check("input[name=shard][value='0']")
    page.check("input[name=to][value=earliest]")
    page.click("main form button.primary")
    page.fill("input[name=reason]", "no script")
    page.click("#apply button.danger")
    assert "1 of 1 confirmed" in page.inner_text("main"), page.inner_text("main")
    context.close()
