"""Rules for groups: what holds for a group, what may be stored, and that each change is audited."""

from __future__ import annotations

from importlib import import_module

import pytest
from django.apps import apps

from checkpoints.models import AuditRow, ConsumerGroup, Endpoint, GroupRule, Logstore, Project
from checkpoints.queries import group_rules as queries
from checkpoints.services import group_rules
from checkpoints.services.audit import SYSTEM
from checkpoints.services.endpoint_fields import Invalid

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def no_seeded_rules(db):
    GroupRule.objects.all().delete()


def make_group(endpoint="prod", protection="none", name="orders-eu"):
    found = Endpoint.objects.create(name=endpoint, host=f"{endpoint}.example:1", protection=protection)
    project = Project.objects.create(endpoint=found, name="pay")
    logstore = Logstore.objects.create(project=project, name="store")
    return ConsumerGroup.objects.create(logstore=logstore, name=name)


def rule(pattern, protection="none", **more):
    return GroupRule.objects.create(pattern=pattern, protection=protection, **more)


def words(group):
    return [str(source) for source in group_rules.rules_of(group).sources]


def test_without_rules_the_endpoint_counts():
    group = make_group(protection="reason")
    found = group_rules.rules_of(group)
    assert (found.protection, found.service_owned) == ("reason", False)
    assert words(group) == ["The endpoint prod wants a reason."]


def test_nothing_protects_and_nothing_says_so():
    group = make_group()
    rule("other-*", "read-only")
    assert (group_rules.rules_of(group).protection, words(group)) == ("none", [])


def test_the_strictest_of_endpoint_and_matching_rules_counts_and_is_named():
    group = make_group(protection="reason")
    rule("orders-*", "two-person")
    rule("pay/*", "two-person")
    rule("*", "none", service_owned=True)
    rule("Orders-*", "read-only")
    found = group_rules.rules_of(group)
    assert (found.protection, found.service_owned) == ("two-person", True)
    assert words(group) == [
        "The rule orders-* wants the approval of a second person.",
        "The rule pay/* wants the approval of a second person.",
        "The rule * says that the service owns this group.",
    ]


def test_a_rule_never_weakens_the_endpoint():
    group = make_group(protection="read-only")
    rule("*", "reason")
    assert words(group) == ["The endpoint prod is read-only."]


def test_a_rule_of_another_endpoint_does_not_count():
    group, other = make_group(), make_group("test")
    rule("*", "two-person", endpoint=other.endpoint)
    assert group_rules.rules_of(group).protection == "none"
    assert group_rules.rules_of(other).protection == "two-person"


def test_an_unknown_protection_is_read_only_and_says_so():
    group = make_group(protection="reason")
    rule("*", "four-person")
    assert group_rules.rules_of(group).protection == "read-only"
    assert words(group) == ["The protection of the rule * is not known: it counts as read-only."]
    Endpoint.objects.update(protection="")
    assert "The protection of the endpoint prod is not known: it counts as read-only." in words(group)


def test_the_protection_is_read_afresh():
    group = make_group()
    assert group.endpoint.protection == "none"
    Endpoint.objects.update(protection="read-only")
    assert group_rules.rules_of(group).protection == "read-only"


def wanted(**changes):
    fields = {"endpoint": None, "pattern": "pay-*", "protection": "two-person", "service_owned": False}
    return group_rules.Fields(**(fields | changes))


def audited(action):
    row = AuditRow.objects.get(action=action)
    return row.before, row.after


def test_adding_changing_and_removing_are_audited_with_before_and_after(now):
    endpoint = make_group().endpoint
    added = group_rules.add(wanted(endpoint=endpoint, pattern=" pay-* "), actor=SYSTEM, now=now)
    first = {
        "endpoint": "prod",
        "pattern": "pay-*",
        "protection": "two-person",
        "service_owned": False,
        "note": "",
    }
    assert audited("group_rule.added") == (None, first)
    group_rules.edit(added, wanted(protection="reason", note="weaker"), actor=SYSTEM, now=now)
    second = first | {"endpoint": None, "protection": "reason", "note": "weaker"}
    assert audited("group_rule.changed") == (first, second)
    group_rules.remove(added, actor=SYSTEM, now=now)
    assert audited("group_rule.removed") == (second, None)
    assert not GroupRule.objects.exists()


@pytest.mark.parametrize(
    ("changes", "field", "sentence"),
    [
        ({"pattern": ""}, "pattern", "Write a pattern"),
        ({"pattern": "a["}, "pattern", "needs its ]"),
        ({"protection": "four-person"}, "protection", "values offered"),
        ({"protection": "none"}, "protection", "would change nothing"),
        ({"note": "x" * 256}, "note", "at most 255"),
        ({"note": "two\nlines"}, "note", "one line"),
        ({"pattern": "twice-*"}, "pattern", "with this pattern already"),
    ],
)
def test_what_makes_no_rule_is_refused_with_a_sentence_and_nothing_is_stored(changes, field, sentence, now):
    rule("twice-*", "reason")
    with pytest.raises(Invalid) as refused:
        group_rules.add(wanted(**changes), actor=SYSTEM, now=now)
    assert sentence in str(refused.value.errors[field])
    assert (GroupRule.objects.count(), AuditRow.objects.count()) == (1, 0)


def test_the_same_pattern_may_hold_for_one_endpoint_and_for_all(now):
    endpoint = make_group().endpoint
    kept = group_rules.add(wanted(), actor=SYSTEM, now=now)
    group_rules.add(wanted(endpoint=endpoint), actor=SYSTEM, now=now)
    group_rules.edit(kept, wanted(note="its own pattern is free"), actor=SYSTEM, now=now)
    assert GroupRule.objects.count() == 2


def test_a_rule_that_somebody_removed_is_not_brought_back(now):
    gone = rule("pay-*", "reason")
    GroupRule.objects.all().delete()
    with pytest.raises(Invalid):
        group_rules.edit(gone, wanted(), actor=SYSTEM, now=now)
    group_rules.remove(gone, actor=SYSTEM, now=now)
    assert (GroupRule.objects.count(), AuditRow.objects.count()) == (0, 0)


def test_the_list_counts_the_groups_that_are_still_there(now):
    group = make_group()
    for number in range(7):
        ConsumerGroup.objects.create(logstore=group.logstore, name=f"orders-{number}")
    ConsumerGroup.objects.create(logstore=group.logstore, name="orders-gone", vanished_at=now)
    make_group("test", name="orders-us")
    rule("orders-*", "reason")
    rule("orders-[eu]*", "reason", endpoint=group.endpoint)
    rule("x", "reason")
    few, many, none = queries.listing()[1], queries.listing()[0], queries.listing()[2]
    assert (many.matched, len(many.examples), many.examples[0]) == (9, 5, "pay/store/orders-0")
    assert (few.matched, few.examples) == (1, ["pay/store/orders-eu"])
    assert (none.matched, none.examples) == (0, [])


def test_the_migration_seeds_service_owned_patterns_and_keeps_what_was_edited():
    seed = import_module("checkpoints.migrations.0004_service_owned_patterns").seed
    seed(apps, None)
    GroupRule.objects.filter(pattern="etl-*").update(protection="read-only")
    seed(apps, None)
    seeded = GroupRule.objects.get(pattern="etl-*")
    assert (seeded.endpoint, seeded.protection, seeded.service_owned) == (None, "read-only", True)
    assert "guess" in seeded.note
    assert group_rules.rules_of(make_group(name="etl-1740472705-185721")).service_owned
