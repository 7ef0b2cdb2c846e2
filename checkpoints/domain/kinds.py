"""The kinds of targets: each says where a shard's checkpoint should go, as a plain value."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

MARGIN = timedelta(minutes=5)
"""How much earlier than the slowest shard of another Logstore a group starts, when nobody says otherwise."""


@dataclass(frozen=True)
class Keep:
    """Where it is: the shard is left out of the plan."""


@dataclass(frozen=True)
class Earliest:
    """The oldest log group still retained."""


@dataclass(frozen=True)
class Latest:
    """After the newest log group."""


@dataclass(frozen=True)
class At:
    """The first log group received at or after `when` (aware, UTC)."""

    when: datetime


@dataclass(frozen=True)
class Shift:
    """A distance in time from where the checkpoint is now; negative goes back."""

    delta: timedelta


@dataclass(frozen=True)
class Groups:
    """A distance in log groups from where the checkpoint is now; negative goes back."""

    count: int


@dataclass(frozen=True)
class Exact:
    """One cursor, for one shard."""

    cursor: str
    position: int


@dataclass(frozen=True)
class FromGroup:
    """The checkpoints of another group.

    "" stands for the Logstore, project or endpoint of the group that is reset. Cursors are copied within one
    Logstore; between Logstores, or when a margin is given, the time is carried over.
    """

    name: str
    logstore: str = ""
    project: str = ""
    endpoint: str = ""
    margin: timedelta | None = None

    @property
    def place(self) -> str:
        """Return the name with what it belongs to, as far as that was given."""
        return "/".join(filter(None, (self.endpoint, self.project, self.logstore, self.name)))


@dataclass(frozen=True)
class FromFile:
    """A CSV file with the columns shard and cursor."""

    path: str


@dataclass(frozen=True)
class FromSnapshot:
    """The checkpoints kept in a snapshot; by time with a margin, or when it is of another Logstore."""

    id: str
    margin: timedelta | None = None


@dataclass(frozen=True)
class Undo:
    """The checkpoints from before an earlier reset."""

    reset_id: str


@dataclass(frozen=True)
class Rest:
    """What an earlier reset planned and did not attempt."""

    reset_id: str


Target = (
    Keep | Earliest | Latest | At | Shift | Groups | Exact | FromGroup | FromFile | FromSnapshot | Undo | Rest
)
