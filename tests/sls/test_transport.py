"""Connections: sizes, addresses really dialled, TLS, pools."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from checkpoints.sls import (
    BadAnswer,
    Client,
    ConnectionFailed,
    HostRefused,
    Limits,
    Network,
    Timeout,
    connections,
    transport,
)

from .conftest import KEY, make_client
from .server import Server, drip, raw, reply, silence
from .tls import server_context

NAME = "cn-hangzhou.log.aliyuncs.com"
EMPTY = reply([])
TCP = (socket.AF_INET, socket.SOCK_STREAM, 6, "")


def shards(client, project="proj"):
    return client.list_shards(project, "store").value


def chunked(size, count):
    head = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
    return raw(head + (b"%x\r\n" % size + b" " * size + b"\r\n") * count + b"0\r\n\r\n")


@pytest.fixture
def names(monkeypatch):
    """Let names lead to chosen addresses."""

    def lead_to(*addresses):
        monkeypatch.setattr(
            socket, "getaddrinfo", lambda *_, **__: [(*TCP, address) for address in addresses]
        )

    return lead_to


@pytest.mark.parametrize(
    "large",
    [
        reply(b" " * 2001),
        chunked(500, 5),
        raw(b"HTTP/1.1 200 OK\r\n\r\n" + b" " * 2001),
        raw(b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\nx: " + b"y" * 40_000 + b"\r\n\r\n"),
        raw(b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 10_000),
        raw(b"HTTP/1.1 100 Continue\r\n\r\n" * 10_000),
    ],
    ids=["length", "chunked", "until the end", "told length", "long header", "many headers", "interim"],
)
def test_an_answer_that_is_too_large_is_refused(serve, large):
    client, _ = serve(large, limits=Limits(body_bytes=2000))
    with pytest.raises(BadAnswer):
        shards(client)


@pytest.mark.parametrize("length", [1990, 2000])
def test_an_answer_up_to_the_limit_is_read(serve, length):
    client, _ = serve(reply(b"[]" + b" " * (length - 2)), limits=Limits(body_bytes=2000))
    assert shards(client) == []


def test_a_chunked_answer_is_read(serve):
    client, _ = serve(raw(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n0\r\n\r\n"))
    assert shards(client) == []


def test_an_answer_that_ends_with_the_connection_is_read(serve):
    client, _ = serve(raw(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\n[]"))
    assert shards(client) == []


@pytest.mark.parametrize(
    "data", [b"SSH-2.0-OpenSSH_9.2\r\n", b"\x15\x03\x01\x00\x02\x02\x46\r\n", b"HTTP/1.1 abc\r\n"]
)
def test_what_is_not_http_gives_words(serve, data):
    client, _ = serve(raw(data))
    with pytest.raises(BadAnswer, match="does not answer in HTTP"):
        shards(client)


def test_nothing_is_read_after_the_deadline():
    connections.BUDGET.start(Limits(), time.monotonic() - 1)
    with pytest.raises(TimeoutError):
        connections.BUDGET.left()


def test_silence_gives_words(serve):
    client, _ = serve(silence(0.5), limits=Limits(read=0.05))
    with pytest.raises(Timeout, match="did not answer in time"):
        shards(client)


def test_connections_are_kept(serve):
    client, server = serve(EMPTY)
    shards(client)
    shards(client, "other")
    assert len(server._open) == 1


def test_a_kept_connection_that_was_closed_is_replaced(serve):
    client, server = serve(EMPTY)
    shards(client)
    server._open[0].shutdown(socket.SHUT_RDWR)
    time.sleep(0.05)
    assert shards(client) == []


def test_a_refused_connection_gives_words(serve):
    client, server = serve(EMPTY)
    server.close()
    with pytest.raises(ConnectionFailed, match="No connection to") as caught:
        shards(client)
    assert not isinstance(caught.value, Timeout)


def test_a_name_that_leads_to_a_bad_address_is_not_dialled(names):
    names(("47.96.1.1", 443), ("169.254.169.254", 443))
    with (
        Client(host=NAME, region="cn-hangzhou", credentials=KEY) as client,
        pytest.raises(HostRefused, match=r"169\.254\.169\.254.*metadata") as caught,
    ):
        shards(client)
    assert caught.value.operation == "ListShards"


def test_a_name_is_looked_up_once_per_connection_and_the_checked_address_dialled(serve, monkeypatch):
    client, server = serve(EMPTY, host=f"sls.test:{9}", network=Network(("sls.test",), allow_http=True))
    asked = []

    def rebinding(name, *a, **k):
        asked.append(name)
        return [(*TCP, ("127.0.0.1", server.port) if len(asked) == 1 else ("169.254.169.254", 9))]

    monkeypatch.setattr(socket, "getaddrinfo", rebinding)
    assert (shards(client), asked) == ([], ["proj.sls.test"])


def test_the_next_address_is_dialled_when_one_refuses(serve, names):
    client, server = serve(EMPTY, host="sls.test", network=Network(("sls.test",), allow_http=True))
    closed = socket.create_server(("127.0.0.1", 0))
    names(closed.getsockname(), ("127.0.0.1", server.port))
    closed.close()
    assert shards(client) == []


def test_a_name_without_addresses_gives_words(names):
    names()
    with (
        Client(host=NAME, region="cn-hangzhou", credentials=KEY, sleep=lambda _: None) as client,
        pytest.raises(ConnectionFailed, match="No connection"),
    ):
        shards(client)


@pytest.mark.parametrize("problem", [socket.gaierror(-2, "unknown"), UnicodeError("label too long")])
def test_an_unknown_name_gives_words(monkeypatch, problem):
    def unknown(*a, **k):
        raise problem

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    with (
        Client(host=NAME, region="cn-hangzhou", credentials=KEY, sleep=lambda _: None) as client,
        pytest.raises(ConnectionFailed, match="cannot be resolved"),
    ):
        shards(client)


def test_a_look_up_that_hangs_is_left_behind(monkeypatch):
    free = threading.Event()
    monkeypatch.setattr(socket, "getaddrinfo", lambda *_, **__: free.wait(5) and [])
    started = time.monotonic()
    limits = Limits(connect=0.05, total=0.3)
    with (
        Client(
            host=NAME, region="cn-hangzhou", credentials=KEY, sleep=lambda _: None, limits=limits
        ) as client,
        pytest.raises(Timeout, match="No connection"),
    ):
        shards(client)
    free.set()
    assert time.monotonic() - started < 2


def test_a_connection_that_is_not_accepted_in_time_gives_words(serve, monkeypatch):
    class Deaf(socket.socket):
        def connect(self, address):
            raise TimeoutError

    client, _ = serve(EMPTY)
    monkeypatch.setattr(connections.socket, "socket", Deaf)
    with pytest.raises(Timeout, match=r"No connection to .* within 3 seconds"):
        shards(client)


def test_no_address_is_dialled_after_the_time_to_connect(serve, names, monkeypatch):
    client, server = serve(EMPTY)
    monkeypatch.setattr(
        connections, "look_up", lambda *_: time.sleep(0.02) or [(socket.AF_INET, ("127.0.0.1", 1))]
    )
    client._transport._limits = Limits(connect=0.01)
    with pytest.raises(Timeout):
        shards(client)
    assert server.received == []


def test_a_call_waits_for_a_free_connection_only_so_long(serve):
    client, server = serve(EMPTY, limits=Limits(total=0.1), threads=1)
    shards(client)
    (pool,) = client._transport._pools.values()
    taken = pool._get_conn()
    with pytest.raises(Timeout, match="busy"):
        shards(client)
    taken.close()
    assert len(server.received) == 1


def test_a_pool_given_up_is_opened_again(serve):
    client, _ = serve(EMPTY)
    shards(client)
    for pool in client._transport._pools.values():
        pool.close()
    client._transport._session.get_adapter("http://x").poolmanager.clear()
    assert shards(client) == []


def test_interim_headers_do_not_stretch_a_read(serve):
    client, _ = serve(drip(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 50, 0.01), limits=Limits(total=0.3))
    with pytest.raises(Timeout):
        shards(client)


@pytest.fixture
def secure(tmp_path, names):
    """A TLS server for proj.<NAME>, and a way to make clients that reach it."""
    context, authority = server_context(tmp_path, f"proj.{NAME}")
    server = Server([EMPTY], tls=context)
    names(("127.0.0.1", server.port))

    def client(ca_bundle=authority):
        network = Network((NAME,), ca_bundle=ca_bundle)
        return make_client(server, host=NAME, scheme="https", network=network)

    yield client
    server.close()


def test_tls_checks_the_name_and_not_the_address_dialled(secure):
    with secure() as client:
        assert shards(client) == []


def test_a_certificate_for_another_name_is_refused(secure):
    with secure() as client, pytest.raises(ConnectionFailed, match="No secure connection"):
        shards(client, "other")


def test_a_certificate_of_an_unknown_authority_is_refused(secure):
    with secure(ca_bundle="") as client, pytest.raises(ConnectionFailed, match="No secure connection"):
        shards(client)


def test_tls_is_verified_and_modern():
    context = transport.tls_context("")
    assert (context.verify_mode, context.check_hostname) == (ssl.CERT_REQUIRED, True)
    assert context.minimum_version >= ssl.TLSVersion.TLSv1_2


def test_the_environment_changes_nothing(serve, monkeypatch):
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", "/nowhere")
    client, _ = serve(EMPTY)
    assert shards(client) == []


def test_32_threads_share_one_client(serve):
    client, _ = serve(reply([{"shardID": 1, "status": "readonly"}]))
    with ThreadPoolExecutor(32) as threads:
        results = list(threads.map(lambda _: shards(client)[0].id, range(200)))
    assert results == [1] * 200
