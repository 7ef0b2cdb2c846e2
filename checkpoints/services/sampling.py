"""Reads single log groups for their sizes; what they say is not looked at. Touches no database."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from checkpoints import sls
from checkpoints.domain import positions
from checkpoints.domain.costs import Sample
from checkpoints.models import ConsumerGroup
from checkpoints.services import parallel
from checkpoints.services.aims import Probe
from checkpoints.services.connections import connect
from checkpoints.services.plans import TROUBLE
from checkpoints.services.problems import Problem, explain

LARGEST = 1024 * 1024
WIDTH = 4
"""Log groups in memory at once: one of 1 MB takes some 15 MB while it is unpacked."""
Place = tuple[int, int]


@dataclass(frozen=True)
class Samples:
    """What was found at each list of places; `problem` is the first reason why `failed` were not read."""

    found: list[list[Sample]]
    failed: int
    problem: Problem | None


def read(group: ConsumerGroup, wanted: Sequence[Sequence[Place]]) -> Samples:
    """Read the log groups at these places (shard, position), a few at a time; nothing is raised."""
    number = sum(len(places) for places in wanted)
    try:
        client = connect(group.endpoint)
    except TROUBLE as error:
        return Samples([[] for _ in wanted], number, explain(error))

    project, logstore = group.project.name, group.logstore.name

    def sample(place: Place) -> Sample | Problem | None:
        return _sample(Probe(client, project, logstore, place[0]), place[1])

    results = iter(_some_at_a_time(client, sample, [place for places in wanted for place in places]))
    done = [[next(results) for _ in places] for places in wanted]
    found = [[one for one in row if isinstance(one, Sample)] for row in done]
    problems = [one for row in done for one in row if isinstance(one, Problem)]
    return Samples(found, number - sum(map(len, found)), problems[0] if problems else None)


def _some_at_a_time(
    client: sls.Client, sample: Callable[[Place], Sample | Problem | None], places: Sequence[Place]
) -> Iterator[Sample | Problem | None]:
    for first in range(0, len(places), WIDTH):
        for future in parallel.each(client, sample, places[first : first + WIDTH]):
            yield future.result()


def _sample(probe: Probe, position: int) -> Sample | Problem | None:
    cursor = positions.encode(position)
    where = (probe.project, probe.logstore, probe.shard, cursor)
    try:
        pulled = probe.client.pull_logs(*where, count=1, max_bytes=LARGEST).value
    except sls.SLSError as error:
        return explain(error)
    if not pulled.groups:
        return None
    return Sample(pulled.raw_size, pulled.packed_size, len(pulled.groups[0].lines))
