"""The limits of the verdicts as set for this installation."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings

from checkpoints.domain.thresholds import Thresholds


def thresholds() -> Thresholds:
    """Return the limits (docs/settings.md)."""
    return Thresholds(
        late=timedelta(seconds=settings.VERDICT_LATE),
        window=timedelta(seconds=settings.VERDICT_WINDOW),
        min_samples=settings.VERDICT_READINGS,
        flush=timedelta(seconds=settings.VERDICT_FLUSH),
        patience=timedelta(seconds=settings.VERDICT_PATIENCE),
        idle=timedelta(seconds=settings.VERDICT_IDLE),
        loss_share=settings.VERDICT_LOSS_PERCENT / 100,
        loss_floor=timedelta(hours=settings.VERDICT_LOSS_HOURS),
    )
