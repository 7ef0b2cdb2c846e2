"""The pages of administrators and auditors as a screen reader and a phone see them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.browser.conftest import Product, sign_in

pytestmark = pytest.mark.browser
PAGES = {
    "admin": [
        "/alerts/",
        "/alerts/1/",
        "/alerts/rules/",
        "/alerts/rules/add/",
        "/alerts/channels/",
        "/alerts/channels/add/",
        "/endpoints/",
        "/endpoints/add/",
        "/rules/",
    ],
    "auditor": ["/audit/"],
}
STORE = """
from django.utils import timezone
from checkpoints.models import *
channel = Channel.objects.create(name="ops", kind="slack", place="https://hooks.slack.com")
rule = AlertRule.objects.create(name="slow", pattern="*", condition="lag", limit=60, severity="critical")
rule.channels.add(channel)
now = timezone.now()
words = {"text": "The lag is %(value)s, the limit %(limit)s.", "values": {"value": "2h", "limit": "1m"}}
group = ConsumerGroup.objects.get()
known = dict(since=now, sampled_at=now, events=1, words=words)
alert = Alert.objects.create(rule=rule, group=group, state="firing", **known)
body = {"rule": "slow", "event": "fired", "consumer_group": group.name}
problem = {"text": "The channel answered with status %(status)d.", "values": {"status": 500}}
for number in range(2):
    Notice.objects.create(alert=alert, number=number, channel=channel, body=body, made_at=now, due_at=now,
                          attempts=number, problem=problem if number else None)
refused = {"code": "Unauthorized", "message": words, "advice": words, "request_id": "REQ"}
Logstore.objects.update(problem=refused)
"""


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390), ("light", 1024)])
def test_axe_finds_nothing_and_nothing_scrolls_sideways(
    scheme: Any, width: int, product: Product, browser: Any
) -> None:
    from axe_playwright_python.sync_playwright import Axe

    assert product.command("collect", "--once").returncode == 0
    done = product.command("shell", "-c", STORE)
    assert done.returncode == 0, done.stderr
    found = {}
    for role, paths in PAGES.items():
        context = browser.new_context(
            color_scheme=scheme, viewport={"width": width, "height": 900}, bypass_csp=True, locale="en-US"
        )
        page = context.new_page()
        sign_in(page, product, role)
        for path in paths:
            page.goto(product.address + path)
            violations = Axe().run(page).response["violations"]
            words = [f"{one['id']}: {one['nodes'][0]['html'][:90]}" for one in violations]
            found[path] = words, page.evaluate("document.documentElement.scrollWidth")
        context.close()
    assert found == dict.fromkeys([path for paths in PAGES.values() for path in paths], ([], width))
