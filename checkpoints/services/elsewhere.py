"""Carries the place of a group over to another Logstore by time: cursors mean nothing in another."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Literal, get_args

from checkpoints import sls
from checkpoints.domain import moments, targets
from checkpoints.domain.durations import in_words
from checkpoints.domain.messages import Message, say
from checkpoints.models import ConsumerGroup, Endpoint, Snapshot
from checkpoints.services.aims import Probe, Source, position_of, together
from checkpoints.services.connections import connect
from checkpoints.services.refusals import BadPlan
from checkpoints.services.sealing import Locked

Kind = Literal["unread", "caught up", "expired", "unsaved", "unreadable", "finished", "not asked"]


@dataclass(frozen=True)
class Stand:
    """Where a group stands on one shard: when its oldest unread log group was received.

    `at` is None where there is no such time: that shard does not count.
    """

    shard: int
    kind: Kind
    at: datetime | None = None


def is_here(target: targets.FromGroup, group: ConsumerGroup) -> bool:
    """Say whether another group is of the same Logstore."""
    named = (target.endpoint, target.project, target.logstore)
    own = (group.endpoint.name, group.project.name, group.logstore.name)
    return all(name in ("", mine) for name, mine in zip(named, own, strict=True))


def by_group(target: targets.FromGroup, group: ConsumerGroup, *, now: datetime) -> Source:
    """Return the time at which another group stands on its slowest shard, less a margin.

    Raises BadPlan when there is no such endpoint or no such time, SLSError when the group cannot be read.
    """
    client = connect(_endpoint(target.endpoint) if target.endpoint else group.endpoint)
    place = (target.project or group.project.name, target.logstore or group.logstore.name)
    found = client.get_checkpoints(*place, target.name).value
    texts = {one.shard: one.checkpoint for one in found}

    def look(shard: sls.Shard) -> Stand:
        probe = Probe(client, *place, shard.id)
        return _stand(probe, texts.get(shard.id, ""), now, readonly=shard.status == "readonly")

    stands = together(client, look, client.list_shards(*place).value)
    return _translated(stands, target.place, target.margin, is_other=not is_here(target, group))


def by_snapshot(snapshot: Snapshot, margin: timedelta | None, group: ConsumerGroup) -> Source:
    """Return the time at which a group stood on its slowest shard when it was kept, less a margin."""
    other = snapshot.group
    known = [_without(line["shard"], line["cursor"]) for line in snapshot.shards if line["position"] is None]
    known += [
        Stand(line["shard"], "unread", datetime.fromisoformat(line["unread_at"]))
        for line in snapshot.shards
        if line["unread_at"]
    ]
    open_ = [line for line in snapshot.shards if line["position"] is not None and not line["unread_at"]]
    stands = known + _looked_up(other, open_, snapshot.taken_at)
    is_other = other.logstore_id != group.logstore_id
    return _translated(stands, f"{other.logstore.name}/{other.name}", margin, is_other=is_other)


def _looked_up(group: ConsumerGroup, lines: list[dict[str, Any]], taken_at: datetime) -> list[Stand]:
    """Ask about shards without an unread log group: consumed or expired, a snapshot does not tell."""
    try:
        client = connect(_endpoint(group.endpoint.name))
    except (sls.SLSError, Locked, BadPlan):
        return [Stand(line["shard"], "not asked", taken_at) for line in lines]

    def look(line: dict[str, Any]) -> Stand:
        probe = Probe(client, group.project.name, group.logstore.name, line["shard"])
        try:
            return _stand(probe, line["cursor"], taken_at)
        except sls.SLSError:
            return Stand(line["shard"], "not asked", taken_at)

    return together(client, look, lines)


def _endpoint(name: str) -> Endpoint:
    found = Endpoint.objects.filter(name=name, enabled=True, removed_at=None).first()
    if found is None:
        raise BadPlan(say("There is no enabled endpoint named %(name)s.", name=name[:80]))
    return found


def _stand(probe: Probe, text: str, until: datetime, *, readonly: bool = False) -> Stand:
    """Return where a group stands on a shard; one that is caught up stands at `until`."""
    position = position_of(text)
    if position is None:
        return _without(probe.shard, text)
    end = probe.cursor("end")
    if position >= end:
        return Stand(probe.shard, "finished") if readonly else Stand(probe.shard, "caught up", until)
    if at := probe.time(position):
        return Stand(probe.shard, "unread", at)
    begin = probe.cursor("begin")
    return Stand(probe.shard, "expired", probe.time(begin) if begin < end else until)


def _without(shard: int, text: str) -> Stand:
    """Return the stand of a shard whose checkpoint has no position: never saved is not unreadable."""
    return Stand(shard, "unreadable" if text else "unsaved")


def _translated(stands: list[Stand], name: str, margin: timedelta | None, *, is_other: bool) -> Source:
    dated = [(one.at, one.shard, one.kind) for one in stands if one.at is not None]
    if not dated:
        raise BadPlan(say("The group %(name)s tells no time: it has no checkpoint.", name=name))
    stands_at, shard, kind = min(dated)
    earlier = targets.MARGIN if margin is None else margin
    when = moments.checked(stands_at - earlier)
    words = {
        "name": name,
        "time": moments.utc(when),
        "stands": moments.utc(stands_at),
        "margin": in_words(earlier),
    }
    warnings = [*_about_other(name, stands, is_other=is_other)]
    if kind == "caught up":
        text = say(
            "%(name)s has consumed everything until %(stands)s: less a margin of %(margin)s the time is"
            " %(time)s.",
            **words,
        )
    else:
        text = say(
            "The slowest shard of %(name)s is %(shard)d, which stands at %(stands)s: less a margin of"
            " %(margin)s the time is %(time)s.",
            shard=shard,
            **words,
        )
    return Source(when=when, warnings=(text, *warnings))


def _about_other(name: str, stands: list[Stand], *, is_other: bool) -> Iterator[Message]:
    by_kind = {kind: _named(stands, kind) for kind in get_args(Kind)}
    if is_other:
        yield say("Cursors of another Logstore mean nothing here: only the time is taken over.")
    if by_kind["expired"]:
        yield say(
            "The checkpoints of %(name)s on shards %(shards)s have expired: the time of the oldest log group"
            " counts there.",
            name=name,
            shards=by_kind["expired"],
        )
    if by_kind["unsaved"]:
        yield say(
            "%(name)s has no checkpoint on shards %(shards)s: they do not count.",
            name=name,
            shards=by_kind["unsaved"],
        )
    if by_kind["unreadable"]:
        yield say(
            "The checkpoints of %(name)s on shards %(shards)s cannot be read: they do not count, and it may"
            " stand further back there.",
            name=name,
            shards=by_kind["unreadable"],
        )
    if by_kind["not asked"]:
        yield say(
            "Shards %(shards)s of %(name)s could not be looked at: they count as consumed until the snapshot"
            " was taken.",
            name=name,
            shards=by_kind["not asked"],
        )


def _named(stands: list[Stand], kind: str) -> str:
    return ", ".join(str(one.shard) for one in sorted(stands, key=lambda one: one.shard) if one.kind == kind)
