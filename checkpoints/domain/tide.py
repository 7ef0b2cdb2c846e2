"""Geometry of the bar that shows what a shard retains, what was read and what was not, true to scale."""

from __future__ import annotations

from dataclasses import dataclass

from checkpoints.domain.messages import Message, say

_MARGIN = 2.0
_LOST = 3.0


@dataclass(frozen=True)
class Tide:
    """Pixels, rounded to a tenth: the retained range, the unread part, the checkpoint and a target.

    `at_x` is None when no checkpoint lies in sight, `to_x` when there is no target; `lost_w` is 0 or a small
    mark left of the bar for log groups that were deleted unread.
    """

    kept_x: float
    kept_w: float
    unread_x: float
    unread_w: float
    at_x: float | None
    lost_w: float
    to_x: float | None
    title: Message
    width: int


def tide(
    begin: int | None,
    end: int | None,
    position: int | None,
    *,
    lost: int | None = 0,
    to: int | None = None,
    width: int = 190,
) -> Tide | None:
    """Return the bar of one shard, or None when the shard holds nothing or its range is not known."""
    if begin is None or end is None or begin >= end:
        return None
    kept = width - 2 * _MARGIN
    shown = position if position is not None and position <= end else None

    def x_of(place: int) -> float:
        inside = min(max(place, begin), end)
        return round(_MARGIN + kept * (inside - begin) / (end - begin), 1)

    at = None if shown is None else x_of(shown)
    unread_x = width - _MARGIN if at is None else at
    return Tide(
        kept_x=_MARGIN,
        kept_w=round(kept, 1),
        unread_x=unread_x,
        unread_w=round(width - _MARGIN - unread_x, 1),
        at_x=at,
        lost_w=_LOST if lost or (shown is not None and shown < begin) else 0.0,
        to_x=None if to is None else x_of(to),
        title=_title(begin, end, shown),
        width=width,
    )


def _title(begin: int, end: int, position: int | None) -> Message:
    if position is None:
        return say("%(kept)d log groups retained, no checkpoint among them", kept=end - begin)
    first = max(position, begin)
    return say(
        "%(kept)d log groups retained, %(read)d before the checkpoint, %(unread)d unread",
        kept=end - begin,
        read=first - begin,
        unread=end - first,
    )
