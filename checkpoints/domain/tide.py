"""Geometry of the bar that shows what a shard retains, what was read and what was not, true to scale."""

from __future__ import annotations

from dataclasses import dataclass

from checkpoints.domain.messages import Message, say

_MARGIN = 2.0
_LEAST_LOST = 8.0
_MOST_LOST = 0.4
"""What was lost takes no more of the bar than this part, or what is left could not be seen."""
_GAP = 2.0


@dataclass(frozen=True)
class Tide:
    """Pixels, rounded to a tenth: the retained range, the unread part, the checkpoint and a target.

    `at_x` is None when no checkpoint lies in sight, `to_x` when there is no target. Left of what is retained
    lies what was deleted unread: a piece that is `lost_w` wide, 0 for none, from the margin on; `lost_title`
    says what it is.
    """

    kept_x: float
    kept_w: float
    unread_x: float
    unread_w: float
    at_x: float | None
    lost_x: float
    lost_w: float
    lost_title: Message | None
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
    right, shown = width - _MARGIN, position if position is not None and position <= end else None
    lost = lost or (0 if shown is None else max(0, begin - shown))
    lost_w = _lost_width(lost, end - begin, width - 2 * _MARGIN)
    kept_x = round(_MARGIN + (lost_w + _GAP if lost_w else 0), 1)

    def x_of(place: int) -> float:
        inside = min(max(place, begin), end)
        return round(kept_x + (right - kept_x) * (inside - begin) / (end - begin), 1)

    unread_x = right if shown is None else x_of(shown)
    return Tide(
        kept_x=kept_x,
        kept_w=round(right - kept_x, 1),
        unread_x=unread_x,
        unread_w=round(right - unread_x, 1),
        at_x=None if shown is None else unread_x if shown >= begin else _MARGIN,
        lost_x=_MARGIN,
        lost_w=lost_w,
        lost_title=_lost_title(lost) if lost_w else None,
        to_x=None if to is None else x_of(to),
        title=_title(begin, end, shown),
        width=width,
    )


def _lost_title(lost: int) -> Message:
    return say("%(lost)d log groups lost: deleted before they were consumed", lost=lost)


def _lost_width(lost: int, kept: int, width: float) -> float:
    """Return the width of what was lost: true to scale beside what is kept, within its bounds."""
    if lost <= 0:
        return 0.0
    return round(min(max(_LEAST_LOST, width * lost / (lost + kept)), _MOST_LOST * width), 1)


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
