"""Reads for the endpoint pages."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from django.db.models import Count, OuterRef, Q, QuerySet, Subquery, Sum
from django.utils.translation import get_language

from checkpoints.models import Endpoint, HourlyCalls, Logstore, Project, Region

MOST_NAMED = 20
THERE = Q(projects__vanished_at=None)
GROUP_THERE = THERE & Q(projects__logstores__vanished_at=None, projects__logstores__groups__vanished_at=None)


@dataclass
class Unread:
    """What of an endpoint cannot be read: how many projects and Logstores; (place, problem) of the first."""

    projects: int = 0
    logstores: int = 0
    places: list[tuple[str, Any]] = field(default_factory=list)

    def name(self, place: str, problem: Any) -> None:
        """Remember why a place cannot be read, unless many are named already."""
        if len(self.places) < MOST_NAMED:
            self.places.append((place, problem))

    @property
    def unnamed(self) -> int:
        return self.projects + self.logstores - len(self.places)


def present() -> QuerySet[Endpoint]:
    """Return the endpoints that were not removed."""
    return Endpoint.objects.filter(removed_at=None)


def listing(*, now: datetime) -> QuerySet[Endpoint]:
    """Return the endpoints by name, each with `project_count` and `group_count` of what is still there.

    `calls_this_hour` and `calls_last_hour` are those of its credentials, whichever endpoints use them; None
    when none were counted.
    """
    hour = now.replace(minute=0, second=0, microsecond=0)
    return (
        present()
        .defer("sealed_secret", "sealed_token")
        .annotate(
            project_count=Count("projects", filter=THERE, distinct=True),
            group_count=Count("projects__logstores__groups", filter=GROUP_THERE, distinct=True),
            calls_this_hour=_calls(hour),
            calls_last_hour=_calls(hour - timedelta(hours=1)),
        )
        .order_by("name")
    )


def page(*, now: datetime) -> list[Endpoint]:
    """Return the listing, each endpoint with `unread`: what of it cannot be read although others can."""
    rows, unread = list(listing(now=now)), _unread()
    for row in rows:
        row.unread = unread.get(row.pk)  # type: ignore[attr-defined]
    return rows


def _unread() -> dict[UUID, Unread]:
    found: defaultdict[UUID, Unread] = defaultdict(Unread)
    projects = Project.objects.filter(vanished_at=None, problem__isnull=False, endpoint__removed_at=None)
    for endpoint, name, problem in projects.order_by("name").values_list("endpoint", "name", "problem"):
        found[endpoint].projects += 1
        found[endpoint].name(name, problem)
    stores = Logstore.objects.filter(
        vanished_at=None,
        problem__isnull=False,
        project__vanished_at=None,
        project__endpoint__removed_at=None,
    )
    names = ("project__endpoint", "project__name", "name", "problem")
    for endpoint, project, name, problem in stores.order_by("project__name", "name").values_list(*names):
        found[endpoint].logstores += 1
        found[endpoint].name(f"{project} / {name}", problem)
    return found


def _calls(hour: datetime) -> Subquery:
    of_key = HourlyCalls.objects.filter(hour=hour, endpoint__access_key_id=OuterRef("access_key_id"))
    return Subquery(of_key.values("hour").annotate(total=Sum("calls")).values("total"))


def region_choices(present: str = "") -> list[tuple[str, str]]:
    """Return (ID, "ID · name") of each region in the reader's language, and the present one if unlisted."""
    chinese = (get_language() or "").startswith("zh")
    rows = {
        region.id: f"{region.id} · {region.name_zh if chinese else region.name_en}" for region in _regions()
    }
    extra = {present: present} if present and present not in rows else {}
    return [("", "—"), *(rows | extra).items()]


def known_hosts() -> list[str]:
    """Return the hosts of all regions, as suggestions."""
    hosts = [(region.public_host, region.intranet_host, region.internal_host) for region in _regions()]
    return [host for of_region in hosts for host in of_region if host]


def public_host(region_id: str) -> str:
    """Return the public host of the region, or nothing."""
    return Region.objects.filter(pk=region_id).values_list("public_host", flat=True).first() or ""


def _regions() -> QuerySet[Region]:
    return Region.objects.order_by("id")
