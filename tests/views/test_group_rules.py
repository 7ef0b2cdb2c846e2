"""The pages of rules for groups: list and add, edit, remove."""

from __future__ import annotations

import pytest

from checkpoints.models import AuditRow, ConsumerGroup, Endpoint, GroupRule, Logstore, Project

pytestmark = pytest.mark.django_db
GOOD = {"endpoint": "", "pattern": "pay-*", "protection": "two-person", "note": "ask the payments team"}


@pytest.fixture(autouse=True)
def no_seeded_rules(db):
    GroupRule.objects.all().delete()


@pytest.fixture
def admin(signed_in):
    return signed_in("admin")


@pytest.fixture
def endpoint(db):
    found = Endpoint.objects.create(name="prod", host="prod.example:1")
    project = Project.objects.create(endpoint=found, name="pay")
    logstore = Logstore.objects.create(project=project, name="store")
    for name in ("pay-in", "pay-out", "other"):
        ConsumerGroup.objects.create(logstore=logstore, name=name)
    return found


def page(response):
    return response.content.decode()


def test_a_rule_is_added_listed_with_its_groups_and_audited_with_the_address(admin, endpoint):
    assert "There is no rule yet." in page(admin.get("/rules/"))
    response = admin.post("/rules/", GOOD)
    assert (response.status_code, response["Location"]) == (303, "/rules/")
    html = page(admin.get("/rules/"))
    for text in ("pay-*", "All endpoints", "Second person approves", ">2<small>pay/store/pay-in</small>"):
        assert text in html
    assert "pay/store/other" not in html
    row = AuditRow.objects.get(action="group_rule.added")
    assert (row.actor_name, row.source_ip, row.after["pattern"]) == ("the-admin", "127.0.0.1", "pay-*")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"pattern": ""}, "This field is required"),
        ({"pattern": "pay-["}, "A [ needs its ]"),
        ({"protection": "none"}, "would change nothing"),
        ({"protection": "four-person"}, "Select a valid choice"),
        ({"endpoint": "00000000-0000-0000-0000-000000000000"}, "Select a valid choice"),
    ],
)
def test_a_rule_that_cannot_be_is_422_with_a_sentence_and_keeps_what_was_typed(admin, changes, sentence):
    response = admin.post("/rules/", GOOD | changes)
    assert (response.status_code, GroupRule.objects.count()) == (422, 0)
    assert sentence in page(response)
    assert "ask the payments team" in page(response)


def test_a_rule_is_edited(admin, endpoint):
    rule = GroupRule.objects.create(pattern="etl-*", service_owned=True, note="a guess")
    html = page(admin.get(f"/rules/{rule.pk}/"))
    assert 'value="etl-*"' in html
    assert 'value="a guess"' in html
    changes = {"endpoint": endpoint.pk, "pattern": "job-*", "protection": "none", "service_owned": "on"}
    response = admin.post(f"/rules/{rule.pk}/", changes)
    assert (response.status_code, response["Location"]) == (303, "/rules/")
    rule.refresh_from_db()
    assert (rule.endpoint, rule.pattern, rule.service_owned, rule.note) == (endpoint, "job-*", True, "")
    assert AuditRow.objects.get(action="group_rule.changed").before["pattern"] == "etl-*"


def test_a_bad_edit_changes_nothing(admin):
    rule = GroupRule.objects.create(pattern="etl-*", service_owned=True)
    assert admin.post(f"/rules/{rule.pk}/", GOOD | {"pattern": "a/b"}).status_code == 422
    rule.refresh_from_db()
    assert rule.pattern == "etl-*"


def test_a_rule_is_removed_after_a_question(admin):
    rule = GroupRule.objects.create(pattern="etl-*", service_owned=True)
    assert "Remove etl-*?" in page(admin.get(f"/rules/{rule.pk}/remove/"))
    response = admin.post(f"/rules/{rule.pk}/remove/")
    assert (response.status_code, response["Location"]) == (303, "/rules/")
    assert not GroupRule.objects.exists()
    assert AuditRow.objects.get(action="group_rule.removed").after is None


def test_a_rule_that_is_not_there_is_404(admin):
    for path in ("/rules/999/", "/rules/999/remove/", f"/rules/{10**30}/"):
        assert admin.get(path).status_code == 404


def test_a_pattern_is_escaped_and_nothing_is_inline(admin):
    rule = GroupRule.objects.create(pattern="<b>*", protection="reason")
    for path in ("/rules/", f"/rules/{rule.pk}/", f"/rules/{rule.pk}/remove/"):
        html = page(admin.get(path))
        assert "<b>*" not in html
        assert "&lt;b&gt;*" in html
        assert "style=" not in html
        assert " onclick" not in html
