"""One trouble at a time, in the project shop and its Logstore orders."""

from emulator.faults import Fault
from emulator.logstores import Logstore
from emulator.scenarios.stage import DAY, HOUR, Past, Stage
from emulator.shards import Shard, key_number, key_text

DENIED = "denied by sts or ram, action: {action}, resource: {resource}"
NAMES = ("consumer-a", "consumer-b")
GROUP = "order-index"


def _orders(stage: Stage, *, rate: float = 0.3, history: float = 6 * HOUR, ttl_days: float = 7) -> Logstore:
    stage.project("shop", "Orders of the shop")
    return stage.store(
        "shop", "orders", shards=4, rate=rate, history=history, ttl_days=ttl_days, kind="orders"
    )


def healthy(stage: Stage) -> None:
    """Two consumers keep up with what is written."""
    orders = _orders(stage)
    stage.group(orders, GROUP, Past(behind=4, consumers=NAMES))
    stage.consume("shop", orders, GROUP, *NAMES)


def lagging(stage: Stage) -> None:
    """Consumers work but are 40 minutes behind, and slowly lose ground."""
    orders = _orders(stage)
    stage.group(orders, GROUP, Past(behind=2400, consumers=NAMES))
    stage.consume("shop", orders, GROUP, *NAMES, pace=0.95)


def catching_up(stage: Stage) -> None:
    """Consumers are two hours behind and read three times as fast as is written."""
    orders = _orders(stage)
    stage.group(orders, GROUP, Past(behind=2 * HOUR, consumers=NAMES))
    stage.consume("shop", orders, GROUP, *NAMES, pace=3)


def rarely_saves(stage: Stage) -> None:
    """Consumers keep up but save only every twelve minutes."""
    orders = _orders(stage)
    stage.group(orders, GROUP, Past(behind=600, saved_ago=600, consumers=NAMES))
    stage.consume("shop", orders, GROUP, *NAMES, commit_seconds=720)


def idle(stage: Stage) -> None:
    """Everything is read, and nothing has been written for two hours."""
    orders = _orders(stage)
    for shard in orders.all_shards.values():
        shard.times = type(shard.times)("d", (time - 2 * HOUR for time in shard.times))
        shard.set_rate(0, stage.now)
    stage.group(orders, GROUP, Past(saved_ago=2 * HOUR, consumers=NAMES))
    stage.consume("shop", orders, GROUP, *NAMES)


def not_started(stage: Stage) -> None:
    """A group that was made and never consumed."""
    stage.group(_orders(stage), GROUP)


def at_risk(stage: Stage) -> None:
    """Consumers are 20 hours behind, keep their distance, and data is kept for a day."""
    orders = _orders(stage, rate=0.05, history=3 * DAY, ttl_days=1)
    stage.group(orders, GROUP, Past(behind=20 * HOUR, consumers=NAMES))
    stage.consume("shop", orders, GROUP, *NAMES, pace=1)


def meddling(stage: Stage) -> None:
    """Somebody with a tool takes a stopped group back by half an hour, every 20 minutes."""
    orders = _orders(stage)
    stage.group(orders, GROUP, Past(behind=HOUR, saved_ago=HOUR, consumers=NAMES))
    stage.meddle("shop", orders, GROUP, by=-HOUR / 2, every=HOUR / 3)


def stalled(stage: Stage) -> None:
    """Consumers are alive and hold their shards but commit nothing: a poison message."""
    orders = _orders(stage)
    stage.group(orders, GROUP, Past(behind=5400, saved_ago=5400, consumers=NAMES))
    stage.consume("shop", orders, GROUP, *NAMES, pace=0)


def stopped(stage: Stage) -> None:
    """Nobody consumes any more; producers go on."""
    orders = _orders(stage)
    stage.group(orders, GROUP, Past(behind=3 * HOUR, saved_ago=3 * HOUR, consumers=NAMES))


def expired(stage: Stage) -> None:
    """Two shards' checkpoints are older than what is retained, the others soon will be."""
    orders = _orders(stage, rate=0.05, history=3 * DAY, ttl_days=1)
    group = stage.group(orders, GROUP, Past(behind=23.5 * HOUR, saved_ago=23.5 * HOUR, consumers=NAMES))
    for number in (1, 2):
        stage.stand(group, orders.all_shards[number], Past(30 * HOUR, saved_ago=30 * HOUR, consumers=NAMES))


def split(stage: Stage) -> None:
    """A shard was split: one group has finished the parent, one with order=true still reads it."""
    orders = _orders(stage)
    split_in_the_past(stage, orders, 1, ago=1.5 * HOUR)
    stage.group(orders, GROUP, Past(behind=3, consumers=NAMES))
    stage.consume("shop", orders, GROUP, *NAMES)
    strict = stage.group(
        orders, "order-ledger", Past(behind=5, consumers=NAMES, shards=(0, 2, 3)), order=True
    )
    stage.stand(strict, orders.all_shards[1], Past(behind=2 * HOUR, consumers=NAMES))
    stage.consume("shop", orders, "order-ledger", *NAMES, pace=0.5)


def overwriting(stage: Stage) -> None:
    """Consumers commit every 3 seconds, so that a reset under them is overwritten at once."""
    orders = _orders(stage, rate=2, history=2 * HOUR)
    stage.group(orders, GROUP, Past(behind=4, consumers=NAMES))
    stage.consume("shop", orders, GROUP, *NAMES, commit_seconds=3)


def progress_only(stage: Stage) -> None:
    """A Flink job commits without a consumer name and never beats."""
    orders = _orders(stage)
    stage.group(orders, GROUP, Past(behind=30), timeout=100)
    stage.consume("shop", orders, GROUP)


def throttled(stage: Stage) -> None:
    """Every fourth read of a shard is over its quota."""
    healthy(stage)
    throttle(stage, "shop", every=4)


def denied(stage: Stage) -> None:
    """The key may list, but neither shards nor cursors."""
    healthy(stage)
    deny(stage, "shop")


def slow(stage: Stage) -> None:
    """Every call takes three seconds."""
    healthy(stage)
    stage.delay("shop", 3)


def deny(stage: Stage, project: str) -> None:
    for operation, status in (
        ("ListShards", 401),
        ("GetCursor", 403),
        ("GetCursorTime", 403),
        ("PullLogs", 403),
    ):
        stage.fault(Fault(status, operation, project, code="Unauthorized", message=DENIED))


def throttle(stage: Stage, project: str, *, every: int) -> None:
    quota = "ShardReadQuotaExceed"
    for operation in ("GetCursor", "GetCursorTime"):
        message = "Read QPS Exceed, shard read quota exceed"
        stage.fault(Fault(403, operation, project, code=quota, message=message, every=every))


def split_in_the_past(stage: Stage, logstore: Logstore, number: int, *, ago: float) -> list[Shard]:
    """Split a shard as it would have happened `ago` seconds before now; return the children."""
    then = stage.now - ago
    parent = logstore.all_shards[number]
    del parent.times[parent.position_from(str(int(then)), stage.now) - parent.first :]
    parent.produced_until, rate = then, parent.rate
    middle = key_text(sum(key_number(key) for key in parent.keys) // 2)
    _, *children = logstore.split(number, middle, then)
    for child in children:
        stage.write_history(child, rate / 2)
    return children
