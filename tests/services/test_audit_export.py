"""The exported audit log: no formulas, and a chain that anybody with the key can check."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from typing import Any

import pytest

from checkpoints.domain import sheets
from checkpoints.services import audit, audit_chain, audit_export
from checkpoints.services.audit import SYSTEM, Actor
from tests.services.test_audit import KEY, log

__all__ = ["log"]


@pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@x", "\t=1", "\r=1", "  =1", "＝1"])
@pytest.mark.django_db
def test_no_cell_of_the_csv_is_a_formula(text: str) -> None:
    audit.record("plan.made", actor=Actor("", text), reason=text)
    row = audit_export.rows()[0]
    cell = sheets.cell(row["reason"])
    assert cell == "'" + text


def test_an_export_tells_of_itself(log: None) -> None:
    lines = list(audit_export.export("csv", actor=Actor("", "somebody")))
    assert len(lines) == 7
    assert lines[0].startswith("seq,id,at,actor_id,actor_name")
    assert "audit.exported" in lines[-1]
    assert "somebody" in lines[-1]


def checked(lines: list[str], tmp_path: Any) -> subprocess.CompletedProcess[str]:
    path = tmp_path / "audit.jsonl"
    path.write_text("".join(lines), encoding="utf-8")
    return subprocess.run(
        [sys.executable, "-I", "-S", audit_chain.__file__, str(path)],
        capture_output=True,
        text=True,
        check=False,
        env=os.environ | {"SEALING_KEY": KEY},
    )


def test_an_exported_log_is_verified_with_the_standard_library_alone(log: None, tmp_path: Any) -> None:
    lines = list(audit_export.export("jsonl", actor=SYSTEM))
    assert (checked(lines, tmp_path).returncode, len(lines)) == (0, 6)
    lines[2] = json.dumps(json.loads(lines[2]) | {"reason": "x"}) + "\n"
    done = checked(lines, tmp_path)
    assert done.returncode == 1
    assert "Row 3 was changed" in done.stdout


def test_a_check_without_the_key_says_what_to_set(
    tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.delenv("SEALING_KEY", raising=False)
    assert audit_chain.main(str(tmp_path / "audit.jsonl")) == 2
    assert capsys.readouterr().err == "Set SEALING_KEY to the sealing key in base64.\n"


def test_a_whole_chain_is_told_in_words(
    log: None, tmp_path: Any, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "audit.jsonl").write_text("".join(audit_export.export("jsonl", actor=SYSTEM)))
    monkeypatch.setenv("SEALING_KEY", KEY)
    assert audit_chain.main(str(tmp_path / "audit.jsonl")) == 0
    assert capsys.readouterr().out == "The chain is whole.\n"
