"""How a request for approval stands just now."""

from __future__ import annotations

from django import template
from django.utils import timezone

from checkpoints.models import Approval
from checkpoints.queries import approvals as queries

register = template.Library()


@register.filter
def standing(approval: Approval) -> str:
    """Return "asked", "approved", "denied", "applied" or "expired"; {% badge "outcome" ... %} shows it."""
    return queries.standing(approval, now=timezone.now())
