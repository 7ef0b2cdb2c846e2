"""Finds projects, Logstores and groups; what vanishes upstream is kept and marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from django.db import models, transaction

from checkpoints import sls
from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Project
from checkpoints.services.connections import connect
from checkpoints.services.parallel import each
from checkpoints.services.problems import Problem, explain

EVERY = timedelta(minutes=5)


def discover(endpoint: Endpoint, *, now: datetime, max_age: timedelta = EVERY) -> list[Problem]:
    """Find what the endpoint has, unless that was done less than max_age ago.

    Projects typed by hand need no right to list; the listed ones are added to them. Raises sls.SLSError when
    nothing is typed and listing fails; trouble with single projects is stored there and returned.
    """
    if endpoint.discovered_at and now - endpoint.discovered_at < max_age:
        return []
    client = connect(endpoint)
    projects = _keep_projects(endpoint, _project_names(client, endpoint), now)
    problems = _discover_logstores(client, projects, now)
    Endpoint.objects.filter(pk=endpoint.pk).update(discovered_at=now)
    endpoint.discovered_at = now
    return problems


def _project_names(client: sls.Client, endpoint: Endpoint) -> list[str]:
    try:
        listed = [project.name for project in client.all_projects()]
    except sls.SLSError:
        if not endpoint.typed_projects:
            raise
        listed = []
    return list(dict.fromkeys([*endpoint.typed_projects, *listed]))


def _keep_projects(endpoint: Endpoint, names: list[str], now: datetime) -> list[Project]:
    typed = set(endpoint.typed_projects)
    kept = _keep(Project, {"endpoint": endpoint}, {name: {"typed": name in typed} for name in names}, now)
    return list(kept.values())


def _discover_logstores(client: sls.Client, projects: list[Project], now: datetime) -> list[Problem]:
    problems = []
    listings = each(client, lambda project: client.list_logstores(project.name).value, projects)
    for project, listing in zip(projects, listings, strict=True):
        error = listing.exception()
        if error is None:
            stores = _keep(Logstore, {"project": project}, {name: {} for name in listing.result()}, now)
            problems += _discover_groups(client, project, list(stores.values()), now)
        problem = explain(error) if isinstance(error, sls.SLSError) else None
        if error is not None and problem is None:
            raise error
        problems += [problem] if problem else []
        Project.objects.filter(pk=project.pk).update(problem=problem.as_json() if problem else None)
    return problems


def _discover_groups(
    client: sls.Client, project: Project, stores: list[Logstore], now: datetime
) -> list[Problem]:
    problems = []
    listings = each(client, lambda store: client.list_consumer_groups(project.name, store.name).value, stores)
    for store, listing in zip(stores, listings, strict=True):
        error = listing.exception()
        if error is None:
            keep_groups(store, listing.result(), now=now)
        elif isinstance(error, sls.SLSError):
            problems.append(explain(error))
            Logstore.objects.filter(pk=store.pk).update(problem=problems[-1].as_json())
        else:
            raise error
    return problems


def keep_groups(
    logstore: Logstore, groups: Iterable[sls.ConsumerGroup], *, now: datetime
) -> dict[str, ConsumerGroup]:
    """Store the groups that exist now, mark those that vanished; returns the rows by name."""
    found = {
        group.name: {"in_order": group.order, "timeout_seconds": group.timeout_seconds} for group in groups
    }
    return _keep(ConsumerGroup, {"logstore": logstore}, found, now)


@transaction.atomic
def _keep(
    model: type[models.Model],
    parent: Mapping[str, models.Model],
    found: Mapping[str, dict[str, Any]],
    now: datetime,
) -> dict[str, Any]:
    """Make, update or mark as vanished the rows of a parent; returns the living ones by name."""
    rows: Any = model._default_manager
    stored = {row.name: row for row in rows.filter(**parent)}
    new = [
        model(**parent, name=name, seen_at=now, **values)
        for name, values in found.items()
        if name not in stored
    ]
    rows.bulk_create(new)
    changed = [_updated(stored[name], values) for name, values in found.items() if name in stored]
    for row in [row for row in changed if row is not None]:
        row.save(update_fields=["vanished_at", *next(iter(found.values()))])
    gone = [row.pk for name, row in stored.items() if name not in found and row.vanished_at is None]
    rows.filter(pk__in=gone).update(vanished_at=now)
    return {row.name: row for row in rows.filter(**parent, vanished_at=None)}


def _updated(row: Any, values: dict[str, Any]) -> Any | None:
    """Return the row with new values when anything differs, None when nothing does."""
    wanted = {**values, "vanished_at": None}
    if all(getattr(row, name) == value for name, value in wanted.items()):
        return None
    for name, value in wanted.items():
        setattr(row, name, value)
    return row
