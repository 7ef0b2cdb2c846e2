"""Drops what nobody needs any more of sessions and sign-ins; history and notices are pruned by their own."""

from __future__ import annotations

from datetime import datetime, timedelta

from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib.sessions.models import Session

KEPT = timedelta(days=30)
"""How long attempts to sign in are kept; one that locks somebody out does so for minutes."""


def prune(now: datetime) -> None:
    """Delete sessions that have expired and attempts to sign in of long ago."""
    Session.objects.filter(expire_date__lt=now).delete()
    for model in (AccessAttempt, AccessFailureLog, AccessLog):
        model.objects.filter(attempt_time__lt=now - KEPT).delete()
