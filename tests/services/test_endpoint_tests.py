"""The test of an endpoint: a verdict per operation, advice that helps, and not one write."""

from __future__ import annotations

import json
from typing import Any

import pytest

from checkpoints.models import AuditRow, Endpoint
from checkpoints.services import discovery, endpoint_tests, endpoints
from checkpoints.services.audit import Actor
from checkpoints.services.endpoint_tests import OPERATIONS, OperationVerdict

DENIED = "denied by sts or ram, action: {action}, resource: {resource}"
READS = OPERATIONS[:-1]


def verdicts_of(endpoint: Endpoint, now: Any) -> dict[str, OperationVerdict]:
    verdicts = endpoints.test(endpoint, actor=Actor("7", "admin"), now=now)
    assert [verdict.operation for verdict in verdicts] == list(OPERATIONS)
    return {verdict.operation: verdict for verdict in verdicts}


def marks(verdicts: dict[str, OperationVerdict]) -> dict[str, bool | None]:
    return {operation: verdict.ok for operation, verdict in verdicts.items()}


@pytest.mark.parametrize("signature", ["v1", "v4"])
def test_every_read_works_and_the_write_is_not_tried(
    emu: Any, add_endpoint: Any, now: Any, signature: str
) -> None:
    verdicts = verdicts_of(add_endpoint(emu, signature=signature), now)
    assert marks(verdicts) == dict.fromkeys(READS, True) | {"UpdateCheckPoint": None}
    assert all(verdicts[operation].request_id for operation in READS)
    assert "never writes" in str(verdicts["UpdateCheckPoint"].advice)
    assert "log:ConsumerGroupUpdateCheckPoint" in verdicts["UpdateCheckPoint"].policy
    assert emu.writes() == []


def test_each_operation_is_called_once(emu: Any, endpoint: Endpoint, now: Any) -> None:
    emu.reset_stats()
    verdicts_of(endpoint, now)
    requests = emu.stats()["requests"]
    assert requests == {operation: {"200": 1} for operation in READS}


def test_the_test_is_audited_with_each_verdict(emu: Any, endpoint: Endpoint, now: Any) -> None:
    verdicts_of(endpoint, now)
    row = AuditRow.objects.get(action="endpoint.tested")
    assert (row.actor_name, row.endpoint, row.outcome) == ("admin", "test", "passed")
    assert row.details["GetCursor"] == "ok"
    assert row.details["UpdateCheckPoint"] == "not tested"


@pytest.mark.parametrize("operation", READS[1:])
def test_a_missing_permission_comes_with_the_policy_to_paste(
    emu: Any, endpoint: Endpoint, now: Any, operation: str
) -> None:
    emu.fault(operation, status=403, code="Unauthorized", message=DENIED)
    verdict = verdicts_of(endpoint, now)[operation]
    assert (verdict.ok, verdict.code) == (False, "Unauthorized")
    assert verdict.request_id
    assert "Grant log:" in str(verdict.advice)
    statement = json.loads(verdict.policy)["Statement"][0]
    assert statement["Effect"] == "Allow"
    assert statement["Action"][0] in str(verdict.advice)
    assert statement["Resource"][0].startswith("acs:log:*:*:project/proj/logstore/")
    assert AuditRow.objects.get(action="endpoint.tested").outcome == "failed"


def test_one_missing_permission_leaves_the_others_tested(emu: Any, endpoint: Endpoint, now: Any) -> None:
    emu.fault("GetLogStore", status=403, code="Unauthorized", message=DENIED)
    found = marks(verdicts_of(endpoint, now))
    assert [operation for operation, ok in found.items() if ok is False] == ["GetLogStore"]
    assert found["GetCursorTime"] is True


def test_a_key_that_may_not_list_projects_is_fine_where_they_are_typed(
    emu: Any, endpoint: Endpoint, now: Any
) -> None:
    emu.fault("ListProject", status=403, code="Unauthorized", message=DENIED)
    verdicts = verdicts_of(endpoint, now)
    assert verdicts["ListProject"].ok is None
    assert "typed by hand" in str(verdicts["ListProject"].advice)
    assert verdicts["GetCursorTime"].ok is True


def test_a_key_that_may_not_list_projects_needs_one_typed(emu: Any, add_endpoint: Any, now: Any) -> None:
    emu.fault("ListProject", status=403, code="Unauthorized", message=DENIED)
    verdicts = verdicts_of(add_endpoint(emu, typed_projects=[]), now)
    assert verdicts["ListProject"].ok is False
    assert "log:ListProject" in verdicts["ListProject"].policy
    assert verdicts["ListLogStores"].ok is None
    assert "Type the name of a project" in str(verdicts["ListLogStores"].advice)


def test_a_listed_project_is_used_where_none_is_typed(emu: Any, add_endpoint: Any, now: Any) -> None:
    assert verdicts_of(add_endpoint(emu, typed_projects=[]), now)["GetCursorTime"].ok is True


def test_a_project_of_another_region_is_hinted_at(emu: Any, add_endpoint: Any, now: Any) -> None:
    verdicts = verdicts_of(add_endpoint(emu, typed_projects=["elsewhere"]), now)
    assert verdicts["ListLogStores"].code == "ProjectNotExist"
    assert "region" in str(verdicts["ListLogStores"].advice)
    assert (
        "no Logstore was found" in str(verdicts["GetCheckPoint"].advice)
        or verdicts["GetCheckPoint"].ok is None
    )


@pytest.mark.parametrize(("skew", "words"), [(-7200, "ahead of"), (7200, "behind")])
def test_a_wrong_clock_is_measured(emu: Any, endpoint: Endpoint, now: Any, skew: int, words: str) -> None:
    emu.clock(skew_seconds=skew)
    verdicts = verdicts_of(endpoint, now)
    assert verdicts["ListProject"].code in {"RequestTimeTooSkewed", "RequestTimeExpired"}
    assert f"{words} the service" in str(verdicts["ListProject"].advice)
    assert "2h" in str(verdicts["ListProject"].advice) or "1h 59m" in str(verdicts["ListProject"].advice)
    assert set(list(marks(verdicts).values())[1:]) == {None}


def test_a_wrong_secret_ends_the_test_at_once(emu: Any, add_endpoint: Any, now: Any) -> None:
    endpoint = add_endpoint(emu, secret="notTheSecret")
    emu.reset_stats()
    verdicts = verdicts_of(endpoint, now)
    assert (verdicts["ListProject"].ok, verdicts["ListProject"].code) == (False, "SignatureNotMatch")
    assert "secret is wrong" in str(verdicts["ListProject"].advice)
    assert "none would be answered" in str(verdicts["ListLogStores"].advice)
    assert emu.stats()["total"] == 1


def test_an_unknown_key_id_is_told(emu: Any, add_endpoint: Any, now: Any) -> None:
    verdict = verdicts_of(add_endpoint(emu, access_key_id="unknownKeyId"), now)["ListProject"]
    assert verdict.ok is False
    assert "AccessKey ID" in str(verdict.advice)


def test_throttling_is_not_taken_for_a_missing_permission(emu: Any, endpoint: Endpoint, now: Any) -> None:
    emu.fault(
        "ListShards",
        status=403,
        code="ReadQuotaExceed",
        message="Read QPS Exceed",
        headers={"Retry-After": "0"},
    )
    verdict = verdicts_of(endpoint, now)["ListShards"]
    assert (verdict.ok, verdict.code, verdict.policy) == (False, "ReadQuotaExceed", "")
    assert "Wait a little" in str(verdict.advice)


def test_an_endpoint_out_of_reach_is_told(emu: Any, add_endpoint: Any, now: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)
    emu.fault(None, status=-1)
    verdicts = verdicts_of(add_endpoint(emu), now)
    assert verdicts["ListProject"].ok is False
    assert "firewall" in str(verdicts["ListProject"].advice)
    assert "not reached" in str(verdicts["ListProject"].message)


def test_locked_credentials_are_told_and_nothing_is_called(
    emu: Any, endpoint: Endpoint, now: Any, settings: Any
) -> None:
    settings.SEALING_KEY = "MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY="
    emu.reset_stats()
    verdicts = verdicts_of(endpoint, now)
    assert (verdicts["ListProject"].ok, verdicts["ListProject"].code) == (False, "Locked")
    assert emu.stats()["total"] == 0


def test_what_was_not_found_is_not_tested(now: Any, add_endpoint: Any) -> None:
    from emulator.testing import running
    from tests.conftest import KEYS

    with running(projects=1, logstores=1, shards=1, groups=0, keys=KEYS) as emulator:
        verdicts = verdicts_of(add_endpoint(emulator), now)
    assert verdicts["GetCheckPoint"].ok is None
    assert "no consumer group was found" in str(verdicts["GetCheckPoint"].advice)
    assert verdicts["GetCursor"].ok is True


def test_a_logstore_known_to_have_groups_is_preferred(now: Any, add_endpoint: Any) -> None:
    from emulator.testing import running
    from tests.conftest import KEYS

    with running(projects=1, logstores=3, shards=1, groups=0, keys=KEYS) as emulator:
        emulator.add_group("proj", "store-2", "the-only-one")
        endpoint = add_endpoint(emulator)
        discovery.discover(endpoint, now=now)
        assert verdicts_of(endpoint, now)["GetCheckPoint"].ok is True


def test_a_verdict_as_json_is_plain(emu: Any, endpoint: Endpoint, now: Any) -> None:
    verdict = endpoint_tests.run(endpoint, now=now)[0]
    assert json.loads(json.dumps(verdict.as_json())) == {
        "operation": "ListProject",
        "ok": True,
        "code": "",
        "request_id": verdict.request_id,
        "message": "",
        "advice": "Works.",
        "policy": "",
    }
