"""Reads are tried again within the time of the call; the write is sent once."""

from __future__ import annotations

import time

import pytest

from checkpoints.sls import (
    ApiError,
    BadAnswer,
    ConnectionFailed,
    Limits,
    NotFound,
    ServerFault,
    SLSError,
    Throttled,
    Timeout,
)

from .server import drip, error, hang_up, raw, reply, silence

CURSOR = "MTIz"
FOUND = reply({"cursor": CURSOR})
BUSY = error(503, "ServerBusy")


def read(client):
    return client.get_cursor("proj", "store", 0, "end").value


def write(client):
    return client.update_checkpoint("proj", "store", "group", shard=0, checkpoint=CURSOR)


@pytest.mark.parametrize(
    "trouble", [BUSY, hang_up, error(403, "ReadQuotaExceed"), raw(b"HTTP/1.1 200 OK\r\n")]
)
def test_a_read_is_tried_twice_more(serve, trouble):
    client, server = serve(trouble, trouble, FOUND)
    assert (read(client), len(server.received)) == (CURSOR, 3)


def test_a_read_is_not_tried_a_fourth_time(serve):
    client, server = serve(BUSY)
    with pytest.raises(ServerFault):
        read(client)
    assert len(server.received) == 3


@pytest.mark.parametrize(
    "trouble",
    [error(404, "ShardNotExist"), error(403, "Unauthorized"), error(400, "InvalidCursor"), reply(b"<html>")],
)
def test_a_lasting_error_is_not_tried_again(serve, trouble):
    client, server = serve(trouble)
    with pytest.raises(SLSError):
        read(client)
    assert len(server.received) == 1


@pytest.mark.parametrize("trouble", [BUSY, hang_up, error(403, "ReadQuotaExceed"), error(429, "Busy")])
def test_a_write_is_never_tried_again(serve, trouble):
    client, server = serve(trouble)
    with pytest.raises(SLSError):
        write(client)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    ("trouble", "kind", "unknown"),
    [
        (hang_up, ConnectionFailed, True),
        (raw(b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"), ConnectionFailed, True),
        (error(500, "InternalServerError"), ServerFault, True),
        (reply(b"<html>", 502), ServerFault, True),
        (reply(b"<html>", 404), BadAnswer, True),
        (raw(b"garbage\r\n\r\n"), BadAnswer, True),
        (error(404, "ConsumerGroupNotExist"), NotFound, False),
        (error(403, "WriteQuotaExceed"), Throttled, False),
        (error(400, "InvalidShardCheckPoint"), ApiError, False),
    ],
)
def test_the_outcome_of_a_write_is_unknown_when_it_may_have_been_stored(serve, trouble, kind, unknown):
    client, _ = serve(trouble)
    with pytest.raises(kind) as caught:
        write(client)
    assert caught.value.outcome_unknown is unknown


def test_the_outcome_of_a_write_that_was_not_sent_is_known(serve):
    client, server = serve(FOUND)
    server.close()
    with pytest.raises(ConnectionFailed) as caught:
        write(client)
    assert not caught.value.outcome_unknown


def test_the_outcome_of_a_write_without_an_answer_is_unknown(serve):
    client, _ = serve(silence(1), limits=Limits(read=0.1))
    with pytest.raises(Timeout) as caught:
        write(client)
    assert caught.value.outcome_unknown


def test_a_read_has_no_unknown_outcome(serve):
    client, _ = serve(hang_up)
    with pytest.raises(ConnectionFailed) as caught:
        read(client)
    assert not caught.value.outcome_unknown


@pytest.mark.parametrize(("luck", "waits"), [(0.0, [0.2, 0.2]), (0.5, [0.6, 1.1]), (1.0, [1.0, 2.0])])
def test_the_waits_are_spread_by_chance(serve, luck, waits):
    slept = []
    client, _ = serve(BUSY, BUSY, FOUND, sleep=slept.append, random=lambda: luck)
    read(client)
    assert slept == pytest.approx(waits)


def test_the_wait_asked_for_is_kept(serve):
    slept = []
    client, _ = serve(error(429, "Busy", Retry_After="7"), FOUND, sleep=slept.append)
    read(client)
    assert slept == [7.0]


@pytest.mark.parametrize("asked", ["31", "25"])
def test_a_wait_longer_than_the_call_may_last_is_left_to_the_caller(serve, asked):
    client, server = serve(error(429, "Busy", Retry_After=asked))
    with pytest.raises(Throttled) as caught:
        read(client)
    assert (caught.value.retry_after, len(server.received)) == (float(asked), 1)


def test_a_wait_over_thirty_seconds_is_not_kept_even_with_time_left(serve):
    client, server = serve(error(429, "Busy", Retry_After="31"), limits=Limits(total=100))
    with pytest.raises(Throttled):
        read(client)
    assert len(server.received) == 1


@pytest.mark.parametrize(
    "slow",
    [
        drip(b"HTTP/1.1 200 OK\r\nx-log-requestid: 5AEEC8DD3F5A1B2C4D5E6F70\r\nServer: slow\r\n", 0.05),
        drip(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + b" " * 200, 0.02),
        drip(b"HTTP/1.1 100 Continue\r\n\r\n" * 10, 0.02),
    ],
    ids=["headers", "body", "interim"],
)
def test_a_dripping_server_cannot_stretch_the_call(serve, slow):
    client, _ = serve(slow, limits=Limits(read=0.5, total=0.6))
    started = time.monotonic()
    with pytest.raises(Timeout):
        read(client)
    assert time.monotonic() - started < 1.2


def test_no_try_begins_after_the_time_is_used_up(serve):
    client, server = serve(
        BUSY, limits=Limits(total=0.3), random=lambda: 0.0, sleep=lambda _: time.sleep(0.35)
    )
    with pytest.raises(Timeout):
        read(client)
    assert len(server.received) == 1


def test_each_try_is_observed(serve):
    seen = []
    client, _ = serve(BUSY, hang_up, FOUND, observe=lambda *what: seen.append(what))
    read(client)
    assert [(operation, code) for operation, code, _ in seen] == [
        ("GetCursor", "ServerBusy"),
        ("GetCursor", "ConnectionFailed"),
        ("GetCursor", "OK"),
    ]
    assert all(0 <= seconds < 5 for _, _, seconds in seen)
