"""The list of regions shipped with the product; administrators may edit the rows."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

from checkpoints.models import Region

SHIPPED = Path(__file__).resolve().parent.parent / "data" / "regions.csv"
COLUMNS = {
    "region_id": "id",
    "name_en": "name_en",
    "name_zh": "name_zh",
    "public_endpoint": "public_host",
    "intranet_endpoint": "intranet_host",
    "vpc_internal_endpoint": "internal_host",
    "vpc_cidr": "vpc_cidr",
    "status": "status",
    "note": "note",
}


def shipped() -> list[dict[str, str]]:
    """Return the shipped rows, keyed by the fields of Region."""
    with SHIPPED.open(encoding="utf-8", newline="") as file:
        return [{field: row[column] for column, field in COLUMNS.items()} for row in csv.DictReader(file)]


def seed(model: Any = Region) -> None:
    """Add the shipped regions that are missing; rows that exist stay as an administrator left them.

    `model` is Region, or its historical form inside a migration.
    """
    model._default_manager.bulk_create([model(**row) for row in shipped()], ignore_conflicts=True)
