"""Rules for groups as pages show them; only selects."""

from __future__ import annotations

from dataclasses import dataclass

from checkpoints.domain import protection
from checkpoints.models import GroupRule
from checkpoints.queries import living

NAMED = 5
"""Groups that are named beside a rule; more are only counted."""


@dataclass(frozen=True)
class RuleRow:
    """A rule with the known groups it matches: how many, and a few of them as project/logstore/group."""

    rule: GroupRule
    matched: int
    examples: list[str]


def listing() -> list[RuleRow]:
    """Return all rules by pattern, each with the groups it matches of those that are still there."""
    groups = _groups()
    return [_row(rule, groups) for rule in GroupRule.objects.select_related("endpoint")]


def _row(rule: GroupRule, groups: list[tuple[object, str, str, str]]) -> RuleRow:
    found = [
        f"{project}/{logstore}/{group}"
        for endpoint, project, logstore, group in groups
        if rule.endpoint_id in {None, endpoint}
        and protection.matches(rule.pattern, project=project, logstore=logstore, group=group)
    ]
    return RuleRow(rule, len(found), found[:NAMED])


def _groups() -> list[tuple[object, str, str, str]]:
    """Return endpoint ID, project, Logstore and name of every group that is still there."""
    names = ("logstore__project__name", "logstore__name", "name")
    return list(living.there().order_by(*names).values_list("logstore__project__endpoint_id", *names))
