"""The words of the interface: what a state, a verdict or an outcome is called, and how serious it is."""

from __future__ import annotations

from collections.abc import Mapping

from django.utils.functional import Promise
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from checkpoints.domain import lateness
from checkpoints.domain.lag import State
from checkpoints.domain.messages import Message
from checkpoints.domain.verdicts import LATE, Verdict

STATES: dict[str, tuple[str | Promise, str]] = {
    State.CAUGHT_UP: (_("Caught up"), "ok"),
    State.BEHIND: (_("Behind"), "warn"),
    State.AT_BEGIN: (_("At the oldest"), "warn"),
    State.EXPIRED: (_("Expired"), "bad"),
    State.INVALID: (_("Invalid"), "bad"),
    State.NEVER_SAVED: (_("Never saved"), ""),
    State.EMPTY: (_("Empty"), ""),
    State.FINISHED: (_("Finished"), ""),
    State.UNKNOWN: (_("Unknown"), ""),
}
VERDICTS: dict[str, tuple[str | Promise, str]] = {
    Verdict.OK: (_("OK"), "ok"),
    Verdict.CATCHING_UP: (_("Catching up"), "warn"),
    Verdict.BEHIND: (_("Behind"), "warn"),
    Verdict.STALLED: (_("Stalled"), "bad"),
    Verdict.STOPPED: (_("Stopped"), "bad"),
    Verdict.RARELY_SAVES: (_("Rarely saves"), ""),
    Verdict.AT_RISK: (_("At risk"), "bad"),
    Verdict.LOSING_DATA: (_("Losing data"), "bad"),
    Verdict.NOT_STARTED: (_("Not started"), ""),
    Verdict.IDLE: (_("Idle"), ""),
    Verdict.PROGRESS_ONLY: (_("Progress only"), ""),
    Verdict.FOREIGN_MOVE: (_("Foreign move"), "bad"),
    Verdict.UNKNOWN: (_("Unknown"), ""),
}
SHARDS: dict[str, tuple[str | Promise, str]] = {
    **STATES,
    **{word: VERDICTS[word] for word in (*LATE, Verdict.RARELY_SAVES)},
    lateness.IN_TIME: (_("In time"), "ok"),
    lateness.AT_BEGIN_IN_TIME: (_("At the oldest"), ""),
}
OUTCOMES: dict[str, tuple[str | Promise, str]] = {
    "planned": (_("Planned"), ""),
    "sending": (_("Sending"), "warn"),
    "confirmed": (_("Confirmed"), "ok"),
    "partial": (_("Partial"), "warn"),
    "unchanged": (_("Unchanged"), ""),
    "refused": (_("Refused"), "bad"),
    "unknown": (_("Unknown"), "warn"),
    "not_attempted": (_("Not attempted"), ""),
    "watching": (_("Watching"), ""),
    "held": (_("Held"), "ok"),
    "taken_up": (_("Taken up"), "ok"),
    "overwritten": (_("Overwritten"), "bad"),
    "asked": (_("Waiting for approval"), "warn"),
    "approved": (_("Approved"), "ok"),
    "denied": (_("Denied"), "bad"),
    "waiting": (_("Waiting until quiet"), "warn"),
    "seen": (_("Seen"), ""),
    "done": (_("Done"), ""),
    "taken": (_("Taken"), ""),
    "applying": (_("Being applied"), "warn"),
    "applied": (_("Applied"), "ok"),
    "expired": (_("Too late"), ""),
    "cancelled": (_("Cancelled"), ""),
    "made": (_("Made"), ""),
    "read": (_("Shown"), ""),
    "on": (_("On"), ""),
    "off": (_("Off"), ""),
}
KINDS = {"state": STATES, "shard": SHARDS, "verdict": VERDICTS, "outcome": OUTCOMES}


def word(kind: str, value: str) -> tuple[str, str]:
    """Return what a value is called in the reader's language, and its tone: ok, warn, bad or none."""
    name, tone = KINDS[kind].get(value, (value, ""))
    return str(name), tone


def sentence(message: object) -> str:
    """Return a Message, or its JSON form, in the reader's language; "" for nothing."""
    if not message:
        return ""
    if isinstance(message, Message):
        return _fill(message.text, message.values)
    if isinstance(message, Mapping):
        return _fill(str(message.get("text", "")), message.get("values") or {})
    return str(message)


def _fill(text: str, values: Mapping[str, object]) -> str:
    """Translate and fill in; counts are grouped as everywhere: 1,204."""
    translated = gettext(text) if text else ""
    grouped = {name: f"{value:,}" if type(value) is int else value for name, value in values.items()}
    try:
        return translated.replace(")d", ")s") % grouped
    except (KeyError, TypeError, ValueError):  # stored by another version: the bare text still helps
        return translated
