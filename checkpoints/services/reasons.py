"""Why something is done, in words that the audit keeps."""

from __future__ import annotations

from checkpoints.domain.messages import say
from checkpoints.services.refusals import BadReason

LONGEST_REASON, LONGEST_TICKET = 500, 100


def check(reason: str, ticket: str, *, required: bool) -> None:
    """Raise BadReason for a reason that is missing though required, and for words that cannot be kept."""
    if required and not reason:
        raise BadReason(say("Say why: the reason is kept in the audit."))
    for text, limit in ((reason, LONGEST_REASON), (ticket, LONGEST_TICKET)):
        if len(text) > limit:
            raise BadReason(say("This is longer than %(limit)d characters.", limit=limit))
        if any(not char.isprintable() for char in text):
            raise BadReason(say("This holds control characters."))
