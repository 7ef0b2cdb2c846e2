"""The audit log for use outside: filtered rows, CSV without formulas, JSON lines with the chain."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from checkpoints.domain import sheets
from checkpoints.models import AuditRow
from checkpoints.services import audit
from checkpoints.services.audit import Actor

COLUMNS = [field.attname for field in AuditRow._meta.concrete_fields]


def rows(*, group: str = "", action: str = "", limit: int | None = None) -> list[dict[str, Any]]:
    """Return the newest rows that fit, newest first, as plain JSON values."""
    wanted = {"consumer_group": group, "action": action}
    found = AuditRow.objects.filter(**{name: text for name, text in wanted.items() if text})
    return [audit.as_dict(row) for row in found.order_by("-seq")[:limit]]


def export(form: str, *, actor: Actor) -> Iterator[str]:
    """Return the whole log as lines of "csv" or "jsonl", oldest first, its last row tells of this export."""
    with transaction.atomic():
        last = audit.record("audit.exported", actor=actor, outcome="done", details={"format": form})
    found: QuerySet[AuditRow] = AuditRow.objects.filter(seq__lte=last.seq).order_by("seq")
    plain = (audit.as_dict(row) for row in found.iterator(chunk_size=2000))
    return as_csv(plain) if form == "csv" else as_jsonl(plain)


def as_jsonl(plain: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield one JSON object a line, with the chain, so that audit_chain.py can check it."""
    return (json.dumps(row, ensure_ascii=False, sort_keys=True) + "\n" for row in plain)


def as_csv(plain: Iterable[dict[str, Any]]) -> Iterator[str]:
    """Yield CSV lines; a cell that a spreadsheet would run as a formula begins with an apostrophe."""
    yield sheets.line(COLUMNS)
    for row in plain:
        yield sheets.line(row[column] for column in COLUMNS)
