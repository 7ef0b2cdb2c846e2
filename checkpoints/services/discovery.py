"""Finds projects, Logstores and groups; what vanishes upstream is kept and marked."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from time import monotonic
from typing import Any

from django.db import models, transaction

from checkpoints import sls
from checkpoints.domain import clocks
from checkpoints.models import ConsumerGroup, Endpoint, Logstore, Project
from checkpoints.services import group_changes, parallel
from checkpoints.services.connections import connect
from checkpoints.services.problems import Problem, explain

EVERY = timedelta(minutes=5)
SECONDS = 120.0
"""How long one round of lists may take in all; what has not answered by then counts as failed."""
Values = Mapping[str, Any]
Place = tuple[str, str]  # project and Logstore


@dataclass
class Found:
    """What an endpoint has, as far as it told: a list is missing where asking for it failed."""

    projects: list[str]
    logstores: dict[str, list[str]] = field(default_factory=dict)
    groups: dict[Place, list[sls.ConsumerGroup]] = field(default_factory=dict)
    of_projects: dict[str, sls.SLSError] = field(default_factory=dict)
    of_logstores: dict[Place, sls.SLSError] = field(default_factory=dict)

    @property
    def errors(self) -> list[sls.SLSError]:
        """All that went wrong."""
        return [*self.of_projects.values(), *self.of_logstores.values()]

    @property
    def nothing(self) -> bool:
        """Whether no project at all could be listed although there are some."""
        return bool(self.of_projects) and not self.logstores


def discover(endpoint: Endpoint, *, now: datetime, max_age: timedelta = EVERY) -> list[Problem]:
    """Find what the endpoint has, unless that was done less than max_age ago.

    Projects typed by hand need no right to list; the listed ones are added to them. Raises sls.SLSError when
    nothing is typed and listing fails; trouble with single projects is stored there and returned.
    """
    if max_age and clocks.is_young(endpoint.discovered_at, now, most=max_age):
        return []
    found = look(connect(endpoint), endpoint.typed_projects)
    keep(endpoint, found, now=now)
    return [explain(error) for error in found.errors]


def look(client: sls.Client, typed: Iterable[str]) -> Found:
    """Ask the service what there is; touches no database. Raises as discover() does."""
    found = Found(_project_names(client, list(typed)))
    found.logstores = _ask(
        client, found.projects, lambda project: client.list_logstores(project).value, found.of_projects
    )
    places = [(project, name) for project, names in found.logstores.items() for name in names]
    found.groups = _ask(
        client, places, lambda place: client.list_consumer_groups(*place).value, found.of_logstores
    )
    return found


def _project_names(client: sls.Client, typed: list[str]) -> list[str]:
    try:
        listed = [project.name for project in client.all_projects()]
    except sls.SLSError:
        if not typed:
            raise
        listed = []
    return list(dict.fromkeys([*typed, *listed]))


def _ask(client: sls.Client, keys: list[Any], call: Any, errors: dict[Any, sls.SLSError]) -> dict[Any, Any]:
    """Return the answers by key; what the service refuses goes to `errors`, a fault of ours is raised."""
    answers, deadline = {}, monotonic() + SECONDS
    for key, asked in zip(keys, parallel.each(client, call, keys), strict=True):
        try:
            answers[key] = asked.result(max(0.0, deadline - monotonic()))
        except sls.SLSError as error:
            errors[key] = error
        except TimeoutError:
            asked.cancel()
            errors[key] = sls.Timeout(f"Not everything was listed within {SECONDS:g} seconds")
    return answers


@transaction.atomic
def keep(endpoint: Endpoint, found: Found, *, now: datetime, begun: datetime | None = None) -> None:
    """Store what was found; what a failed list would have told stays as it was.

    It was asked for since `begun`, if not just now; Logstores that were read since are better known.
    """
    typed = set(endpoint.typed_projects)
    names = {name: {"typed": name in typed} for name in found.projects}
    projects = {row.name: row for row in _keep(Project, "endpoint", {endpoint: names}, now)}
    _tell(Project, {row.pk: found.of_projects.get(row.name) for row in projects.values()})
    listed: dict[Project, dict[str, Values]] = {
        projects[name]: {store: {} for store in stores} for name, stores in found.logstores.items()
    }
    stores = {(row.project.name, row.name): row for row in _keep(Logstore, "project", listed, now)}
    newer = _read_between(begun or now, now, endpoint)
    keep_groups(
        {stores[place]: groups for place, groups in found.groups.items() if stores[place].pk not in newer},
        now=now,
    )
    errors = {stores[place].pk: error for place, error in found.of_logstores.items()}
    _tell(Logstore, {pk: error for pk, error in errors.items() if pk not in newer})
    Endpoint.objects.filter(pk=endpoint.pk).update(discovered_at=now)
    endpoint.discovered_at = now


def _read_between(begun: datetime, now: datetime, endpoint: Endpoint) -> set[int]:
    """Return the Logstores of which all groups, or one, were read since discovery began."""
    ours = Logstore.objects.filter(project__endpoint=endpoint)
    groups = ConsumerGroup.objects.filter(
        logstore__in=ours, read_at__gt=begun, read_at__lte=now + clocks.APART
    ).values_list("logstore", flat=True)
    whole = ours.filter(read_at__gt=begun, read_at__lte=now + clocks.APART).values_list("pk", flat=True)
    return {*groups, *whole}


def keep_groups(
    found: Mapping[Logstore, Iterable[sls.ConsumerGroup]], *, now: datetime
) -> list[ConsumerGroup]:
    """Store the groups that exist now, mark those that vanished; returns the living ones."""
    wanted = {
        logstore: {
            group.name: {"in_order": group.order, "timeout_seconds": group.timeout_seconds}
            for group in groups
        }
        for logstore, groups in found.items()
    }
    return _keep(ConsumerGroup, "logstore", wanted, now)


def _keep(
    model: type[models.Model], parent: str, found: Mapping[Any, Mapping[str, Values]], now: datetime
) -> list[Any]:
    """Make, update or mark as vanished the rows of some parents; returns the living ones.

    `found` has the rows that exist, by parent and name, with the values to store.
    """
    parents = {row.pk: row for row in found}
    rows: Any = model._default_manager
    stored: dict[tuple[Any, str], Any] = {}
    for row in rows.filter(**{f"{parent}__in": parents}):
        setattr(row, parent, parents[getattr(row, f"{parent}_id")])
        stored[getattr(row, f"{parent}_id"), row.name] = row
    living, new = [], []
    for above, names in found.items():
        for name, values in names.items():
            there = stored.pop((above.pk, name), None)
            if there is None:
                new.append(model(**{parent: above}, name=name, seen_at=now, **values))
            else:
                living.append(_updated(there, values))
    rows.filter(pk__in=[row.pk for row in stored.values() if row.vanished_at is None]).update(vanished_at=now)
    return [*living, *rows.bulk_create(new)]


def _updated(row: Any, values: Values) -> Any:
    """Return the row, stored anew when anything differs."""
    if isinstance(row, ConsumerGroup):
        group_changes.note(row, values)
    wanted = {**values, "vanished_at": None}
    if any(getattr(row, name) != value for name, value in wanted.items()):
        for name, value in wanted.items():
            setattr(row, name, value)
        row.save(update_fields=list(wanted))
    return row


def _tell(model: type[models.Model], errors: Mapping[Any, sls.SLSError | None]) -> None:
    """Store what is wrong with some rows, and end the problem of those with which nothing is."""
    rows: Any = model._default_manager
    fine = [pk for pk, error in errors.items() if error is None]
    rows.filter(pk__in=fine, problem__isnull=False).update(problem=None)
    for pk, error in errors.items():
        if error is not None:
            rows.filter(pk=pk).update(problem=explain(error).as_json())
