"""The list of regions shipped with the product; administrators may edit the rows."""

from __future__ import annotations

import csv
import re
from pathlib import Path
from typing import Any

from django.db import transaction

from checkpoints.domain.messages import Refusal, say
from checkpoints.models import Region
from checkpoints.services import audit
from checkpoints.services.audit import Actor

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


REGION_ID = re.compile(r"[a-z0-9][a-z0-9-]{1,62}")


def shipped() -> list[dict[str, str]]:
    """Return the shipped rows, keyed by the fields of Region."""
    with SHIPPED.open(encoding="utf-8", newline="") as file:
        return [{field: row[column] for column, field in COLUMNS.items()} for row in csv.DictReader(file)]


def seed(model: Any = Region) -> None:
    """Add the shipped regions that are missing; rows that exist stay as an administrator left them.

    `model` is Region, or its historical form inside a migration.
    """
    model._default_manager.bulk_create([model(**row) for row in shipped()], ignore_conflicts=True)


@transaction.atomic
def keep(region_id: str, *, actor: Actor, **changes: str) -> Region:
    """Add a region or change the given fields of one, audited; raises Refusal for what cannot be stored."""
    if not REGION_ID.fullmatch(region_id):
        raise Refusal(say("A region ID has lower-case letters, digits and hyphens, like cn-hangzhou."))
    for field, value in changes.items():
        if len(value) > 64 or not value.isprintable():
            raise Refusal(say("%(field)s is too long or contains control characters.", field=field))
    region, added = Region.objects.get_or_create(id=region_id, defaults={"status": "live"})
    before = None if added else {field: getattr(region, field) for field in changes}
    for field, value in changes.items():
        setattr(region, field, value)
    region.save()
    audit.record("region.edited", actor=actor, object_id=region_id, before=before, after=dict(changes))
    return region
