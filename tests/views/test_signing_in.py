"""Signing in and out, the password once more, the first administrator, the time zone."""

from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import User
from django.core.cache import cache
from django.test import Client

from checkpoints.models import AuditRow
from checkpoints.services import setup
from tests.conftest import PASSWORD

pytestmark = pytest.mark.django_db
GOOD = {"username": "the-operator", "password": PASSWORD}
NEW = "a long and good sentence"
LONG = "x" * 20_000


@pytest.fixture(autouse=True)
def forget_locks() -> None:
    cache.clear()


def audited(action: str) -> list[AuditRow]:
    return list(AuditRow.objects.filter(action=action).order_by("seq"))


def test_a_person_signs_in_and_comes_to_the_page_that_was_wanted(client: Client, people: Any) -> None:
    started = time.time()
    answer = client.post("/login/", {**GOOD, "next": "/endpoints/"})
    assert (answer.status_code, answer["Location"]) == (302, "/endpoints/")
    assert client.session["signed_in_at"] >= started
    [row] = audited("session.signed_in")
    assert (row.actor_name, row.roles, row.source_ip) == ("the-operator", "operator", "127.0.0.1")


@pytest.mark.parametrize(
    "wanted",
    ["//evil.example", "https://evil.example/", "/\\evil.example", "javascript:alert(1)", "\t//evil.example"],
)
def test_nobody_is_sent_to_another_site(client: Client, people: Any, wanted: str) -> None:
    answer = client.post("/login/", {**GOOD, "next": wanted})
    assert (answer.status_code, answer["Location"]) == (302, "/")


def test_the_session_gets_a_new_key_at_the_sign_in(client: Client, people: Any) -> None:
    session = client.session
    session["mark"] = 1
    session.save()
    client.cookies["sessionid"] = old = session.session_key
    client.post("/login/", GOOD)
    assert client.session.session_key != old


def test_unknown_names_and_wrong_passwords_and_closed_accounts_get_the_same_answer(people: Any) -> None:
    User.objects.filter(username="the-viewer").update(is_active=False)
    tries = [("nobody", PASSWORD), ("the-operator", "wrong"), ("the-viewer", PASSWORD)]
    pages = set()
    for name, password in tries:
        answer = Client().post("/login/", {"username": name, "password": password})
        assert answer.status_code == 422
        pages.add(str(answer.context["form"].errors))
    assert len(pages) == 1
    assert "do not belong together" in pages.pop()


def test_a_failure_is_audited_without_what_might_be_a_password(client: Client, people: Any) -> None:
    client.post("/login/", {"username": "hunter2-typed-in-the-wrong-field", "password": "x"})
    client.post("/login/", {"username": "the-operator", "password": "x"})
    assert [row.actor_name for row in audited("session.failed")] == ["unknown name", "the-operator"]


def test_after_five_failures_even_the_right_password_has_to_wait(client: Client, people: Any) -> None:
    for _ in range(4):
        assert client.post("/login/", {**GOOD, "password": "x"}).status_code == 422
    locked = client.post("/login/", {**GOOD, "password": "x"})
    assert (locked.status_code, locked["Retry-After"]) == (429, "900")
    assert "15 minutes" in locked.content.decode()
    assert client.post("/login/", GOOD).status_code == 429
    assert len(audited("session.locked")) == 1
    assert "_auth_user_id" not in client.session


def test_a_lock_is_for_one_name_from_one_address(people: Any) -> None:
    guesser = Client(REMOTE_ADDR="10.0.0.9")
    for _ in range(5):
        guesser.post("/login/", {**GOOD, "password": "x"})
    assert Client(REMOTE_ADDR="10.0.0.10").post("/login/", GOOD).status_code == 302
    assert guesser.post("/login/", {"username": "the-viewer", "password": PASSWORD}).status_code == 302


@pytest.mark.parametrize(
    ("name", "password"),
    [("", ""), ("", "x"), ("x", ""), (LONG, "x"), ("x", LONG), ("ｔｈｅ", "٣"), ("a\nb", "x\ty")],
)
def test_bad_sign_ins_are_form_errors(client: Client, people: Any, name: str, password: str) -> None:
    answer = client.post("/login/", {"username": name, "password": password})
    assert answer.status_code == 422
    assert answer.context["form"].errors


def test_an_empty_form_is_no_failed_sign_in(client: Client) -> None:
    client.post("/login/", {"username": "", "password": ""})
    assert not AuditRow.objects.exists()


def test_somebody_signed_in_is_not_asked_again(signed_in: Any) -> None:
    answer = signed_in("viewer").get("/login/?next=/endpoints/")
    assert (answer.status_code, answer["Location"]) == (302, "/endpoints/")


def test_signing_out_ends_the_session_and_clears_the_browser(signed_in: Any) -> None:
    client = signed_in("viewer")
    answer = client.post("/logout/")
    assert (answer.status_code, answer["Location"]) == (302, "/login/")
    assert '"cache"' in answer["Clear-Site-Data"]
    assert "_auth_user_id" not in client.session
    assert [row.actor_name for row in audited("session.signed_out")] == ["the-viewer"]


def test_a_link_signs_nobody_out(signed_in: Any) -> None:
    client = signed_in("viewer")
    assert client.get("/logout/").status_code == 405
    assert "_auth_user_id" in client.session


def test_the_password_given_again_makes_the_sign_in_fresh(signed_in: Any) -> None:
    client = signed_in("operator")
    session = client.session
    session["signed_in_at"] = time.time() - 3600
    session.save()
    answer = client.post("/confirm-password/", {"password": PASSWORD, "next": "/resets/"})
    assert (answer.status_code, answer["Location"]) == (302, "/resets/")
    assert time.time() - client.session["signed_in_at"] < 60


@pytest.mark.parametrize("password", ["", "wrong", LONG])
def test_a_wrong_password_leaves_the_sign_in_as_old_as_it_was(signed_in: Any, password: str) -> None:
    client = signed_in("operator")
    old = client.session["signed_in_at"]
    answer = client.post("/confirm-password/", {"password": password})
    assert answer.status_code == 422
    assert client.session["signed_in_at"] == old


def test_guessing_the_password_of_an_open_session_is_locked_too(signed_in: Any) -> None:
    client = signed_in("operator")
    answers = [client.post("/confirm-password/", {"password": "x"}).status_code for _ in range(5)]
    assert answers == [422, 422, 422, 422, 429]


def set_up(client: Client, token: str, **changes: str) -> Any:
    form = {"name": "mei", "password": NEW, "repeated": NEW} | changes
    return client.post(f"/setup/{token}/", form)


def test_the_first_administrator_is_made_by_the_link_and_signed_in(client: Client) -> None:
    assert client.get(f"/setup/{setup.link_token()}/").status_code == 200
    answer = set_up(client, setup.link_token())
    assert (answer.status_code, answer["Location"]) == (302, "/")
    user = User.objects.get(username="mei")
    assert sorted(user.groups.values_list("name", flat=True)) == ["admin", "auditor", "operator", "viewer"]
    assert client.session["_auth_user_id"] == str(user.pk)
    [row] = audited("user.created")
    assert row.after == {"name": "mei", "roles": ["admin", "auditor", "operator", "viewer"]}


def test_the_link_works_only_while_there_is_no_user(client: Client) -> None:
    token = setup.link_token()
    set_up(client, token)
    answer = set_up(Client(), token, name="eve")
    assert answer.status_code == 404
    assert User.objects.count() == 1


@pytest.mark.parametrize("token", ["x", "first-administrator", "first-administrator:1:2", "ключ"])
def test_a_made_up_link_opens_nothing(client: Client, token: str) -> None:
    assert client.get(f"/setup/{token}/").status_code == 404
    assert set_up(client, token).status_code == 404
    assert not User.objects.exists()


def test_the_link_is_too_old_after_a_day(client: Client) -> None:
    with time_machine.travel(datetime.now(UTC) - timedelta(hours=25), tick=False):
        token = setup.link_token()
    assert client.get(f"/setup/{token}/").status_code == 404


BAD_ACCOUNTS = {
    "no name": {"name": ""},
    "long name": {"name": "x" * 151},
    "name with a slash": {"name": "a/b"},
    "name with a line": {"name": "a\nb"},
    "short password": {"password": "short", "repeated": "short"},
    "common password": {"password": "qwerty123456", "repeated": "qwerty123456"},
    "long password": {"password": LONG, "repeated": LONG},
    "two passwords": {"repeated": NEW + "!"},
    "no password": {"password": "", "repeated": ""},
    "name as password": {
        "name": "administrator-mei",
        "password": "administrator-mei",
        "repeated": "administrator-mei",
    },
}


@pytest.mark.parametrize("case", BAD_ACCOUNTS)
def test_a_bad_first_account_is_a_form_error_and_nothing_is_stored(client: Client, case: str) -> None:
    answer = set_up(client, setup.link_token(), **BAD_ACCOUNTS[case])
    assert answer.status_code == 422
    assert answer.context["form"].errors
    assert not User.objects.exists()
    assert not AuditRow.objects.exists()


def test_the_chosen_zone_is_remembered(client: Client) -> None:
    answer = client.post("/zone/", {"zone": "Europe/Berlin", "next": "/login/"})
    assert (answer.status_code, answer["Location"]) == (302, "/login/")
    assert client.cookies["zone"].value == "Europe/Berlin"


@pytest.mark.parametrize("zone", ["", "Mars/Olympus", "../../etc/passwd", "UTC/", LONG, "٣"])
def test_an_unknown_zone_changes_nothing_and_is_told(client: Client, zone: str) -> None:
    answer = client.post("/zone/", {"zone": zone, "next": "/login/"}, follow=True)
    assert answer.status_code == 200
    assert "zone" not in client.cookies
    assert "There is no time zone" in answer.content.decode()
