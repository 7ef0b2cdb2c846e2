"""A setting that the service tells otherwise than before is recorded, by name, for each group it is about."""

from __future__ import annotations

from typing import Any

import pytest

from checkpoints.models import AuditRow
from checkpoints.services import group_changes
from tests.views.lagging import group, store

pytestmark = pytest.mark.django_db


def changes() -> list[tuple[str, Any, Any]]:
    found = AuditRow.objects.filter(action="group.changed").order_by("seq")
    return list(found.values_list("consumer_group", "before", "after"))


def test_only_what_differs_is_recorded():
    made = group(in_order=False, timeout_seconds=60)
    group_changes.note(made, {"in_order": False, "timeout_seconds": 30})
    assert changes() == [("cg", {"timeout_seconds": 60}, {"timeout_seconds": 30})]


def test_a_setting_known_for_the_first_time_is_no_change():
    group_changes.note(group(timeout_seconds=None), {"timeout_seconds": 30})
    assert changes() == []


def test_the_order_is_recorded_too():
    group_changes.note(group(in_order=False), {"in_order": True})
    assert changes() == [("cg", {"in_order": False}, {"in_order": True})]


def test_another_retention_is_recorded_for_every_group_of_the_logstore():
    ours, other = store(days=30), store(logstore="other", days=7)
    for name, at in (("a", ours), ("b", ours), ("c", other)):
        group(name, at=at)
    ours.retention_days = 3
    group_changes.note_retentions([ours, other])
    expected = ({"retention_days": 30}, {"retention_days": 3})
    assert changes() == [("a", *expected), ("b", *expected)]


def test_a_retention_that_was_or_is_not_known_is_no_change():
    first, lost = store(days=30), store(logstore="other", days=7)
    group("a", at=first)
    type(first).objects.filter(pk=first.pk).update(retention_days=None)
    lost.retention_days = None
    group_changes.note_retentions([first, lost])
    assert changes() == []
