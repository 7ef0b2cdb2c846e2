"""The sentences beside a verdict: what was seen, on which shards, for how long."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import Enum, auto

from checkpoints.domain.durations import in_words
from checkpoints.domain.messages import Message, say


class Kind(Enum):
    """What can be found about a shard."""

    LOST = auto()
    NEAR_LOSS = auto()
    NOT_OF_SHARD = auto()
    NO_SAVES = auto()
    NO_SAVES_NO_DATA = auto()
    SAVES_SAME = auto()
    STUCK_ALONE = auto()
    LEFT_OUT = auto()
    WENT_BACK = auto()
    JUMPED = auto()
    MOVED_NAMELESS = auto()
    FALLING_BEHIND = auto()
    SILENT = auto()
    LATE = auto()
    UNREAD = auto()
    NO_TIMES = auto()
    SHRINKING = auto()
    STEPS = auto()
    NEVER_SAVED = auto()
    NAMELESS = auto()
    IN_TIME = auto()
    NOTHING_NEW = auto()
    FINISHED = auto()


@dataclass(frozen=True)
class Finding:
    """One thing found about one shard; `span` and `count` mean what the sentence of its kind says."""

    kind: Kind
    shard: int
    span: timedelta = timedelta(0)
    count: int = 0


@dataclass(frozen=True)
class _Gathered:
    shards: str
    least: str
    most: str
    count: int


_SENTENCES: dict[Kind, Callable[[_Gathered], Message]] = {
    Kind.LOST: lambda seen: (
        say(
            "Data is lost: %(count)d log groups on shards %(shards)s expired before they were consumed.",
            shards=seen.shards,
            count=seen.count,
        )
        if seen.count
        else say(
            "Data is lost: on shards %(shards)s the checkpoint is older than what is retained.",
            shards=seen.shards,
        )
    ),
    Kind.NEAR_LOSS: lambda seen: say(
        "Unread data expires in %(span)s (shards %(shards)s).", shards=seen.shards, span=seen.least
    ),
    Kind.NOT_OF_SHARD: lambda seen: say(
        "On shards %(shards)s the checkpoint is of another shard; a restarted consumer may skip data.",
        shards=seen.shards,
    ),
    Kind.NO_SAVES: lambda seen: say(
        "Nothing saved for %(span)s while log groups arrive (shards %(shards)s).",
        shards=seen.shards,
        span=seen.most,
    ),
    Kind.NO_SAVES_NO_DATA: lambda seen: say(
        "Nothing saved for %(span)s although log groups are unread; nothing new arrives (shards %(shards)s).",
        shards=seen.shards,
        span=seen.most,
    ),
    Kind.SAVES_SAME: lambda seen: say(
        "Saved again and again at the same place for %(span)s (shards %(shards)s).",
        shards=seen.shards,
        span=seen.most,
    ),
    Kind.STUCK_ALONE: lambda seen: say(
        "No progress for %(span)s on shards %(shards)s while the group saves elsewhere.",
        shards=seen.shards,
        span=seen.most,
    ),
    Kind.LEFT_OUT: lambda seen: say(
        "Log groups arrive on shards %(shards)s, nobody ever saved there, and the group saves elsewhere.",
        shards=seen.shards,
    ),
    Kind.WENT_BACK: lambda seen: say(
        "The checkpoint went back without a reset of ours (shards %(shards)s).", shards=seen.shards
    ),
    Kind.JUMPED: lambda seen: say(
        "The checkpoint jumped over %(count)d log groups, faster than they can have been consumed, without a "
        "reset of ours (shards %(shards)s).",
        shards=seen.shards,
        count=seen.count,
    ),
    Kind.MOVED_NAMELESS: lambda seen: say(
        "The checkpoint was moved by %(count)d log groups without a consumer's name, as tools do, and not by "
        "us (shards %(shards)s).",
        shards=seen.shards,
        count=seen.count,
    ),
    Kind.FALLING_BEHIND: lambda seen: say(
        "Consuming, but the backlog does not shrink: unread for up to %(span)s (shards %(shards)s).",
        shards=seen.shards,
        span=seen.most,
    ),
    Kind.SILENT: lambda seen: say(
        "Nothing saved for %(span)s: the consumer saves rarely or has stopped; too little was seen of it "
        "to tell (shards %(shards)s).",
        shards=seen.shards,
        span=seen.most,
    ),
    Kind.LATE: lambda seen: say(
        "Log groups lie unread for up to %(span)s (shards %(shards)s).", shards=seen.shards, span=seen.most
    ),
    Kind.UNREAD: lambda seen: say("Shards %(shards)s could not be read.", shards=seen.shards),
    Kind.NO_TIMES: lambda seen: say(
        "%(count)d log groups are unread on shards %(shards)s; how old they are could not be read.",
        shards=seen.shards,
        count=seen.count,
    ),
    Kind.SHRINKING: lambda seen: say(
        "The backlog shrinks: more is consumed than arrives (shards %(shards)s).", shards=seen.shards
    ),
    Kind.STEPS: lambda seen: say(
        "Saves rarely, each time up to the end: what looks like lag between is not (shards %(shards)s).",
        shards=seen.shards,
    ),
    Kind.NEVER_SAVED: lambda seen: say("Never saved a checkpoint on shards %(shards)s.", shards=seen.shards),
    Kind.NAMELESS: lambda _: say(
        "Saved without a consumer's name, as Flink and Spark do: their own state decides where they read."
    ),
    Kind.IN_TIME: lambda seen: say("Consumed in time on shards %(shards)s.", shards=seen.shards),
    Kind.NOTHING_NEW: lambda seen: say("Nothing new to consume on shards %(shards)s.", shards=seen.shards),
    Kind.FINISHED: lambda seen: say("Read-only and finished: shards %(shards)s.", shards=seen.shards),
}


def reasons_of(findings: Sequence[Finding], *, short: timedelta | None) -> tuple[Message, ...]:
    """Return one sentence per kind of finding, in the order given; `short` is the history that is missing."""
    kinds = dict.fromkeys(one.kind for one in findings)
    reasons = [_SENTENCES[kind](_gather([one for one in findings if one.kind is kind])) for kind in kinds]
    if short is not None:
        reasons.append(
            say("Too little history: telling stalled from stopped takes %(span)s.", span=in_words(short))
        )
    return tuple(reasons)


def _gather(alike: Sequence[Finding]) -> _Gathered:
    spans = [one.span for one in alike]
    return _Gathered(
        shards=", ".join(str(shard) for shard in sorted({one.shard for one in alike})),
        least=in_words(min(spans)),
        most=in_words(max(spans)),
        count=sum(one.count for one in alike),
    )
