"""Where the words of a verdict begin."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import timedelta

LESS = 2 / 3
"""What was late stays late until it is below this part of the limit, or a word would flap at the limit."""


@dataclass(frozen=True)
class Thresholds:
    """The limits of the verdicts; services take them from the settings (docs/settings.md).

    `late`: the unread age from which a shard counts as behind. `window`: how far back a trend looks.
    `min_samples`: how many readings a trend needs. `flush`: the longest any client waits before it saves.
    `patience`: how long a consumer whose habits are not known may save nothing. `idle`: after how long
    without anything new a group that has read everything is idle. Data loss is near below `loss_share` of
    the retention or below `loss_floor`.
    """

    late: timedelta = timedelta(seconds=300)
    window: timedelta = timedelta(minutes=15)
    min_samples: int = 3
    flush: timedelta = timedelta(seconds=60)
    patience: timedelta = timedelta(minutes=30)
    idle: timedelta = timedelta(hours=1)
    loss_share: float = 0.1
    loss_floor: timedelta = timedelta(hours=6)

    def silence(self, group_timeout: timedelta) -> timedelta:
        """Return how long a consumer that saves often may save nothing before that means something."""
        return min(max(2 * group_timeout, 3 * self.flush), max(self.patience, 3 * self.flush))

    @property
    def apart(self) -> timedelta:
        """Return how long unread log groups wait between two visits of a consumer; less than `late`."""
        return self.late / 2

    def late_from(self, *, was_late: bool) -> timedelta:
        """Return from which unread age a shard is late, given whether its group was late before."""
        return self.late * (LESS if was_late else 1)

    def near_loss(self, retention: timedelta | None) -> timedelta:
        """Return below which time until data loss unread data is in danger."""
        return max((retention or timedelta(0)) * self.loss_share, self.loss_floor)

    def look_back(self, group_timeout: timedelta) -> timedelta:
        """Return how far back the samples of a verdict reach."""
        return max(self.window, 2 * self.silence(group_timeout))

    def for_readings_every(self, every: timedelta) -> Thresholds:
        """Return the same with a window that holds enough readings that are so far apart."""
        return replace(self, window=max(self.window, self.min_samples * every))
