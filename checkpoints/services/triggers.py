"""Triggers that refuse to change or delete audit rows, on SQLite and on PostgreSQL.

They are made after every migrate, because a migration that rebuilds a table on SQLite drops them silently.
They refuse; the chain of services/audit_chain.py detects.
"""

from __future__ import annotations

import re

from django.db import connections
from django.db.backends.base.base import BaseDatabaseWrapper

from checkpoints.models import AuditRow

TABLE = AuditRow._meta.db_table
CODE = "integrity_constraint_violation"
WORDS = "the audit log is append-only"
# Only names of our own stand in these statements, no input.
NOT_NEXT = f"""NEW.seq IS NULL OR NEW.seq <> (SELECT COALESCE(MAX(seq), 0) + 1 FROM {TABLE})
    OR EXISTS (SELECT 1 FROM {TABLE} WHERE id = NEW.id)"""  # noqa: S608

# INSERT OR REPLACE fires no delete trigger, so an insert of an existing row is refused as well.
SQLITE = {
    "audit_no_update": f"""CREATE TRIGGER audit_no_update BEFORE UPDATE ON {TABLE}
BEGIN SELECT RAISE(ABORT, '{WORDS}'); END""",
    "audit_no_delete": f"""CREATE TRIGGER audit_no_delete BEFORE DELETE ON {TABLE}
BEGIN SELECT RAISE(ABORT, '{WORDS}'); END""",
    "audit_only_next": f"""CREATE TRIGGER audit_only_next BEFORE INSERT ON {TABLE} WHEN {NOT_NEXT}
BEGIN SELECT RAISE(ABORT, '{WORDS}'); END""",
}

# Row triggers do not see TRUNCATE; a statement trigger does.
FUNCTIONS = {
    "audit_refuse": f" BEGIN RAISE EXCEPTION '{WORDS}' USING ERRCODE = '{CODE}'; END ",
    "audit_check_next": f""" BEGIN IF {NOT_NEXT} THEN
    RAISE EXCEPTION '{WORDS}' USING ERRCODE = '{CODE}'; END IF;
    RETURN NEW; END """,
}
POSTGRES = {
    "audit_no_update": ("BEFORE UPDATE", "ROW", "audit_refuse"),
    "audit_no_delete": ("BEFORE DELETE", "ROW", "audit_refuse"),
    "audit_no_truncate": ("BEFORE TRUNCATE", "STATEMENT", "audit_refuse"),
    "audit_only_next": ("BEFORE INSERT", "ROW", "audit_check_next"),
}
PRESENT = """SELECT t.tgname, pg_get_triggerdef(t.oid), p.prosrc FROM pg_trigger t
    JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE t.tgrelid = to_regclass(%s) AND NOT t.tgisinternal AND t.tgenabled IN ('O', 'A')"""


def install(*, using: str = "default", **_signal: object) -> None:
    """Make the triggers that are missing or different; a receiver of post_migrate."""
    connection = connections[using]
    if TABLE not in connection.introspection.table_names():
        return
    names = missing(using=using)
    if not names:
        return
    statements = _for_sqlite(names) if connection.vendor == "sqlite" else _for_postgres(names)
    with connection.cursor() as cursor:
        for statement in statements:
            cursor.execute(statement)


def remove(*, using: str = "default") -> None:
    """Drop the triggers, which only the owner of the tables can; for emptying a database of tests."""
    connection = connections[using]
    place = "" if connection.vendor == "sqlite" else f" ON {TABLE}"
    with connection.cursor() as cursor:
        for name in SQLITE if connection.vendor == "sqlite" else POSTGRES:
            cursor.execute(f"DROP TRIGGER IF EXISTS {name}{place}")


def missing(*, using: str = "default") -> list[str]:
    """Return the names of the triggers that are not there as they should be; [] is good."""
    connection = connections[using]
    if connection.vendor == "sqlite":
        found = _found_in_sqlite(connection)
        return [name for name, text in SQLITE.items() if found.get(name) != _plain(text)]
    held = _held_by_postgres(connection)
    return [name for name in POSTGRES if name not in held]


def _for_sqlite(names: list[str]) -> list[str]:
    return [text for name in names for text in (f"DROP TRIGGER IF EXISTS {name}", SQLITE[name])]


def _for_postgres(names: list[str]) -> list[str]:
    made = [
        f"CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $body${body}$body$"
        for name, body in FUNCTIONS.items()
    ]
    for name in names:
        moment, each, function = POSTGRES[name]
        made.append(f"DROP TRIGGER IF EXISTS {name} ON {TABLE}")
        made.append(
            f"CREATE TRIGGER {name} {moment} ON {TABLE} FOR EACH {each} EXECUTE FUNCTION {function}()"
        )
    return made


def _found_in_sqlite(connection: BaseDatabaseWrapper) -> dict[str, str]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT name, sql FROM sqlite_master WHERE type = 'trigger' AND tbl_name = %s", [TABLE]
        )
        return {name: _plain(text) for name, text in cursor.fetchall()}


def _held_by_postgres(connection: BaseDatabaseWrapper) -> set[str]:
    with connection.cursor() as cursor:
        cursor.execute(PRESENT, [TABLE])
        found = cursor.fetchall()
    return {name for name, text, source in found if name in POSTGRES and _as_made(name, text, source)}


def _as_made(name: str, text: str, source: str) -> bool:
    moment, each, function = POSTGRES[name]
    wanted = (f" {moment} ON ", f"FOR EACH {each} EXECUTE FUNCTION", f"{function}()")
    conditional = " WHEN " in text
    return not conditional and all(part in text for part in wanted) and source == FUNCTIONS[function]


def _plain(text: str) -> str:
    return re.sub(r"\s+", " ", text).strip()
