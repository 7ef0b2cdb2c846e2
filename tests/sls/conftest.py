from __future__ import annotations

from contextlib import ExitStack

import pytest

from checkpoints.sls import Client, Credentials, Network, Secret

from .server import Server

LOCAL = Network(("127.0.0.1", "localhost"), allow_http=True)
KEY = Credentials("testAccessKeyId", Secret("testAccessKeySecret"))


@pytest.fixture
def serve():
    """Start scripted servers and give a client for each; waits between tries are kept, not slept."""
    with ExitStack() as stack:

        def start(*scripts, **options):
            server = Server(scripts)
            stack.callback(server.close)
            client = make_client(server, **options)
            stack.callback(client.close)
            return client, server

        yield start


def make_client(server, **options):
    settings = {
        "host": f"127.0.0.1:{server.port}",
        "scheme": "http",
        "region": "cn-hangzhou",
        "network": LOCAL,
        "credentials": KEY,
        "sleep": lambda _: None,
    }
    return Client(**(settings | options))
