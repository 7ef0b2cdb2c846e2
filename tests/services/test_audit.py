"""The audit log: only added to, chained, verified, exported."""
# ruff: noqa: S608 - the statements are attacks of our own

from __future__ import annotations

import subprocess
import threading
from datetime import UTC, datetime
from typing import Any

import pytest
from django.contrib.auth.models import AnonymousUser
from django.db import DatabaseError, connection, transaction

from checkpoints.models import AuditRow
from checkpoints.services import audit, sealing, triggers
from checkpoints.services.audit import SYSTEM, Actor

TABLE = AuditRow._meta.db_table
KEY = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
AT = datetime(2026, 1, 2, 3, 4, 5, 678901, tzinfo=UTC)
COLUMNS = ", ".join(field.column for field in AuditRow._meta.concrete_fields)


@pytest.fixture
def log(db: None, settings: Any) -> None:
    """An audit log of five rows, guarded."""
    settings.SEALING_KEY = KEY
    triggers.install()
    for number in range(5):
        audit.record("reset.shard", actor=SYSTEM, shard=number, at=AT, reason=f"reason {number}")


def run(statement: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(statement)


def unguarded(*statements: str) -> None:
    """Do what somebody who owns the database can do."""
    triggers.remove()
    for statement in statements:
        run(statement)
    triggers.install()


def kinds() -> list[tuple[int, str]]:
    return [(flaw.seq, flaw.kind) for flaw in audit.verify()]


@pytest.mark.django_db
def test_rows_are_numbered_from_one_and_chained() -> None:
    first = audit.record("plan.made", actor=SYSTEM)
    second = audit.record("reset.requested", actor=SYSTEM)

    assert (first.seq, first.previous_mac) == (1, "")
    assert (second.seq, second.previous_mac) == (2, first.mac)
    assert len(second.mac) == 64


@pytest.mark.django_db
def test_a_row_keeps_names_and_roles_as_text(group: Any, people: dict[str, Any]) -> None:
    actor = Actor.of(people["operator"], "192.0.2.7")
    row = audit.record("reset.requested", actor=actor, group=group, object_id=group.endpoint.pk, ticket="T-1")

    row.refresh_from_db()
    assert (row.actor_id, row.actor_name) == (str(people["operator"].pk), "the-operator")
    assert (row.roles, row.source_ip) == ("operator", "192.0.2.7")
    assert (row.endpoint, row.project, row.logstore, row.consumer_group) == ("test", "proj", "store", "cg-0")
    assert (row.object_id, row.ticket) == (str(group.endpoint.pk), "T-1")


@pytest.mark.django_db
def test_somebody_not_signed_in_is_named_so() -> None:
    assert Actor.of(AnonymousUser(), "192.0.2.7") == Actor("", "anonymous", "", "192.0.2.7")


def test_an_untouched_log_has_no_flaws(log: None) -> None:
    assert audit.verify() == []


HOSTILE = {
    "text": "a\0b\udcff",
    "number": 2**63,
    "share": 0.1,
    "when": AT,
    "list": (1, None, True),
    5: {"x": 1e300},
}


@pytest.mark.django_db
def test_any_value_comes_back_from_the_database_as_it_was_signed() -> None:
    audit.record(
        "plan.made",
        actor=Actor("1", "n\0ame"),
        details=HOSTILE,
        before=[HOSTILE],
        reason="x" * 9000,
        shard=2**31 - 1,
    )

    row = AuditRow.objects.get()
    assert audit.verify() == []
    assert row.actor_name == "n\ufffdame"
    assert len(row.reason) == 500
    assert row.details == {
        "text": "a\ufffdb?",
        "number": str(2**63),
        "share": "0.1",
        "when": "2026-01-02T03:04:05.678901Z",
        "list": [1, None, True],
        "5": {"x": "1e+300"},
    }


def copy_of_third(*, seq: str = "seq", row_id: str = "id") -> str:
    """Return an INSERT's source: the third row, with another seq or id."""
    columns = COLUMNS.replace("seq", seq, 1).replace("id", row_id, 1)
    return f"INTO {TABLE} ({COLUMNS}) SELECT {columns} FROM {TABLE} WHERE seq = 3"


NEW_ID = "'00000000000000000000000000000000'"
ATTACKS = {
    "update": f"UPDATE {TABLE} SET reason = 'x' WHERE seq = 3",
    "delete": f"DELETE FROM {TABLE} WHERE seq = 5",
    "same again": f"INSERT {copy_of_third()}",
    "same id": f"INSERT {copy_of_third(seq='6')}",
    "gap": f"INSERT {copy_of_third(seq='9', row_id=NEW_ID)}",
    "before the first": f"INSERT {copy_of_third(seq='0', row_id=NEW_ID)}",
    "upsert": f"INSERT {copy_of_third()} ON CONFLICT (seq) DO UPDATE SET reason = 'x'",
}
ATTACKS |= {
    "sqlite": {
        "update or replace": f"UPDATE OR REPLACE {TABLE} SET seq = 2 WHERE seq = 3",
        "replace by seq": f"INSERT OR REPLACE {copy_of_third(row_id=NEW_ID)}",
        "replace by id": f"INSERT OR REPLACE {copy_of_third(seq='6')}",
        "ignore": f"INSERT OR IGNORE {copy_of_third()}",
    },
    "postgresql": {
        "truncate": f"TRUNCATE {TABLE}",
        "truncate cascade": f"TRUNCATE {TABLE} CASCADE",
        "ignore": f"INSERT {copy_of_third()} ON CONFLICT DO NOTHING",
    },
}[connection.vendor]


@pytest.mark.parametrize("attack", ATTACKS)
def test_the_database_itself_refuses_to_change_the_log(log: None, attack: str) -> None:
    with pytest.raises(DatabaseError, match="append-only"), transaction.atomic():
        run(ATTACKS[attack])
    assert kinds() == []
    assert AuditRow.objects.count() == 5


def test_the_log_can_still_be_added_to(log: None) -> None:
    assert audit.record("plan.made", actor=SYSTEM).seq == 6


TAMPERINGS = [
    (["UPDATE {t} SET reason = 'x' WHERE seq = 3"], [(3, "edited")]),
    (["UPDATE {t} SET at = '2026-01-02 03:04:06' WHERE seq = 1"], [(1, "edited")]),
    (["UPDATE {t} SET shard = NULL WHERE seq = 2"], [(2, "edited")]),
    (["UPDATE {t} SET mac = '' WHERE seq = 5"], [(5, "unsigned")]),
    (["DELETE FROM {t} WHERE seq = 3"], [(4, "removed")]),
    (["DELETE FROM {t} WHERE seq <= 2"], [(3, "removed")]),
    (
        ["DELETE FROM {t} WHERE seq = 3", "UPDATE {t} SET seq = seq - 1 WHERE seq > 3"],
        [(3, "edited"), (3, "moved"), (4, "edited")],
    ),
    (
        [
            "UPDATE {t} SET seq = 99 WHERE seq = 2",
            "UPDATE {t} SET seq = 2 WHERE seq = 3",
            "UPDATE {t} SET seq = 3 WHERE seq = 99",
        ],
        [(2, "edited"), (2, "moved"), (3, "edited"), (3, "moved"), (4, "moved")],
    ),
]


@pytest.mark.parametrize(("statements", "found"), TAMPERINGS)
def test_verify_finds_what_was_done_past_the_triggers(
    log: None, statements: list[str], found: list[tuple[int, str]]
) -> None:
    unguarded(*(statement.format(t=TABLE) for statement in statements))
    assert kinds() == found


def test_verify_finds_a_row_put_in_at_the_end(log: None) -> None:
    last = AuditRow.objects.first()
    assert last is not None
    last.seq, last.id, last.previous_mac = 6, audit.uuid.uuid4(), last.mac
    last.save(force_insert=True)
    assert kinds() == [(6, "edited")]


def test_only_an_anchor_shows_rows_cut_off_at_the_end(log: None) -> None:
    head = AuditRow.objects.first()
    assert head is not None
    unguarded(f"DELETE FROM {TABLE} WHERE seq = 5")
    assert audit.verify() == []
    assert [flaw.kind for flaw in audit.verify(anchor=(head.seq, head.mac))] == ["removed"]


def test_rows_signed_with_another_key_are_flaws(log: None, settings: Any) -> None:
    settings.SEALING_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    assert [kind for _, kind in kinds()] == ["edited"] * 5


def test_while_the_key_is_missing_rows_are_kept_unsigned_and_verify_says_so(
    log: None, settings: Any, tmp_path: Any
) -> None:
    settings.SEALING_KEY, settings.DATA_DIR = "", tmp_path
    audit.record("session.signed_in", actor=SYSTEM)
    with pytest.raises(sealing.Locked):
        audit.verify()
    settings.SEALING_KEY = KEY
    audit.record("session.signed_in", actor=SYSTEM)
    assert kinds() == [(6, "unsigned")]


DISARMED = {
    "sqlite": f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE} WHEN 0"
    " BEGIN SELECT RAISE(ABORT, 'the audit log is append-only'); END",
    "postgresql": f"CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE} FOR EACH ROW WHEN (false)"
    " EXECUTE FUNCTION audit_refuse()",
}


def test_a_missing_or_changed_trigger_is_noticed_and_made_again(log: None) -> None:
    assert triggers.missing() == []
    place = f" ON {TABLE}" if connection.vendor == "postgresql" else ""
    run(f"DROP TRIGGER audit_no_delete{place}")
    run(f"DROP TRIGGER audit_no_update{place}")
    run(DISARMED[connection.vendor])
    assert triggers.missing() == ["audit_no_update", "audit_no_delete"]
    triggers.install()
    assert triggers.missing() == []


def test_no_module_of_the_product_removes_the_triggers() -> None:
    found = subprocess.run(
        ["grep", "-rlE", r"triggers\.remove|DROP TRIGGER", "checkpoints", "dashboard", "--include=*.py"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert found.stdout.split() == ["checkpoints/services/triggers.py"]


@pytest.mark.django_db
def test_a_row_goes_with_the_transaction_it_tells_about() -> None:
    def fail() -> None:
        with transaction.atomic():
            audit.record("plan.made", actor=SYSTEM)
            raise RuntimeError

    with pytest.raises(RuntimeError):
        fail()
    assert not AuditRow.objects.exists()


def test_many_threads_make_one_chain(real_db: None) -> None:
    triggers.install()

    def write() -> None:
        for _ in range(10):
            audit.record("plan.made", actor=SYSTEM)
        connection.close()

    threads = [threading.Thread(target=write) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert list(AuditRow.objects.order_by("seq").values_list("seq", flat=True)) == list(range(1, 81))
    assert kinds() == []
