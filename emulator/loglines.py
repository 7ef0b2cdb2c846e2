"""Invented log lines: the same shard and position always give the same believable lines."""

import random
from collections.abc import Callable

from emulator import protobuf

Line = list[tuple[str, str]]


def group(kind: str, base: int, position: int, received: int) -> bytes:
    """Return the LogGroup at a position of the shard with this base, received at a Unix second."""
    dice = random.Random(position)
    make = KINDS.get(kind, _app)
    logs = [protobuf.log(received - dice.randrange(3), make(dice)) for _ in range(dice.randrange(1, 4))]
    source = f"10.{base % 200}.{dice.randrange(8)}.{dice.randrange(2, 250)}"
    tags = [
        ("__hostname__", f"{kind}-{source.rsplit('.', 1)[1]}"),
        ("__pack_id__", f"{base:016X}-{position - base:X}"),
        ("__receive_time__", str(received)),
    ]
    return protobuf.log_group(logs, topic=kind, source=source, tags=tags)


def _hex(dice: random.Random, digits: int) -> str:
    return f"{dice.getrandbits(digits * 4):0{digits}x}"


def _orders(dice: random.Random) -> Line:
    line = [
        ("order_id", f"SO{dice.randrange(10**11, 10**12)}"),
        ("state", dice.choice(["created", "paid", "packed", "shipped", "refunded"])),
        ("amount", f"{dice.uniform(3, 900):.2f}"),
        ("currency", dice.choice(["CNY", "CNY", "CNY", "USD", "SGD"])),
        ("buyer", f"用户{dice.randrange(1000, 99999)}"),
        ("trace_id", _hex(dice, 32)),
    ]
    return line + ([("token", _hex(dice, 24))] if dice.random() < 0.1 else [])


def _payments(dice: random.Random) -> Line:
    line = [
        ("payment_id", f"PAY-{_hex(dice, 12)}"),
        ("channel", dice.choice(["alipay", "card", "wallet"])),
        ("result", dice.choice(["ok", "ok", "ok", "declined", "timeout"])),
        ("amount", f"{dice.uniform(1, 5000):.2f}"),
        ("cost_ms", str(dice.randrange(8, 900))),
    ]
    return line + ([("request", f"pin=****&password={_hex(dice, 10)}")] if dice.random() < 0.15 else [])


def _access(dice: random.Random) -> Line:
    path = dice.choice(
        ["/api/cart", "/api/items/81213", "/login?token=" + _hex(dice, 12), "/healthz", "/搜索?q=茶"]
    )
    return [
        ("method", dice.choice(["GET", "GET", "POST"])),
        ("path", path),
        ("status", dice.choice(["200", "200", "200", "304", "404", "502"])),
        ("bytes", str(dice.randrange(120, 90_000))),
        ("user_agent", "Mozilla/5.0 (X11; Linux x86_64)"),
        ("client_ip", f"203.0.113.{dice.randrange(1, 255)}"),
    ]


def _telemetry(dice: random.Random) -> Line:
    return [
        ("device", f"dev-{dice.randrange(10**6):06d}"),
        ("temperature", f"{dice.uniform(-20, 75):.1f}"),
        ("battery", str(dice.randrange(101))),
        ("firmware", f"4.{dice.randrange(9)}.{dice.randrange(20)}"),
    ]


def _audit(dice: random.Random) -> Line:
    return [
        ("actor", dice.choice(["li.wei", "ops-bot", "zhang.min", "ci"])),
        ("action", dice.choice(["login", "grant", "deploy", "read"])),
        ("object", f"cluster-{dice.randrange(20)}"),
        ("password", "******" if dice.random() < 0.8 else _hex(dice, 8)),
    ]


def _app(dice: random.Random) -> Line:
    return [
        ("level", dice.choice(["INFO", "INFO", "INFO", "WARN", "ERROR"])),
        ("message", f"job {dice.randrange(10**6)} finished"),
        ("cost_ms", str(dice.randrange(1, 2000))),
        ("trace_id", _hex(dice, 32)),
    ]


KINDS: dict[str, Callable[[random.Random], Line]] = {
    "orders": _orders,
    "payments": _payments,
    "access": _access,
    "telemetry": _telemetry,
    "audit": _audit,
    "app": _app,
}
