"""What the address of the overview asks for, and how it is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlencode

from django.db.models import F
from django.db.models.expressions import OrderBy

from checkpoints.domain.messages import say
from checkpoints.domain.verdicts import Verdict


def _by(column: str, *, down: bool) -> OrderBy:
    """Order by a column; what is not known comes last both ways."""
    return F(column).desc(nulls_last=True) if down else F(column).asc(nulls_last=True)


_FIRST_DOWN = {
    "lag": ("lag_seconds", True),
    "unread": ("oldest_unread_at", False),
    "backlog": ("backlog", True),
    "loss": ("data_loss_at", False),
    "commit": ("last_commit_at", True),
}
ORDERS: dict[str, list[str | OrderBy]] = {
    "worst": ["severity", _by("lag_seconds", down=True), "pk"],
    "-worst": ["-severity", F("lag_seconds").asc(nulls_first=True), "-pk"],
    "name": ["name", "pk"],
    "-name": ["-name", "-pk"],
}
ORDERS |= {order: [_by(column, down=down), "pk"] for order, (column, down) in _FIRST_DOWN.items()}
ORDERS |= {f"-{order}": [_by(column, down=not down), "-pk"] for order, (column, down) in _FIRST_DOWN.items()}
"""Each the index of models.catalog, and the other way with a minus: the same index read from its end."""
WORDS = {
    "lag": say("Lag"),
    "unread": say("Unread age"),
    "backlog": say("Backlog"),
    "trend": say("Lag, 6 h"),
    "eta": say("Caught up in"),
    "loss": say("Data loss in"),
    "consumers": say("Consumers"),
    "commit": say("Last commit"),
    "read": say("Read"),
}
"""The columns that can be left out, in the order of the table; name and verdict always stand there."""
COLUMNS = tuple(WORDS)


@dataclass(frozen=True)
class Asked:
    """What the address asks for; anything it does not know is left out rather than refused."""

    text: str
    verdict: str
    endpoint: str
    label: str
    order: str
    cols: tuple[str, ...]
    page: int

    def address(self, **changes: object) -> str:
        """Return the query of the same view with changes; empty values are left out."""
        values = {
            "q": self.text, "verdict": self.verdict, "endpoint": self.endpoint, "label": self.label,
            "order": self.order, "cols": ",".join(self.cols), "page": 1,
        } | changes  # fmt: skip
        kept = {name: value for name, value in values.items() if value and (name, value) not in DEFAULTS}
        return "?" + urlencode(kept)

    def turned(self, order: str) -> str:
        """Return the order that a click on a head asks for: its own, or the other way round."""
        return f"-{order}" if order == self.order else order

    @property
    def is_filtered(self) -> bool:
        return bool(self.text or self.verdict or self.endpoint or self.label)

    @property
    def unfiltered(self) -> str:
        """The query of the same columns in the same order, without any filter."""
        return self.address(q="", verdict="", endpoint="", label="").rstrip("?")

    @property
    def query(self) -> str:
        """The whole view as it is kept under a name: all but the page."""
        return self.address()[1:]

    @property
    def chosen_cols(self) -> str:
        """The columns for a form, nothing when they are the usual ones."""
        return "" if self.cols == COLUMNS else ",".join(self.cols)


DEFAULTS = {("order", "worst"), ("page", 1), ("cols", ",".join(COLUMNS))}


def ask(values: Mapping[str, str]) -> Asked:
    """Read the address; `cols` is a list with commas."""
    verdict, order, page = values.get("verdict", ""), values.get("order", ""), values.get("page", "1")
    wanted = values.get("cols", "").split(",")
    return Asked(
        text=values.get("q", "").strip()[:200],
        verdict=verdict if verdict in set(Verdict) else "",
        endpoint=values.get("endpoint", "")[:80],
        label=values.get("label", "")[:40],
        order=order if order in ORDERS else "worst",
        cols=tuple(name for name in COLUMNS if name in wanted) or COLUMNS,
        page=int(page) if page.isascii() and page.isdigit() and len(page) < 7 else 1,
    )
