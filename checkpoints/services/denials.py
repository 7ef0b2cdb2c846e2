"""Writes down what signed-in users were not allowed to do."""

from django.db import transaction

from checkpoints.services import audit


@transaction.atomic
def record(method: str, path: str, *, actor: audit.Actor) -> None:
    """Record that the actor asked for a page or an action and was refused."""
    audit.record(
        "access.denied", actor=actor, outcome="refused", details={"method": method, "path": path[:500]}
    )
