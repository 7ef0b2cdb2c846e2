"""The settings of a group as the service tells them: a change of one is recorded when it is seen."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from checkpoints.models import ConsumerGroup, Logstore
from checkpoints.services import audit
from checkpoints.services.audit import SYSTEM

ACTION = "group.changed"
SETTINGS = ("in_order", "timeout_seconds")


def note(group: ConsumerGroup, values: Mapping[str, Any]) -> None:
    """Record which settings of a stored group differ from what was just read, before they are taken over."""
    before = {name: getattr(group, name) for name in SETTINGS if name in values}
    after = {name: values[name] for name in before}
    _record(group, before, after)


def note_retentions(logstores: Iterable[Logstore]) -> None:
    """Record for the groups of Logstores, not saved yet, that data is now kept for another number of days."""
    read = {store.pk: store.retention_days for store in logstores if store.retention_days is not None}
    stored = dict(Logstore.objects.filter(pk__in=read).values_list("pk", "retention_days"))
    changed = [pk for pk, days in stored.items() if days not in (None, read[pk])]
    if not changed:
        return
    groups = ConsumerGroup.objects.filter(logstore__in=changed, vanished_at=None)
    for group in groups.select_related("logstore__project__endpoint"):
        pk = group.logstore_id
        _record(group, {"retention_days": stored[pk]}, {"retention_days": read[pk]})


def _record(group: ConsumerGroup, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Record what changed; that a setting is known for the first time is no change."""
    changed = [name for name, value in before.items() if value is not None and value != after[name]]
    if changed:
        audit.record(
            ACTION,
            actor=SYSTEM,
            outcome="seen",
            group=group,
            before={name: before[name] for name in changed},
            after={name: after[name] for name in changed},
        )
