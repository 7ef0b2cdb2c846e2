"""Believable little worlds by name, each of which lives on by itself."""

from collections.abc import Callable

from emulator.scenarios import single
from emulator.scenarios.demo import demo
from emulator.scenarios.stage import Stage
from emulator.server import Server

SCENARIOS: dict[str, Callable[[Stage], None]] = {
    "healthy": single.healthy,
    "lagging": single.lagging,
    "catching-up": single.catching_up,
    "rarely-saves": single.rarely_saves,
    "idle": single.idle,
    "not-started": single.not_started,
    "at-risk": single.at_risk,
    "meddling": single.meddling,
    "stalled": single.stalled,
    "stopped": single.stopped,
    "expired": single.expired,
    "split": single.split,
    "overwriting": single.overwriting,
    "progress-only": single.progress_only,
    "throttled": single.throttled,
    "denied": single.denied,
    "slow": single.slow,
    "demo": demo,
}
SETTLING_BEATS = 3  # so that every consumer has the shards it will keep
NAMES = tuple(SCENARIOS)


def build(name: str, server: Server) -> None:
    """Fill a server's world with a scenario; raise LookupError for an unknown name."""
    if name not in SCENARIOS:
        raise LookupError(f"there is no scenario {name!r}; choose one of: {', '.join(NAMES)}")
    SCENARIOS[name](Stage(server))
    for _ in range(SETTLING_BEATS):
        server.world.tick()
