"""Alerts, their rules, channels and notices as pages show them; only selects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.core.paginator import Page, Paginator
from django.db.models import Case, Count, IntegerField, OuterRef, Q, QuerySet, Subquery, Value, When

from checkpoints.domain.alerting import OPEN, State
from checkpoints.domain.protection import matches
from checkpoints.models import Alert, AlertRule, Channel, Lease, Notice
from checkpoints.queries import living
from checkpoints.queries.alert_asking import Asked

PER_PAGE = 50
NEWEST = 20
WORST_FIRST = (State.FIRING, State.PENDING, State.ACKNOWLEDGED, State.SILENCED)
SERIOUS_FIRST = (AlertRule.Severity.CRITICAL, AlertRule.Severity.WARNING, AlertRule.Severity.INFO)
LEASE = "alerts"
"""Of whoever looks at the rules (services.alerts); it is over when that is done."""


@dataclass(frozen=True)
class Tile:
    """A state with the number of its alerts; a click filters by it, or lets the filter go."""

    state: State
    count: int
    url: str
    is_chosen: bool


@dataclass(frozen=True)
class AlertList:
    """The page: tiles, the alerts of this page, the rules one can choose, and the newest notices.

    `as_of` is when the rules were last looked at, now while that is being done, None when they never were.
    """

    asked: Asked
    tiles: list[Tile]
    page: Page[Alert]
    counts: dict[str, int]
    rules: list[str]
    notices: list[Notice]
    as_of: datetime | None


def view(asked: Asked, *, now: datetime) -> AlertList:
    """Return the list; a fixed number of queries, however many alerts there are."""
    found = _matching(asked)
    counts = {row["state"]: row["n"] for row in found.values("state").annotate(n=Count("pk")).order_by()}
    pages = Paginator(_chosen(found, asked), PER_PAGE)
    pages.count = sum(counts.get(state, 0) for state in _states(asked))  # counted above, with the tiles
    page = pages.get_page(asked.page)
    rules = _names()
    return AlertList(
        asked=asked,
        tiles=[
            Tile(
                state, count, asked.address(state="" if state == asked.state else state), state == asked.state
            )
            for state in (*WORST_FIRST, State.RESOLVED)
            if (count := counts.get(state, 0)) or state == asked.state
        ],
        page=page,
        counts=counts,
        rules=[name for name, _ in rules],
        notices=[] if asked.is_filtered or page.number > 1 else list(notices()),
        as_of=min((min(until, now) for _, until in rules if until), default=None),
    )


def firing() -> QuerySet[Alert]:
    """Return the alerts that fire and nobody is at."""
    return Alert.objects.filter(state=State.FIRING)


def find() -> QuerySet[Alert]:
    """Return alerts with all they belong to."""
    return Alert.objects.select_related("rule", "group__logstore__project__endpoint")


def notices() -> QuerySet[Notice]:
    """Return the newest notices, each with how many `more` groups it tells of."""
    leading = Notice.objects.filter(lead=None).annotate(more=Count("along"))
    found = _with_trouble(leading.select_related("channel", "alert__rule", "alert__group"))
    return found.order_by("-made_at", "pk")[:NEWEST]


def notices_of(alert: Alert) -> QuerySet[Notice]:
    """Return the newest notices of an alert."""
    found = _with_trouble(alert.notices.select_related("channel"))
    return found.order_by("-number", "channel__name")[:NEWEST]


def _names() -> list[tuple[str, datetime | None]]:
    """Return the name of each rule, and with each until when somebody looks at the rules, or looked."""
    lease = Lease.objects.filter(name=LEASE).order_by().values("until")
    return list(AlertRule.objects.annotate(looked=Subquery(lease)).values_list("name", "looked"))


def _states(asked: Asked) -> Sequence[str]:
    return (asked.state,) if asked.state else WORST_FIRST


def _matching(asked: Asked) -> QuerySet[Alert]:
    """Return what fits the search; the tiles count these by state. What never fired is not worth a line."""
    over = Q(state=State.RESOLVED, events__gt=0, resolved_at__isnull=False)
    found = Alert.objects.filter(Q(state__in=WORST_FIRST) | over)
    if asked.severity:
        found = found.filter(rule__severity=asked.severity)
    if asked.rule:
        found = found.filter(rule__name=asked.rule)
    for word in asked.text.split():
        found = found.filter(living.named(word, of="group__") | Q(rule__name__icontains=word))
    return found


def _chosen(found: QuerySet[Alert], asked: Asked) -> QuerySet[Alert]:
    """Order by state and then by severity, the worst first; what is resolved by when it was."""
    place = [When(state=state, then=Value(number)) for number, state in enumerate(WORST_FIRST)]
    serious = [When(rule__severity=word, then=Value(number)) for number, word in enumerate(SERIOUS_FIRST)]
    return (
        found.filter(state__in=_states(asked))
        .select_related("rule", "group__logstore__project__endpoint")
        .annotate(
            place=Case(*place, default=Value(len(place)), output_field=IntegerField()),
            serious=Case(*serious, default=Value(len(serious)), output_field=IntegerField()),
        )
        .order_by(
            *(["-resolved_at"] if asked.state == State.RESOLVED else ["place", "serious", "-since"]), "pk"
        )
    )


def _with_trouble(found: QuerySet[Notice]) -> QuerySet[Notice]:
    """Add `trouble`: why the channel of a notice took none lately, None when it does or was not asked."""
    failing = _failing().filter(channel=OuterRef("channel"))
    return found.annotate(trouble=Subquery(failing.values("problem")[:1]))


def _failing() -> QuerySet[Notice]:
    return Notice.objects.filter(state=Notice.State.WAITING, problem__isnull=False).order_by("-due_at")


def rules() -> Sequence[AlertRule]:
    """Return all rules by name, each with `open_alerts` and `covered`: how many groups it looks at."""
    is_open = Q(alerts__state__in=OPEN)
    found = AlertRule.objects.select_related("endpoint").prefetch_related("channels")
    groups = _groups()
    rows = list(found.annotate(open_alerts=Count("alerts", filter=is_open)))
    for row in rows:
        row.covered = sum(  # type: ignore[attr-defined]
            row.endpoint_id in {None, endpoint}
            and matches(row.pattern, project=project, logstore=logstore, group=group)
            for endpoint, project, logstore, group in groups
        )
    return rows


def channels() -> QuerySet[Channel]:
    """Return all channels by name, each with `rule_count` and `waiting` notices.

    `trouble` is why it took none lately, `retry_at` when the next attempt is due.
    """
    waiting = Q(notices__state=Notice.State.WAITING)
    failing = _failing().filter(channel=OuterRef("pk"))
    return Channel.objects.defer("sealed_url").annotate(
        rule_count=Count("rules", distinct=True),
        waiting=Count("notices", filter=waiting, distinct=True),
        trouble=Subquery(failing.values("problem")[:1]),
        retry_at=Subquery(failing.order_by("due_at").values("due_at")[:1]),
    )


def _groups() -> list[tuple[object, str, str, str]]:
    names = ("logstore__project__name", "logstore__name", "name")
    return list(living.collected().order_by().values_list("logstore__project__endpoint_id", *names))
