"""One shard: contiguous positions, a receive time for each, bodies only where somebody wrote some."""

from array import array
from bisect import bisect_left

from emulator import cursors, loglines
from emulator.errors import ServiceError, cursor_invalid, parameter_invalid

KEY_SPACE = 1 << 128
LAST_KEY = "f" * 32
FOREVER_SECONDS = 3650 * 86_400
TRIM_AT = 20_000
PRODUCED_AT_ONCE = 500_000


class Shard:
    """Hold the log groups of a shard.

    Receive times are seconds since 1970; what the rate promises is written lazily by advance().
    """

    def __init__(
        self,
        number: int,
        *,
        base: int,
        created: float,
        keys: tuple[str, str],
        ttl_seconds: float,
        kind: str = "app",
    ):
        self.number = number
        self.base = base
        self.created = created
        self.keys = keys
        self.ttl_seconds = ttl_seconds
        self.kind = kind
        self.parents: tuple[int, ...] = ()
        self.readonly_since: float | None = None
        self.rate = 0.0
        self.produced_until = created
        self.first = base
        self.floor = base
        self.times: array[float] = array("d")
        self.bodies: dict[int, bytes] = {}

    @property
    def is_readonly(self) -> bool:
        return self.readonly_since is not None

    @property
    def status(self) -> str:
        return "readonly" if self.is_readonly else "readwrite"

    def is_gone(self, now: float) -> bool:
        """Say whether a readonly shard has outlived its data and was deleted."""
        return self.readonly_since is not None and self.readonly_since + self.ttl_seconds < now

    def fill(self, times: list[float], *, expired: int = 0) -> None:
        """Put log groups received at these times behind `expired` ones already gone, and stop writing."""
        self.rate = 0
        self.first = self.floor = self.base + expired
        self.times = array("d", times)

    def advance(self, now: float) -> None:
        """Write what the rate (log groups per second) has promised until now."""
        if self.rate <= 0 or self.is_readonly:
            self.produced_until = max(self.produced_until, now)
            return
        due = min(int((now - self.produced_until) * self.rate), PRODUCED_AT_ONCE)
        if due > 0:
            start, step = max(self.produced_until, self._newest()), 1 / self.rate
            self.times.extend(min(now, start + step * turn) for turn in range(1, due + 1))
            self.produced_until += due * step

    def set_rate(self, rate: float, now: float) -> None:
        self.advance(now)
        self.rate, self.produced_until = rate, now

    def close(self, now: float) -> None:
        """Make the shard readonly, as a split or a merge does to its parents."""
        self.advance(now)
        self.readonly_since = now

    def write(self, now: float, body: bytes | None = None) -> int:
        """Append one log group (LogGroup protobuf, or None for an invented one); return its position."""
        self.advance(now)
        position = self.first + len(self.times)
        self.times.append(max(now, self._newest()))
        if body is not None:
            self.bodies[position] = body
        return position

    def end(self, now: float) -> int:
        """Return the position of the next log group."""
        self.advance(now)
        return self.first + len(self.times)

    def begin(self, now: float) -> int:
        """Return the oldest retained position; it never moves back."""
        self.advance(now)
        if self.ttl_seconds < FOREVER_SECONDS:
            expired = bisect_left(self.times, now - self.ttl_seconds)
            self.floor = max(self.floor, self.first + expired)
            if self.floor - self.first > TRIM_AT:
                self._trim()
        return self.floor

    def position_from(self, wanted: str, now: float) -> int:
        """Answer GetCursor: begin, end, or the first group received at or after a Unix second."""
        if wanted == "begin":
            return self.begin(now)
        if wanted == "end":
            return self.end(now)
        if not wanted.isascii() or not wanted.removeprefix("-").isdigit() or len(wanted) > 20:
            raise parameter_invalid(f"from {wanted} is invalid")
        self.advance(now)
        return max(self.begin(now), self.first + bisect_left(self.times, int(wanted)))

    def time_of(self, position: int, now: float) -> int:
        """Answer GetCursorTime in whole seconds; raise 400 InvalidCursor outside begin..end."""
        begin, end = self.begin(now), self.end(now)
        if end in {begin, position}:
            return int(now)
        if not begin <= position < end:
            raise cursor_invalid(cursors.encode(position))
        return int(self.times[position - self.first])

    def read(self, position: int, count: int) -> list[bytes]:
        """Return up to count LogGroup bodies from a retained position on."""
        last = min(position + count, self.first + len(self.times))
        return [self._body(at) for at in range(position, last)]

    def describe(self) -> dict[str, object]:
        return {
            "shardID": self.number,
            "status": self.status,
            "inclusiveBeginKey": self.keys[0],
            "exclusiveEndKey": self.keys[1],
            "createTime": int(self.created),
            "serverIp": "",
        }

    def covers(self, key: str) -> bool:
        return self.keys[0] <= key < self.keys[1] or key == self.keys[1] == LAST_KEY

    def _body(self, position: int) -> bytes:
        stored = self.bodies.get(position)
        if stored is not None:
            return stored
        return loglines.group(self.kind, self.base, position, int(self.times[position - self.first]))

    def _newest(self) -> float:
        return self.times[-1] if self.times else 0.0

    def _trim(self) -> None:
        for position in [at for at in self.bodies if at < self.floor]:
            del self.bodies[position]
        del self.times[: self.floor - self.first]
        self.first = self.floor


def key_text(key: int) -> str:
    return LAST_KEY if key >= KEY_SPACE else f"{key:032x}"


def key_number(text: str) -> int:
    """Read a hash key; the last key stands for the end of the key space."""
    if text == LAST_KEY:
        return KEY_SPACE
    if len(text) != 32 or any(sign not in "0123456789abcdef" for sign in text):
        raise ServiceError(400, "ParameterInvalid", f"invalid hash key {text}")
    return int(text, 16)
