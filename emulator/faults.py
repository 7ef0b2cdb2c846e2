"""What a test may break or slow down, and what it may count."""

from collections import Counter
from dataclasses import dataclass, field

DROP = -1


@dataclass(slots=True)
class Fault:
    """One injected failure: of an operation (None: any), times (None: until cleared), every n-th call."""

    status: int
    operation: str | None = None
    project: str | None = None
    code: str = "InternalServerError"
    message: str = "injected fault"
    times: int | None = None
    every: int = 1
    after_effect: bool = False
    body: str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    seen: int = 0

    def strikes(self, operation: str, project: str | None) -> bool:
        """Count a matching call and say whether this one fails."""
        if self.times == 0 or self.operation not in {None, operation} or self.project not in {None, project}:
            return False
        self.seen += 1
        if self.seen % self.every:
            return False
        self.times = None if self.times is None else self.times - 1
        return True


class Faults:
    """Injected failures and delays."""

    def __init__(self) -> None:
        self.active: list[Fault] = []
        self.latency: dict[tuple[str | None, str | None], float] = {}

    def strike(self, operation: str, project: str | None) -> Fault | None:
        if not self.active:
            return None
        self.active = [fault for fault in self.active if fault.times != 0]
        return next((fault for fault in self.active if fault.strikes(operation, project)), None)

    def delay_seconds(self, operation: str, project: str | None) -> float:
        """Return the delay of the most particular rule: operation and project, operation, project, any."""
        if not self.latency:
            return 0.0
        for key in ((operation, project), (operation, None), (None, project), (None, None)):
            if key in self.latency:
                return self.latency[key]
        return 0.0


class Stats:
    """Counters since the last reset."""

    def __init__(self) -> None:
        self.in_flight = 0
        self.connections = 0
        self.reset()

    def reset(self) -> None:
        self.requests: dict[str, Counter[str]] = {}
        self.by_project: dict[str, Counter[str]] = {}
        self.bodies: Counter[str] = Counter()
        self.peak_in_flight = self.in_flight
        self.total = 0

    def arrive(self) -> None:
        self.in_flight += 1
        self.peak_in_flight = max(self.peak_in_flight, self.in_flight)

    def leave(self) -> None:
        self.in_flight -= 1

    def count(self, operation: str, project: str | None, status: int) -> None:
        self.total += 1
        self.requests.setdefault(operation, Counter())[str(status)] += 1
        self.by_project.setdefault(project or "", Counter())[operation] += 1

    def describe(self) -> dict[str, object]:
        return {
            "requests": self.requests,
            "projects": self.by_project,
            "bodies": self.bodies,
            "total": self.total,
            "in_flight": self.in_flight,
            "peak_in_flight": self.peak_in_flight,
            "connections": self.connections,
        }
