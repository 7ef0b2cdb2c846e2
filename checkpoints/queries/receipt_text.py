"""A receipt as Markdown, to paste into the incident document; in English like the receipt itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from checkpoints.domain import markdown, moments
from checkpoints.domain.markdown import code, text
from checkpoints.queries.points import moment
from checkpoints.queries.receipts import Receipt

NONE = "none"
SHARD_HEADS = ["Shard", "Before", "Target", "Move", "Read back", "Outcome", "Watch", "Request ID"]
MOVES = {"rewind": "consumed again", "skip": "never consumed"}


def as_markdown(receipt: Receipt) -> str:
    """Return the receipt as Markdown; names and sentences of others cannot become markup."""
    lines = [
        f"# Reset of {text(receipt['group'])}: {_word(receipt['outcome'])}",
        "",
        *markdown.table(["What", "Value"], _facts(receipt)),
        "",
        "## Shards",
        "",
        *markdown.table(SHARD_HEADS, map(_shard, receipt["shards"])),
        "",
        "A place: cursor = position (a count of log groups), receive time of the log group there.",
        "",
        *_commands("Command lines of the plan", receipt["do"]),
        *_commands("Command lines that undo it", receipt["undo"]),
        f"As of {_time(receipt['as_of'])}.",
    ]
    return "\n".join(lines) + "\n"


def _facts(receipt: Receipt) -> Iterator[tuple[str, str]]:
    plan, totals, activity = receipt["plan"], receipt["totals"], receipt["activity"]
    counts = ", ".join(f"{count} {_word(outcome)}" for outcome, count in totals["outcomes"].items())
    yield "Permanent link", text(receipt["url"])
    yield "Who", f"{text(receipt['who'])} from {text(receipt['source_ip'] or 'an address not known')}"
    yield "Started", _time(receipt["started_at"])
    yield "Finished", _time(receipt["finished_at"])
    yield "Endpoint", text(receipt["endpoint"])
    yield "Project", text(receipt["project"])
    yield "Logstore", text(receipt["logstore"])
    yield "Consumer group", text(receipt["group"])
    yield "Target", f"{text(receipt['target'])}: {text(receipt['target_in_words'])}"
    yield "Reason", text(receipt["reason"]) or NONE
    yield "Ticket", text(receipt["ticket"] or NONE)
    yield "Plan", f"{code(plan['id'])}, made {_time(plan['made_at'])} by {text(plan['made_by'])}"
    yield "Plan hash", code(plan["hash"])
    yield "Approval", _approval(receipt["approval"])
    yield "Waited for quiet", _waited(receipt["waited"])
    yield "Overridden", "; ".join(_overridden(receipt)) or NONE
    yield "Consumers at the plan", _sentences(_word(activity["verdict"]), activity["reasons"])
    yield "Warnings", _sentences("", receipt["warnings"]) or NONE
    yield "Outcome", f"{_word(receipt['outcome'])} ({totals['shards']} shards: {counts or NONE})"
    yield (
        "Log groups",
        f"{totals['consumed_again']:,} consumed again, {totals['never_consumed']:,} never consumed",
    )
    yield "Watch", _watch(receipt["watch"])


def _approval(found: dict[str, Any] | None) -> str:
    if found is None:
        return "not asked for"
    asked = f"asked by {text(found['asked_by'])} at {_time(found['asked_at'])}"
    if found["decided_at"] is None:
        return f"{asked}, not answered"
    words = f": {text(found['words'])}" if found["words"] else ""
    decided = f"{_word(found['state'])} by {text(found['decided_by'] or 'somebody')}"
    return f"{asked}, {decided} at {_time(found['decided_at'])}{words}"


def _waited(found: dict[str, Any] | None) -> str:
    if found is None:
        return "no"
    return f"since {_time(found['asked_at'])}, at most until {_time(found['deadline'])}"


def _overridden(receipt: Receipt) -> Iterator[str]:
    if receipt["overrode_active"]:
        yield "somebody was consuming, and that was overridden"
    if receipt["broke_glass"]:
        yield "**broke glass**: applied without the second person that was asked for"


def _watch(watch: dict[str, Any]) -> str:
    if watch["going_on"]:
        until = f", until {_time(watch['until'])}" if watch["until"] else ""
        return f"going on{until}; last looked {_time(watch['looked_at'])}"
    by = f" by {text(watch['ended_by'])}" if watch["ended_by"] else ""
    return f"over, ended{by} {_time(watch['looked_at'])}"


def _shard(line: dict[str, Any]) -> list[str]:
    error, end = line["error"], line["end"]
    outcome = _word(line["outcome"])
    if error:
        outcome = _sentences(outcome, [error["message"], error["advice"], error["code"]])
    return [
        str(line["shard"]),
        _place(line["before"], end),
        _place(line["after"], end),
        _move(line),
        "not read" if line["read_back"] is None else _place(line["read_back"], end),
        outcome,
        _sentences(_word(line["watch"] or "not_watched"), line["watch_reasons"]),
        code(line["request_id"] or NONE),
    ]


def _place(place: dict[str, Any], end: str) -> str:
    if not place["cursor"]:
        return "never saved"
    if place["position"] is None:
        return f"{code(place['cursor'])} (not readable)"
    at = "the end" if place["position"] == end else _time(place["time"], "time not known")
    return f"{code(place['cursor'])} = {place['position']}, {at}"


def _move(line: dict[str, Any]) -> str:
    words = MOVES.get(line["direction"])
    return f"{line['direction']}: {line['log_groups']:,} {words}" if words else NONE


def _commands(title: str, lines: list[str]) -> list[str]:
    shown = markdown.block(lines, "sh") if lines else ["None."]
    return [f"## {title}", "", *shown, ""]


def _sentences(word: str, sentences: list[str]) -> str:
    told = " ".join(text(sentence) for sentence in sentences)
    return f"{word}: {told}" if word and told else word or told


def _word(value: str) -> str:
    return value.replace("_", " ")


def _time(stored: str | None, unknown: str = "not known") -> str:
    at = moment(stored)
    return unknown if at is None else moments.utc(at)
