"""Shared arrangements: an emulator, a stored endpoint for it, one user per role, a database for threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from typing import Any

import pytest

ROLES = ["viewer", "peeker", "operator", "approver", "admin", "auditor"]
PASSWORD = "correct horse battery staple"
KEYS = ("testAccessKeyId", "testAccessKeySecret")


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--require-all", action="store_true", help="install what is missing; a skip that remains is a failure"
    )


def pytest_configure(config: pytest.Config) -> None:
    config.option.loadscopereorder = False  # xdist keeps the order below


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Browser tests come last: Playwright leaves an event loop running, in which Django refuses queries."""
    items.sort(key=lambda item: item.nodeid.startswith("tests/browser/"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Iterator[None]:
    report: Any = yield
    if report.skipped and item.config.getoption("--require-all") and not hasattr(report, "wasxfail"):
        report.outcome = "failed"
        report.longrepr = f"skipped although --require-all was given: {report.longrepr}"
    return report


@pytest.fixture(autouse=True)
def plain_settings(settings: Any) -> None:
    """Static files without a manifest, and background work that only runs when a test runs it."""
    settings.STORAGES = {
        **settings.STORAGES,
        "staticfiles": {"BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"},
    }
    settings.HUEY.immediate = False
    settings.SEND_IN_BACKGROUND = False


@pytest.fixture(autouse=True)
def no_samples() -> None:
    """Nothing is remembered of the readings of another test, which had the same numbers."""
    from checkpoints.queries import samples

    samples.forget()


@pytest.fixture
def heard(settings: Any) -> Iterator[Any]:
    """What a channel on loopback is sent: tests.services.alerting.Heard."""
    from tests.services import alerting

    settings.ALERT_ALLOWED_HOSTS = ("127.0.0.1",)
    with alerting.listening() as found:
        yield found


@pytest.fixture
def now() -> datetime:
    return datetime.now(UTC)


@pytest.fixture
def emu() -> Iterator[Any]:
    """A running emulator that checks signatures: project proj, Logstore store, 4 shards, group cg-0."""
    from emulator.testing import running

    with running(projects=1, logstores=1, shards=4, groups=1, prefill=20, span=3600, keys=KEYS) as emulator:
        yield emulator


@pytest.fixture
def add_endpoint(db: None) -> Callable[..., Any]:
    """Store an endpoint for an emulator; typed_projects defaults to its project."""
    return store_endpoint


def store_endpoint(emulator: Any, name: str = "test", **changes: Any) -> Any:
    from django.utils import timezone

    from checkpoints.services import endpoints
    from checkpoints.services.audit import SYSTEM

    wanted: dict[str, Any] = {
        "scheme": "http",
        "host": emulator.host,
        "region": "cn-hangzhou",
        "signature": "v4",
        "access_key_id": KEYS[0],
        "secret": KEYS[1],
        "typed_projects": ["proj"],
        "protection": "none",
    }
    return endpoints.add(actor=SYSTEM, name=name, now=timezone.now(), **(wanted | changes))


@pytest.fixture
def endpoint(emu: Any, add_endpoint: Callable[..., Any]) -> Any:
    return add_endpoint(emu)


@pytest.fixture
def group(endpoint: Any) -> Any:
    """The group cg-0 of the emulator, discovered but not read."""
    from django.utils import timezone

    from checkpoints.models import ConsumerGroup
    from checkpoints.services import discovery

    discovery.discover(endpoint, now=timezone.now())
    return ConsumerGroup.objects.get(name="cg-0")


def make_user(role: str) -> Any:
    from django.contrib.auth.models import Group, User

    user = User.objects.create_user(f"the-{role}", password=PASSWORD)
    user.groups.add(Group.objects.get(name=role))
    return user


@pytest.fixture
def people(db: None, settings: Any) -> dict[str, Any]:
    """One user per role; hashed fast, because hashing is not what the tests are about."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    return {role: make_user(role) for role in ROLES}


@pytest.fixture
def signed_in(people: dict[str, Any]) -> Callable[[str], Any]:
    """Return a client of somebody with this role, freshly signed in; "anonymous" is nobody."""
    import time

    from django.test import Client

    def client_of(role: str) -> Client:
        client = Client()
        if role != "anonymous":
            client.force_login(people[role], backend="checkpoints.queries.access.Backend")
            session = client.session
            session["signed_in_at"] = time.time()
            session.save()
        return client

    return client_of


KEPT = {"auth_group", "auth_permission", "auth_group_permissions", "django_content_type", "django_migrations"}


@pytest.fixture(scope="session")
def django_db_setup(
    django_test_environment: None, django_db_blocker: Any, django_db_modify_db_settings: None
) -> Iterator[None]:
    """Make the test database whichever tests run: pytest-django looks for its own marks only."""
    from django.test.utils import setup_databases, teardown_databases

    with django_db_blocker.unblock():
        made = setup_databases(verbosity=0, interactive=False)
        yield
        teardown_databases(made, verbosity=0)


@pytest.fixture
def real_db(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """A database whose commits other threads see; emptied afterwards, past the audit triggers."""
    with django_db_blocker.unblock():
        yield
        empty_database()


def empty_database() -> None:
    """Delete all rows but roles and regions; only somebody who owns the database can do this."""
    from django.db import connection

    from checkpoints.services import triggers

    assert "test" in str(connection.settings_dict["NAME"]), "only a test database is ever emptied"
    triggers.remove()
    tables = set(connection.introspection.table_names()) - KEPT - {"checkpoints_region"}
    with connection.constraint_checks_disabled(), connection.cursor() as cursor:
        for table in sorted(tables):
            cursor.execute(f'DELETE FROM "{table}"')  # noqa: S608
    triggers.install()
