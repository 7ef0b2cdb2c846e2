"""Stores many rows with few statements."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

from django.db.models import Model

Row = TypeVar("Row", bound=Model)


def update(rows: Sequence[Row], fields: Sequence[str]) -> None:
    """Store fields of rows that exist, each with its own values: an insert that updates on conflict."""
    if rows:
        key = rows[0]._meta.pk
        assert key is not None  # noqa: S101 -- every model that is stored has one
        type(rows[0])._default_manager.bulk_create(
            rows, batch_size=500, update_conflicts=True, unique_fields=[key.name], update_fields=fields
        )
