"""What each condition of a rule means, and the rule one would begin with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from checkpoints.domain.conditions import Condition
from checkpoints.models import AlertRule

Severity = AlertRule.Severity


@dataclass(frozen=True)
class Suggestion:
    """A condition in a sentence, and a rule with a sensible limit; its limit is "" where there is none."""

    condition: Condition
    meaning: str | Promise
    name: str | Promise
    limit: str
    samples: int
    severity: Severity

    @property
    def label(self) -> str:
        """The condition as a rule shows it."""
        return str(AlertRule.Condition(self.condition).label)

    @property
    def fields(self) -> dict[str, str]:
        """What the form of a rule takes: every group, all endpoints, and nobody is told yet."""
        return {
            "name": str(self.name),
            "pattern": "*",
            "condition": self.condition.value,
            "limit": self.limit,
            "samples": str(self.samples),
            "severity": self.severity.value,
            "enabled": "on",
        }


SUGGESTIONS = (
    Suggestion(
        Condition.DATA_LOSS,
        _("The oldest unread log group is deleted within this time, or some were already."),
        _("Data expires unread within a day"), "1d", 2, Severity.CRITICAL,
    ),
    Suggestion(
        Condition.STALLED,
        _("Log groups arrive, but the checkpoint of some shard does not move."),
        _("Stalled or stopped"), "", 2, Severity.CRITICAL,
    ),
    Suggestion(
        Condition.OVERWRITTEN,
        _("A consumer wrote its old place back over a reset; seen within this time."),
        _("A reset was overwritten"), "1d", 1, Severity.CRITICAL,
    ),
    Suggestion(
        Condition.FOREIGN_MOVE,
        _("A checkpoint went back or jumped, and no reset from here did it."),
        _("Somebody else moved a checkpoint"), "", 1, Severity.WARNING,
    ),
    Suggestion(
        Condition.LAG,
        _("The slowest shard is further behind than this."),
        _("Lag over 10 minutes"), "10m", 3, Severity.WARNING,
    ),
    Suggestion(
        Condition.UNREAD,
        _("The oldest log group that was not consumed yet is older than this."),
        _("Unread for over 30 minutes"), "30m", 3, Severity.WARNING,
    ),
    Suggestion(
        Condition.NO_READING,
        _("The group could not be read for longer than this, so nothing is known of it."),
        _("No reading for 15 minutes"), "15m", 2, Severity.WARNING,
    ),
    Suggestion(
        Condition.BACKLOG,
        _("More log groups than this are unread, all shards together."),
        _("Backlog over 100,000 log groups"), "100000", 3, Severity.INFO,
    ),
)  # fmt: skip
"""One for each condition, the worst first."""


def missing(rules: Iterable[AlertRule]) -> list[Suggestion]:
    """Return the suggestions for what no rule looks for yet."""
    looked_for = {rule.condition for rule in rules}
    return [one for one in SUGGESTIONS if one.condition not in looked_for]


def initial(condition: str) -> dict[str, str]:
    """Return how the form of a new rule is filled in for a condition, {} for one that does not exist."""
    return next((one.fields for one in SUGGESTIONS if one.condition == condition), {})
