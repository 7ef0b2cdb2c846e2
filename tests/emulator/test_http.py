"""Requests as bytes on a socket."""

import http.client
import socket

import pytest

from emulator.testing import Emulator


def raw(emu: Emulator, sent: bytes) -> bytes:
    with socket.create_connection(("127.0.0.1", emu.port), timeout=10) as wire:
        wire.sendall(sent)
        wire.shutdown(socket.SHUT_WR)
        return b"".join(iter(lambda: wire.recv(65536), b""))


def test_two_requests_in_one_packet_are_answered_in_turn(shared: Emulator) -> None:
    one = b"GET /logstores HTTP/1.1\r\nHost: proj.127.0.0.1\r\n\r\n"
    two = b"GET /logstores/none HTTP/1.1\r\nHost: proj.127.0.0.1\r\nConnection: close\r\n\r\n"
    answered = raw(shared, one + two)
    assert answered.index(b"HTTP/1.1 200 OK") < answered.index(b"HTTP/1.1 404 Not Found")


def test_a_request_may_arrive_byte_by_byte(shared: Emulator) -> None:
    sent = b"POST /logstores/store/consumergroups HTTP/1.1\r\nHost: proj.x@127.0.0.1\r\n"
    sent += b"Content-Length: 2\r\nConnection: close\r\n\r\n{}"
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as wire:
        for at in range(len(sent)):
            wire.sendall(sent[at : at + 1])
        assert wire.recv(65536).startswith(b"HTTP/1.1 400")


def test_a_connection_is_kept_alive(shared: Emulator) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", shared.port, timeout=10)
    ports = set()
    for _ in range(3):
        connection.request("GET", "/logstores", headers={"Host": "proj.127.0.0.1"})
        ports.add(connection.sock.getsockname()[1])
        connection.getresponse().read()
    connection.close()
    assert len(ports) == 1


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        (b"nonsense\r\n\r\n", 400),
        (b"GET / HTTP/2\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nHost: p.x\r\n\r\n", 411),
        (b"POST / HTTP/1.1\r\nContent-Length: -1\r\n\r\n", 400),
        (b"POST / HTTP/1.1\r\nContent-Length: 99999999999\r\n\r\n", 413),
        (b"POST / HTTP/1.1\r\nTransfer-Encoding: chunked\r\n\r\n", 411),
        (b"GET /" + b"a" * 70_000, 400),
    ],
)
def test_bytes_that_are_no_request_are_refused(shared: Emulator, sent: bytes, status: int) -> None:
    assert raw(shared, sent).startswith(b"HTTP/1.1 %d" % status)


def test_a_client_that_asks_to_continue_is_told_to(shared: Emulator) -> None:
    head = b"POST /logstores HTTP/1.1\r\nHost: proj.x\r\nExpect: 100-continue\r\n"
    head += b"Content-Length: 2\r\nConnection: close\r\n\r\n"
    with socket.create_connection(("127.0.0.1", shared.port), timeout=10) as wire:
        wire.sendall(head)
        assert wire.recv(100).startswith(b"HTTP/1.1 100")
        wire.sendall(b"{}")
        assert wire.recv(1000).startswith(b"HTTP/1.1 404")


def test_a_later_request_does_not_overtake_a_delayed_one(emu: Emulator) -> None:
    emu.latency(100, "ListLogStores")
    slow = b"GET /logstores HTTP/1.1\r\nHost: proj.127.0.0.1\r\n\r\n"
    quick = b"GET /logstores/none HTTP/1.1\r\nHost: proj.127.0.0.1\r\nConnection: close\r\n\r\n"
    answered = b""
    with socket.create_connection(("127.0.0.1", emu.port), timeout=10) as wire:
        wire.sendall(slow + quick)
        while received := wire.recv(65536):
            answered += received
    assert answered.index(b"HTTP/1.1 200 OK") < answered.index(b"HTTP/1.1 404 Not Found")
