"""The Prometheus rules and the Grafana dashboard in docs/: they parse, and ask only for what we export."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from checkpoints.models import AlertRule
from checkpoints.services import metrics

DOCS = Path(__file__).resolve().parent.parent / "docs"
METRIC = re.compile(r"\b(?:sls|checkpoint|audit)_[a-z_]+\b")
WORDS = re.compile(r'verdict=~?"([^"]*)"')
CONDITION_OF = {
    "SlsConsumerGroupLag": "lag",
    "SlsConsumerGroupUnreadAge": "unread",
    "SlsConsumerGroupBacklog": "backlog",
    "SlsConsumerGroupDataLoss": "data_loss",
    "SlsConsumerGroupStalled": "stalled",
    "SlsConsumerGroupNoReading": "no_reading",
    "SlsResetOverwritten": "overwritten",
    "SlsConsumerGroupForeignMove": "foreign_move",
}


def lines_of(text: str) -> list[tuple[int, str]]:
    """Return indent and content of each line that says something."""
    kept = [line for line in text.splitlines() if line.strip() and not line.lstrip().startswith("#")]
    return [(len(line) - len(line.lstrip()), line.strip()) for line in kept]


def parse(lines: list[tuple[int, str]]) -> Any:
    """Read the part of YAML that rules are written in: mappings, lists of mappings, scalars on one line."""
    if lines[0][1].startswith("- "):
        depth = lines[0][0]
        starts = [n for n, (indent, text) in enumerate(lines) if indent == depth and text.startswith("- ")]
        parts = [lines[a:b] for a, b in zip(starts, [*starts[1:], len(lines)], strict=True)]
        return [parse([(depth + 2, part[0][1][2:]), *part[1:]]) for part in parts]
    depth, found = lines[0][0], {}
    while lines:
        (indent, text), *lines = lines
        key, colon, value = text.partition(":")
        assert (indent, colon) == (depth, ":"), text
        assert key not in found, text
        below = 0
        while below < len(lines) and lines[below][0] > depth:
            below += 1
        found[key] = json.loads(value) if value.strip().startswith('"') else value.strip()
        if below:
            assert not value.strip(), text
            found[key], lines = parse(lines[:below]), lines[below:]
    return found


def rules() -> list[dict[str, Any]]:
    parsed = parse(lines_of((DOCS / "prometheus-rules.yml").read_text()))
    return [rule for group in parsed["groups"] for rule in group["rules"]]


def panels() -> Iterator[dict[str, Any]]:
    yield from json.loads((DOCS / "grafana-dashboard.json").read_text())["panels"]


def questions() -> list[str]:
    asked = [target["expr"] for panel in panels() for target in panel["targets"]]
    board = json.loads((DOCS / "grafana-dashboard.json").read_text())
    asked += [one["query"]["query"] for one in board["templating"]["list"] if one["type"] == "query"]
    return asked + [rule["expr"] for rule in rules()]


def exported() -> set[str]:
    """Every name of a sample that /metrics can have."""
    found = set()
    for family in metrics.registry.collect():
        ends = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}.get(family.type, [""])
        found |= {family.name + end for end in ends}
    return found


@pytest.mark.django_db
def test_every_metric_that_is_asked_for_is_exported():
    names = {name for text in questions() for name in METRIC.findall(text)}
    assert len(names) >= 10
    assert names - exported() == set()


def test_every_rule_is_whole_and_has_a_name_of_its_own():
    found = rules()
    assert len({rule["alert"] for rule in found}) == len(found)
    for rule in found:
        assert set(rule) <= {"alert", "expr", "for", "labels", "annotations"}
        assert rule["labels"]["severity"] in AlertRule.Severity.values
        assert rule["annotations"]["summary"]
        assert re.fullmatch(r"\d+m", rule.get("for", "1m"))
        assert rule["expr"].count("(") == rule["expr"].count(")")


def test_every_condition_of_ours_has_its_rule():
    assert set(CONDITION_OF) <= {rule["alert"] for rule in rules()}
    assert set(CONDITION_OF.values()) == set(AlertRule.Condition.values)


@pytest.mark.django_db
def test_every_verdict_that_is_asked_for_exists():
    from checkpoints.domain.verdicts import Verdict
    from checkpoints.models import ShardReset

    known = {verdict.value for verdict in Verdict} | set(ShardReset.Watch.values)
    asked = {word for text in questions() for words in WORDS.findall(text) for word in words.split("|")}
    assert len(asked) >= 5
    assert asked - known == set()


def test_the_dashboard_shows_what_was_promised_and_nothing_overlaps():
    shown = " ".join(target["expr"] for panel in panels() for target in panel["targets"])
    for name in ("lag_seconds", "backlog", "unread_age", "data_loss_in", "verdict", "resets_total", "code!="):
        assert name in shown
    places = [panel["gridPos"] for panel in panels()]
    cells = {(place["x"] + dx, place["y"] + dy) for place in places for dx in range(12) for dy in range(8)}
    assert len(cells) == sum(place["w"] * place["h"] for place in places)
    assert len({panel["id"] for panel in panels()}) == len(places)
