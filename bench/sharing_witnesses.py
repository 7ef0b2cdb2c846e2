"""Witnesses of what several processes did: an observer of the alerts, and what is stored in the end."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor

from bench import sharing_people, sharing_receiver
from bench.sharing_judge import Recorded, Standing, Told


@contextlib.contextmanager
def repeated(pause: float, act: Callable[[], None]) -> Iterator[None]:
    """Do something every so many seconds, in a thread of its own, until the block ends; raises its fault."""
    ended = threading.Event()

    def run() -> None:
        act()
        while not ended.wait(pause):
            act()

    with ThreadPoolExecutor(1) as pool:
        running = pool.submit(run)
        try:
            yield
        finally:
            ended.set()
        running.result()


class Observer:
    """Looks at the alerts in the database; `seen` has what differed from before, in order."""

    FIELDS = ("pk", "state", "events", "told_at", "acknowledged_at", "silenced_until")

    def __init__(self) -> None:
        self.seen: list[Standing] = []
        self._last: dict[int, Standing] = {}

    def look(self) -> None:
        """Look once."""
        from checkpoints.models import Alert

        for pk, state, events, *at in Alert.objects.values_list(*self.FIELDS):
            found = Standing(pk, state, events, *[one and one.timestamp() for one in at])
            if self._last.get(pk) != found:
                self._last[pk] = found
                self.seen.append(found)


def readings() -> list[tuple[str, float]]:
    """Return every stored reading: endpoint, Logstore and group, and when it was taken."""
    from checkpoints.models import Reading

    fields = ("group__logstore__project__endpoint__name", "group__logstore__name", "group__name", "taken_at")
    return [("/".join(names), at.timestamp()) for *names, at in Reading.objects.values_list(*fields)]


def notices() -> list[Told]:
    """Return every stored notice."""
    from django.utils import timezone

    from checkpoints.models import Notice
    from checkpoints.services import notice_text, posting

    now = timezone.now()
    told = []
    for row in Notice.objects.select_related("channel", "lead").prefetch_related("along", "lead__along"):
        lead = row.lead or row
        text = notice_text.text(lead.body, *[one.body for one in lead.along.all()])
        key = sharing_receiver.key_of(posting.payload(row.channel.kind, text, lead.body))
        together = "" if row.channel.kind == "webhook" else f"{row.body['rule']} {row.made_at.isoformat()}"
        waits = 0.0 if row.problem else (now - row.made_at).total_seconds()
        assert row.alert_id is not None
        told.append(
            Told(
                key, row.alert_id, row.number, row.channel.name, row.body["event"], row.state, waits, together
            )
        )
    return told


def alerts() -> dict[int, tuple[int, list[str]]]:
    """Return how many events each alert had, and the channels of its rule."""
    from checkpoints.models import Alert

    found = Alert.objects.select_related("rule").prefetch_related("rule__channels")
    return {row.pk: (row.events, [one.name for one in row.rule.channels.all()]) for row in found}


def audit() -> list[Recorded]:
    """Return what the audit says people did about alerts."""
    from checkpoints.models import AuditRow

    actions = [action for action, _ in sharing_people.ACTS.values()]
    rows = AuditRow.objects.filter(action__in=actions).order_by("seq")
    return [Recorded(int(pk), action) for pk, action in rows.values_list("object_id", "action")]


def flaws() -> list[str]:
    """Return what is wrong with the chain of the audit."""
    from checkpoints.services import audit as service

    return [str(flaw) for flaw in service.verify()]
