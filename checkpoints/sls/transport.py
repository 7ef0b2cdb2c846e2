"""One HTTP exchange: from headers and a target to status, headers and body, or an error."""

from __future__ import annotations

import http.client
import ssl
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache, partial
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import PoolManager, Retry
from urllib3 import Timeout as TryTimeout
from urllib3.connectionpool import HTTPConnectionPool
from urllib3.exceptions import (
    ClosedPoolError,
    ConnectTimeoutError,
    EmptyPoolError,
    HTTPError,
    NameResolutionError,
    NewConnectionError,
    ProtocolError,
    ReadTimeoutError,
    SSLError,
)

from .connections import BUDGET, AnswerTooLarge, GuardedHTTPPool, GuardedHTTPSPool, Limits
from .errors import BadAnswer, ConnectionFailed, SLSError, Timeout
from .network import HostName, Network

NO_RETRIES = Retry(total=False, redirect=False)
DEFAULT_PORTS = {"http": 80, "https": 443}
MOST_HOSTS = 512


@dataclass(frozen=True, slots=True)
class Reply:
    """What came back; header names are looked up without regard to case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class GuardedAdapter(HTTPAdapter):
    """The adapter of requests with our pools: same keeping of connections, guarded dialling."""

    def __init__(self, network: Network, threads: int) -> None:
        self._network = network
        super().__init__(
            pool_connections=MOST_HOSTS, pool_maxsize=threads, pool_block=True, max_retries=NO_RETRIES
        )

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **options: Any) -> None:
        self.poolmanager = PoolManager(
            num_pools=connections,
            maxsize=maxsize,
            block=block,
            ssl_context=tls_context(self._network.ca_bundle),
            **options,
        )
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(GuardedHTTPPool, network=self._network),
            "https": partial(GuardedHTTPSPool, network=self._network),
        }


@lru_cache(maxsize=8)
def tls_context(ca_bundle: str) -> ssl.SSLContext:
    """Return a context that verifies names and certificates, TLS 1.2 or newer."""
    context = ssl.create_default_context(cafile=DEFAULT_CA_BUNDLE_PATH)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    if ca_bundle:
        context.load_verify_locations(cafile=ca_bundle)
    return context


class Transport:
    """Sends requests to one endpoint, with one pool of connections per project host."""

    def __init__(self, scheme: str, host: str, network: Network, threads: int, limits: Limits) -> None:
        network.check_scheme(scheme)
        self._scheme = scheme
        self._host: HostName = network.check_host(host)
        self._limits = limits
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.mount(f"{scheme}://", GuardedAdapter(network, threads))
        self._pools: dict[str, HTTPConnectionPool] = {}
        port = self._host.port
        self._port = "" if port in {None, DEFAULT_PORTS[scheme]} else f":{port}"

    def host_header(self, project: str) -> str:
        """Return the Host of a project, or of the account for "" (docs/sls-protocol.md, section Hosts)."""
        name = f"{project}.{self._host.name}" if project else self._host.name
        return name + self._port

    def send(
        self, method: str, project: str, target: str, headers: dict[str, str], body: bytes, deadline: float
    ) -> Reply:
        """Send one request that must be answered by `deadline` (monotonic seconds); raise SLSError."""
        BUDGET.start(self._limits, deadline)
        try:
            return self._exchange(self._dialled(project), method, target, headers, body)
        except (TimeoutError, AnswerTooLarge, HTTPError, OSError) as error:
            raise self._translate(error, self._dialled(project)) from error

    def close(self) -> None:
        """Close all connections."""
        self._session.close()

    def _dialled(self, project: str) -> str:
        return self.host_header("" if self._host.dialled_as_is else project)

    def _exchange(self, host: str, method: str, target: str, headers: dict[str, str], body: bytes) -> Reply:
        pool = self._pools.get(host) or self._open(host)
        try:
            return self._urlopen(pool, method, target, headers, body)
        except ClosedPoolError:  # so many hosts are in use that this pool was given up; nothing was sent
            return self._urlopen(self._open(host), method, target, headers, body)

    def _open(self, host: str) -> HTTPConnectionPool:
        url = f"{self._scheme}://{host}/"
        adapter = self._session.get_adapter(url)
        request = requests.Request("GET", url).prepare()
        pool: HTTPConnectionPool = adapter.get_connection_with_tls_context(request, verify=True)  # type: ignore[attr-defined]
        self._pools[host] = pool
        return pool

    def _urlopen(
        self, pool: HTTPConnectionPool, method: str, target: str, headers: dict[str, str], body: bytes
    ) -> Reply:
        left = BUDGET.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError
        response = pool.urlopen(
            method,
            target,
            body=body or None,
            headers=headers,
            retries=NO_RETRIES,
            redirect=False,
            assert_same_host=False,
            timeout=TryTimeout(connect=min(self._limits.connect, left), read=min(self._limits.read, left)),
            pool_timeout=left,  # type: ignore[arg-type]
            decode_content=False,
        )
        return Reply(response.status, response.headers, response.data)

    def _translate(self, error: Exception, host: str) -> SLSError:
        cause = error.args[1] if isinstance(error, ProtocolError) and len(error.args) > 1 else None
        if isinstance(error, AnswerTooLarge):
            return BadAnswer("The answer is larger than this client reads")
        if isinstance(cause, http.client.HTTPException) and not isinstance(
            cause, (http.client.RemoteDisconnected, http.client.IncompleteRead)
        ):
            return BadAnswer(f"{host} does not answer in HTTP")
        if isinstance(error, EmptyPoolError):
            return Timeout("All connections to this host are busy")
        if isinstance(error, ConnectTimeoutError) and not isinstance(error, NewConnectionError):
            return Timeout(f"No connection to {host} within {self._limits.connect:g} seconds")
        if isinstance(error, (ReadTimeoutError, TimeoutError)):
            return Timeout(f"{host} did not answer in time")
        return ConnectionFailed(_words(error, host))


def _words(error: Exception, host: str) -> str:
    if isinstance(error, NameResolutionError):
        return f"The name {host} cannot be resolved"
    if isinstance(error, SSLError):
        return f"No secure connection to {host}: {str(error)[:200]}"
    if BUDGET.sent:
        return f"{host} closed the connection before its answer was complete"
    return f"No connection to {host}: it refuses, or the network does not lead there"
