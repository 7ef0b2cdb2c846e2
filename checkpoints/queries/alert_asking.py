"""What the address of the list of alerts asks for, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from checkpoints.domain.alerting import State
from checkpoints.models import AlertRule


@dataclass(frozen=True)
class Asked:
    """What the address asks for; anything it does not know is left out rather than refused.

    Without a state it asks for all that is not resolved; `rule` is the name of one.
    """

    text: str = ""
    state: str = ""
    severity: str = ""
    rule: str = ""
    page: int = 1

    def address(self, **changes: object) -> str:
        """Return the query of the same list with changes; empty values are left out."""
        values = {
            "q": self.text, "state": self.state, "severity": self.severity, "rule": self.rule, "page": 1,
        }  # fmt: skip
        kept = {
            name: value
            for name, value in (values | changes).items()
            if value and (name, value) != ("page", 1)
        }
        return "?" + urlencode(kept)

    @property
    def is_filtered(self) -> bool:
        return bool(self.state) or self.is_narrowed

    @property
    def is_narrowed(self) -> bool:
        """Whether some alerts are left out whatever their state."""
        return bool(self.text or self.severity or self.rule)


def ask(values: Mapping[str, str]) -> Asked:
    """Read the address."""
    state, severity, page = values.get("state", ""), values.get("severity", ""), values.get("page", "")
    return Asked(
        text=values.get("q", "").strip()[:200],
        state=state if state in set(State) else "",
        severity=severity if severity in AlertRule.Severity.values else "",
        rule=values.get("rule", "")[:80],
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
    )
