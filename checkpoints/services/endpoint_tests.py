"""The test of an endpoint: one verdict per operation, at most one project, Logstore, group and shard."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from django.utils import timezone

from checkpoints import sls
from checkpoints.domain.durations import in_words
from checkpoints.domain.messages import Message, say
from checkpoints.models import Endpoint, Logstore
from checkpoints.services.connections import connect
from checkpoints.services.policies import policy
from checkpoints.services.problems import explain
from checkpoints.services.sealing import Locked

OPERATIONS = (
    "ListProject",
    "ListLogStores",
    "GetLogStore",
    "ListShards",
    "ListConsumerGroup",
    "GetCheckPoint",
    "GetCursor",
    "GetCursorTime",
    "UpdateCheckPoint",
)
WORKS = say("Works.")
NEVER_WRITES = say("Not tested: a test never writes. A reset needs the permission shown.")
NO_PROJECT = say("Not tested: no project was found. Type the name of a project into the endpoint.")
NO_LOGSTORE = say("Not tested: no Logstore was found.")
NO_GROUP = say("Not tested: no consumer group was found.")
NO_SHARD = say("Not tested: no shard was found.")
NO_CURSOR = say("Not tested: no cursor was found.")
STOPPED = say("Not tested: the calls before it show that none would be answered.")
TYPED = say("Not needed: the projects of this endpoint are typed by hand.")
Call = Callable[[], sls.Answer[Any]]


@dataclass(frozen=True)
class OperationVerdict:
    """How one operation went; `ok` is None when it was not tested, `advice` then says why.

    `message` tells what a failed call met with; `policy` is the RAM policy that allows the operation.
    """

    operation: str
    ok: bool | None
    code: str
    request_id: str
    advice: Message
    policy: str = ""
    message: Message | None = None

    def as_json(self) -> dict[str, Any]:
        """Return the form printed by `endpoint test --format json`."""
        return {
            "operation": self.operation,
            "ok": self.ok,
            "code": self.code,
            "request_id": self.request_id,
            "message": str(self.message) if self.message else "",
            "advice": str(self.advice),
            "policy": self.policy,
        }


@dataclass
class Run:
    """One test on its way: what was found so far, and the verdicts."""

    now: datetime
    project: str = ""
    logstore: str = ""
    group: str = ""
    verdicts: list[OperationVerdict] = field(default_factory=list)
    stopped: bool = False

    def attempt(self, operation: str, call: Call, *, unless: Message | None) -> Any:
        """Make the call unless something it needs is missing; return its value, None without one."""
        if self.stopped or unless:
            self.skip(operation, STOPPED if self.stopped or unless is None else unless)
            return None
        try:
            answer = call()
        except sls.SLSError as error:
            self.failed(operation, error)
            return None
        self.verdicts.append(OperationVerdict(operation, True, "", answer.request_id, WORKS))
        return answer.value

    def skip(self, operation: str, why: Message, allowing: str = "") -> None:
        """Add a verdict of an operation that is not tried."""
        self.verdicts.append(OperationVerdict(operation, None, "", "", why, allowing))

    def failed(self, operation: str, error: Exception) -> None:
        """Add the verdict of a failed call; one that tells that nothing will be answered ends the test."""
        problem = explain(error)
        allowing = self.policy(operation) if isinstance(error, sls.Forbidden) else ""
        advice = _skew(error) or problem.advice
        self.verdicts.append(
            OperationVerdict(
                operation, False, problem.code, problem.request_id, advice, allowing, problem.message
            )
        )
        self.stopped = _is_final(error)

    def policy(self, operation: str) -> str:
        """Return the statement that allows the operation on what was found."""
        return policy(operation, project=self.project, logstore=self.logstore, group=self.group)


def run(endpoint: Endpoint, *, now: datetime) -> list[OperationVerdict]:
    """Return one verdict per operation; calls the service outside of any transaction, reads only."""
    test = Run(now)
    try:
        client = connect(endpoint)
    except (sls.SLSError, Locked) as error:
        test.failed(OPERATIONS[0], error)
        for operation in OPERATIONS[1:-1]:
            test.skip(operation, STOPPED)
    else:
        _look_around(test, client, endpoint)
        _look_into(test, client)
    test.skip("UpdateCheckPoint", NEVER_WRITES, test.policy("UpdateCheckPoint"))
    return test.verdicts


def _look_around(test: Run, client: sls.Client, endpoint: Endpoint) -> None:
    """Find one project and one Logstore."""
    typed = endpoint.typed_projects
    page = test.attempt("ListProject", lambda: client.list_projects(size=1), unless=None)
    listed = [project.name for project in page.items] if page else []
    if typed and test.verdicts[-1].code and test.verdicts[-1].policy:
        test.verdicts[-1] = replace(test.verdicts[-1], ok=None, advice=TYPED)  # the key need not list
    test.project = next(iter([*typed, *listed]), "")
    missing = None if test.project else NO_PROJECT
    names = test.attempt("ListLogStores", lambda: client.list_logstores(test.project), unless=missing)
    test.logstore = _chosen(endpoint, test.project, names or [])


def _look_into(test: Run, client: sls.Client) -> None:
    """Try what reading one Logstore needs."""
    missing = None if test.logstore else NO_LOGSTORE
    place = (test.project, test.logstore)
    test.attempt("GetLogStore", lambda: client.get_logstore(*place), unless=missing)
    shards = test.attempt("ListShards", lambda: client.list_shards(*place), unless=missing)
    groups = test.attempt("ListConsumerGroup", lambda: client.list_consumer_groups(*place), unless=missing)
    test.group = groups[0].name if groups else ""
    missing = None if test.group else NO_GROUP
    test.attempt("GetCheckPoint", lambda: client.get_checkpoints(*place, test.group), unless=missing)
    shard = shards[0].id if shards else None
    missing = NO_SHARD if shard is None else None
    cursor = test.attempt("GetCursor", lambda: client.get_cursor(*place, shard or 0, "begin"), unless=missing)
    missing = None if cursor else NO_CURSOR
    test.attempt("GetCursorTime", lambda: client.get_cursor_time(*place, shard or 0, cursor), unless=missing)


def _chosen(endpoint: Endpoint, project: str, names: list[str]) -> str:
    """Return a Logstore known to have consumer groups, else the first."""
    known = Logstore.objects.filter(
        project__endpoint=endpoint, project__name=project, name__in=names[:500], groups__vanished_at=None
    ).exclude(groups=None)
    return next(iter([*known.values_list("name", flat=True)[:1], *names]), "")


def _is_final(error: Exception) -> bool:
    if isinstance(error, sls.ApiError) and error.is_clock_skew:
        return True
    hopeless = (Locked, sls.Unauthenticated, sls.ConnectionFailed, sls.HostRefused, sls.ArgumentRefused)
    return isinstance(error, hopeless)


def _skew(error: Exception) -> Message | None:
    """Return how far our clock is off, when that is the trouble and the answer told the time."""
    told = getattr(error, "server_time", None)
    if told is None or not (isinstance(error, sls.ApiError) and error.is_clock_skew):
        return None
    skew = timezone.now() - told
    span = in_words(abs(skew))
    if skew.total_seconds() > 0:
        return say("The clock of this machine is %(span)s ahead of the service. Set it by NTP.", span=span)
    return say("The clock of this machine is %(span)s behind the service. Set it by NTP.", span=span)
