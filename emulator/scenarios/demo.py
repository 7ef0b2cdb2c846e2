"""A company's day: one of every trouble, among groups that are well."""

from emulator.scenarios.single import deny, split_in_the_past, throttle
from emulator.scenarios.stage import DAY, HOUR, MINUTE, Past, Stage

LONG_NAME = "finance-order-reconciliation-and-month-end-closing-for-all-legal-entities-asia-pacific-v2"


def demo(stage: Stage) -> None:
    _pay_core(stage)
    _shop_web(stage)
    _iot_telemetry(stage)
    _ops_audit(stage)
    _archive_slow(stage)


def _pay_core(stage: Stage) -> None:
    stage.project("pay-core", "订单与支付 Orders and payments")
    _orders(stage)
    _payments(stage)
    _refunds(stage)


def _orders(stage: Stage) -> None:
    orders = stage.store(
        "pay-core", "orders", shards=8, rate=0.12, history=5 * DAY, ttl_days=7, kind="orders"
    )
    scorers = ("fraud-scoring-7f9c4-0", "fraud-scoring-7f9c4-1", "fraud-scoring-7f9c4-2")
    stage.group(orders, "fraud-scoring", Past(6, consumers=scorers))
    stage.consume("pay-core", orders, "fraud-scoring", *scorers, commit_seconds=6)
    stage.group(orders, "order-search-index", Past(2520, consumers=("search-1", "search-2")), timeout=40)
    stage.consume("pay-core", orders, "order-search-index", "search-1", "search-2", pace=0.96)
    stage.group(orders, "settlement-nightly", Past(9.2 * HOUR, 9.2 * HOUR, consumers=("settle-0",)))
    stage.group(orders, "analytics-flink", Past(45), timeout=100)
    stage.consume("pay-core", orders, "analytics-flink", commit_seconds=30)
    stage.group(orders, "coupon-recompute")
    stage.group(orders, LONG_NAME, Past(2 * DAY, 1.5 * DAY, consumers=("closing-batch-worker",)), timeout=120)


def _payments(stage: Stage) -> None:
    payments = stage.store(
        "pay-core", "payments", shards=4, rate=0.2, history=2 * DAY, ttl_days=3, kind="payments"
    )
    split_in_the_past(stage, payments, 1, ago=5 * HOUR)
    past = Past(8, consumers=("ledger-a", "ledger-b"), shards=(0, 2, 3))
    ledger = stage.group(payments, "ledger-writer", past, order=True)
    stage.stand(ledger, payments.all_shards[1], Past(7 * HOUR, consumers=("ledger-b",)))
    stage.consume("pay-core", payments, "ledger-writer", "ledger-a", "ledger-b", pace=0.3)
    stage.group(payments, "payment-notify", Past(3, consumers=("notify-0", "notify-1")))
    stage.consume("pay-core", payments, "payment-notify", "notify-0", "notify-1")


def _refunds(stage: Stage) -> None:
    refunds = stage.store(
        "pay-core", "refunds", shards=4, rate=0.004, history=20 * DAY, ttl_days=30, kind="payments"
    )
    for shard in refunds.all_shards.values():
        shard.set_rate(0, stage.now)
    refunds.all_shards[3].fill([])
    stage.group(refunds, "refund-mailer", Past(0, 5 * HOUR, consumers=("mailer-0",), shards=(0, 1, 2)))
    stage.consume("pay-core", refunds, "refund-mailer", "mailer-0")


def _shop_web(stage: Stage) -> None:
    stage.project("shop-web", "Web shop")
    _access_log(stage)
    carts = stage.store(
        "shop-web", "cart-events", shards=6, rate=0.5, history=12 * HOUR, ttl_days=3, kind="orders"
    )
    stage.group(carts, "cart-recommender", Past(5, consumers=("reco-0", "reco-1")))
    stage.consume("shop-web", carts, "cart-recommender", "reco-0", "reco-1", commit_seconds=3)
    stage.group(carts, "cart-abandon-mail", Past(3.5 * HOUR, consumers=("abandon-0",)))
    stage.consume("shop-web", carts, "cart-abandon-mail", "abandon-0", pace=6)
    stage.group(carts, "cart-report", Past(8 * MINUTE, 8 * MINUTE, consumers=("report-0",)))
    stage.consume("shop-web", carts, "cart-report", "report-0", commit_seconds=9 * MINUTE)


def _access_log(stage: Stage) -> None:
    access = stage.store(
        "shop-web", "access-log", shards=12, rate=0.15, history=4 * DAY, ttl_days=1, kind="access"
    )
    etl = stage.group(access, "clickstream-etl", Past(21 * HOUR, 21 * HOUR, consumers=("etl-0", "etl-1")))
    for number in (2, 5, 9):
        stage.stand(etl, access.all_shards[number], Past(33 * HOUR, 33 * HOUR, consumers=("etl-0", "etl-1")))
    stage.group(access, "edge-metrics", Past(23.4 * HOUR, 40, consumers=("edge-0",)))
    stage.consume("shop-web", access, "edge-metrics", "edge-0", pace=0.9)
    stage.group(access, "bot-detection", Past(1.6 * HOUR, 1.6 * HOUR, consumers=("bot-0", "bot-1", "bot-2")))
    stage.consume("shop-web", access, "bot-detection", "bot-0", "bot-1", "bot-2", pace=0)


def _iot_telemetry(stage: Stage) -> None:
    stage.project("iot-telemetry", "Devices in the field")
    readings = stage.store(
        "iot-telemetry", "readings", shards=6, rate=0.4, history=8 * HOUR, kind="telemetry"
    )
    stage.group(readings, "device-shadow", Past(4, consumers=("shadow-0", "shadow-1")))
    stage.consume("iot-telemetry", readings, "device-shadow", "shadow-0", "shadow-1")
    stage.group(readings, "geo-index", Past(20 * MINUTE, 20 * MINUTE, consumers=("geo-0",)))
    stage.meddle("iot-telemetry", readings, "geo-index", by=-15 * MINUTE, every=7 * MINUTE)
    stage.group(readings, "alarm-rules", Past(700, consumers=("alarm-0",)))
    stage.consume("iot-telemetry", readings, "alarm-rules", "alarm-0", pace=1)
    throttle(stage, "iot-telemetry", every=20)


def _ops_audit(stage: Stage) -> None:
    stage.project("ops-audit", "运维审计")
    audit = stage.store(
        "ops-audit", "k8s-audit", shards=2, rate=0.05, history=2 * DAY, ttl_days=180, kind="audit"
    )
    stage.group(audit, "siem-export", Past(12, consumers=("siem-0",)))
    stage.consume("ops-audit", audit, "siem-export", "siem-0")
    deny(stage, "ops-audit")


def _archive_slow(stage: Stage) -> None:
    stage.project("archive-slow", "A region far away")
    archive = stage.store("archive-slow", "cold-copy", shards=4, rate=0.02, history=6 * DAY, ttl_days=3650)
    stage.group(archive, "cold-storage-copier", Past(600, consumers=("copier-0",)))
    stage.consume("archive-slow", archive, "cold-storage-copier", "copier-0", pace=1)
    stage.delay("archive-slow", 3)
