"""The background work of alerts: looked at and told by the task of a minute."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings as site
from django.utils import timezone

from checkpoints import tasks
from checkpoints.models import Notice
from checkpoints.services import alerts
from tests.services import alerting as the

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def queue() -> Iterator[Any]:
    site.HUEY.flush()
    yield site.HUEY
    site.HUEY.flush()


def test_a_minute_looks_at_the_rules_and_has_what_is_to_be_told_sent(settings: Any, queue: Any) -> None:
    settings.ALERT_ALLOWED_HOSTS = ("127.0.0.1",)
    with the.listening() as heard:
        the.rule(the.channel(heard.url))
        the.group(read_at=timezone.now(), lag_seconds=3600.0, backlog=9)
        tasks.look_for_alerts.call_local()
        assert [task.name for task in queue.pending()] == ["send_notices"]
        assert Notice.objects.get().state == "waiting"
        tasks.send_notices.call_local()
    assert len(heard) == 1
    assert Notice.objects.get().state == "sent"


def test_what_waits_is_sent_even_if_the_rules_cannot_be_looked_at(queue: Any, monkeypatch: Any) -> None:
    def broken(now: Any) -> None:
        raise ZeroDivisionError

    monkeypatch.setattr(tasks.alerts, "evaluate", broken)
    with pytest.raises(ZeroDivisionError):
        tasks.look_for_alerts.call_local()
    assert [task.name for task in queue.pending()] == ["send_notices"]


def test_sending_goes_on_while_anything_goes_out(settings: Any, queue: Any) -> None:
    settings.ALERT_ALLOWED_HOSTS = ("127.0.0.1",)
    with the.listening() as heard:
        the.rule(the.channel(heard.url))
        the.group(read_at=timezone.now(), lag_seconds=3600.0, backlog=9)
        alerts.evaluate(timezone.now())
        tasks.send_notices.call_local()
        assert [task.name for task in queue.pending()] == ["send_notices"]
        queue.flush()
        tasks.send_notices.call_local()
    assert (len(heard), queue.pending()) == (1, [])
