"""Sessions as Django keeps them, put off by one statement, at most once a minute."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.sessions.backends.base import UpdateError
from django.contrib.sessions.models import Session

from checkpoints.services.sessions import SessionStore

pytestmark = pytest.mark.django_db


@pytest.fixture
def stored() -> SessionStore:
    session = SessionStore()
    session["word"] = "before"
    session.save()
    return session


def test_a_change_is_one_statement(stored, django_assert_num_queries):
    again = SessionStore(stored.session_key)
    again["word"] = "after"
    with django_assert_num_queries(1):
        again.save()
    assert SessionStore(stored.session_key)["word"] == "after"
    assert Session.objects.count() == 1


def test_a_session_that_ended_meanwhile_does_not_come_back(stored):
    again = SessionStore(stored.session_key)
    again["word"] = "after"
    Session.objects.all().delete()
    with pytest.raises(UpdateError):
        again.save()
    assert not Session.objects.exists()


def test_a_new_session_is_stored(stored):
    assert SessionStore(stored.session_key)["word"] == "before"


@pytest.mark.parametrize(("seconds", "is_put_off"), [(5, False), (59, False), (61, True)])
def test_visits_put_the_end_of_a_session_off_once_a_minute(signed_in: Any, seconds: int, is_put_off: bool):
    client = signed_in("viewer")
    client.get("/")
    before = Session.objects.get().expire_date
    with time_machine.travel(datetime.now(UTC) + timedelta(seconds=seconds)):
        answer = client.get("/")
    assert (Session.objects.get().expire_date > before) is is_put_off
    assert ("sessionid" in answer.cookies) is is_put_off


def test_somebody_who_goes_on_is_never_signed_out_for_being_idle(signed_in: Any):
    client, start = signed_in("viewer"), datetime.now(UTC)
    for minutes in range(0, 180, 25):
        with time_machine.travel(start + timedelta(minutes=minutes)):
            assert client.get("/").status_code == 200


def test_somebody_idle_for_half_an_hour_is_signed_out(signed_in: Any):
    client = signed_in("viewer")
    client.get("/")
    with time_machine.travel(datetime.now(UTC) + timedelta(minutes=31)):
        assert client.get("/").status_code == 302
