"""Which hosts and addresses may be called: names first, then every address actually dialled."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import (
    AddressValueError,
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Literal

from .errors import HostRefused

Address = IPv4Address | IPv6Address
Kind = Literal["metadata", "loopback", "reserved", "tunnelled", "shared", "private", "public"]

SLS_SUFFIXES = (".log.aliyuncs.com", ".sls.aliyuncs.com")
INSIDE_NAME = re.compile(r"-(intranet|internal|share)\.(log|sls)\.aliyuncs\.com$", re.ASCII)
LABEL = re.compile(r"[a-z0-9]([a-z0-9_-]{0,61}[a-z0-9])?", re.ASCII)
NUMBER = re.compile(r"(0x[0-9a-f]*|[0-9]+)", re.ASCII)
FORBIDDEN_CHARACTERS = {
    "@": "a user name", "/": "a path", "\\": "a backslash", "?": "a query",
    "#": "a fragment", "%": "a percent sign", "*": "a wildcard", ",": "a comma",
}  # fmt: skip


def _networks(*texts: str) -> tuple[IPv4Network | IPv6Network, ...]:
    return tuple(ip_network(text) for text in texts)


RANGES: tuple[tuple[Kind, tuple[IPv4Network | IPv6Network, ...]], ...] = (
    ("metadata", _networks("100.100.100.200/32", "169.254.0.0/16", "192.0.0.192/32", "fd00:ec2::254/128")),
    ("loopback", _networks("127.0.0.0/8", "::1/128")),
    ("shared", _networks("100.64.0.0/10")),
    ("private", _networks("10.0.0.0/8", "172.16.0.0/12", "192.168.0.0/16", "fc00::/7")),
    ("tunnelled", _networks("2002::/16", "2001::/32", "64:ff9b:1::/48", "192.88.99.0/24")),
    (
        "reserved",
        _networks(
            "0.0.0.0/8", "192.0.0.0/24", "192.0.2.0/24", "198.18.0.0/15", "198.51.100.0/24",
            "203.0.113.0/24", "224.0.0.0/4", "240.0.0.0/4", "2001::/23", "2001:db8::/32", "3fff::/20",
        ),
    ),
    ("public", _networks("0.0.0.0/0", "2000::/3")),
)  # fmt: skip

WORDS: dict[Kind, str] = {
    "metadata": "a cloud metadata address, which is never called",
    "loopback": "this machine; the operator has not listed it",
    "reserved": "a reserved address, which is never called",
    "tunnelled": "a tunnel address, which is never called",
    "shared": "a carrier or cloud-internal address; only intranet names of SLS may lead there",
    "private": "a private address; the operator has not listed it",
    "public": "a public address; the operator has not listed it",
}


@dataclass(frozen=True, slots=True)
class HostName:
    """A checked host: lower-case name or address, and the port when one was given."""

    name: str
    port: int | None
    address: Address | None

    @property
    def dialled_as_is(self) -> bool:
        """Tell whether the project goes only into the Host header (docs/sls-protocol.md, section Hosts)."""
        return self.address is not None or self.name == "localhost"


@dataclass(frozen=True)
class Network:
    """What may be called beyond the names of SLS itself: hosts, addresses or CIDR blocks.

    An empty list means "only SLS", never "everything". `ca_bundle` is a file of further certificate
    authorities; there is no way to switch the check of certificates off.
    """

    allowed_hosts: tuple[str, ...] = ()
    allow_http: bool = False
    ca_bundle: str = ""

    def check_scheme(self, scheme: str) -> None:
        """Raise HostRefused for anything but https, or http where the operator allowed it."""
        if scheme == "http" and not self.allow_http:
            raise HostRefused(
                "http:// sends data and signatures unprotected; the operator has not allowed it"
            )
        if scheme not in {"http", "https"}:
            raise HostRefused(f"The scheme must be https, not {scheme[:20]!r}")

    def check_host(self, host: str) -> HostName:
        """Return the parsed host, or raise HostRefused with the reason; no name is looked up."""
        parsed = parse_host(host)
        if parsed.address is not None:
            self.check_addresses(parsed.name, [parsed.address])
        elif self._lists_name(parsed.name):
            pass
        elif not parsed.name.endswith(SLS_SUFFIXES):
            raise HostRefused(
                f"{parsed.name} is not a host of SLS: it must end in {' or '.join(SLS_SUFFIXES)}, "
                "or be listed by the operator"
            )
        elif parsed.port not in {None, 80, 443}:
            raise HostRefused(f"{parsed.name} is called on port 443, not {parsed.port}")
        return parsed

    def check_addresses(self, name: str, addresses: Iterable[Address]) -> None:
        """Raise HostRefused if any of the addresses of `name` must not be dialled."""
        for address in addresses:
            kind, inner = classify(address)
            if not self._may_dial(name, kind, inner):
                raise HostRefused(f"{name} leads to {address}: {WORDS[kind]}")

    def _may_dial(self, name: str, kind: Kind, address: Address) -> bool:
        if kind in {"metadata", "reserved", "tunnelled"}:
            return False
        if self._lists_name(name) or self._lists_address(address):
            return True
        if kind == "public":
            return name.endswith(SLS_SUFFIXES)
        return kind == "shared" and INSIDE_NAME.search(name) is not None

    def _lists_name(self, name: str) -> bool:
        entries = (entry.strip().lower().removeprefix("*").lstrip(".") for entry in self.allowed_hosts)
        return any(
            entry and not _is_network(entry) and (name == entry or name.endswith("." + entry))
            for entry in entries
        )

    def _lists_address(self, address: Address) -> bool:
        return any(
            address in network
            for network in map(_network_of, self.allowed_hosts)
            if network is not None and network.version == address.version
        )


def classify(address: Address) -> tuple[Kind, Address]:
    """Return the kind of an address and the address that counts (an IPv4 address may hide in an IPv6 one)."""
    inner = _unwrap(address)
    for kind, networks in RANGES:
        if any(inner.version == network.version and inner in network for network in networks):
            return kind, inner
    return "reserved", inner


def parse_host(text: str) -> HostName:
    """Split "name", "name:port", "1.2.3.4:port" or "[v6]:port"; raise HostRefused with words otherwise."""
    _check_characters(text)
    name, port = _split_port(text.lower())
    if name.startswith("["):
        return HostName(name, port, _ipv6(name))
    if ":" in name:
        raise HostRefused("An IPv6 address is written in brackets, such as [2001:db8::1]:443")
    labels = name.split(".")
    if NUMBER.fullmatch(labels[-1]):
        return HostName(name, port, _ipv4(name))
    if len(name) > 253 or not all(LABEL.fullmatch(label) for label in labels):
        raise HostRefused(f"{text[:80]!r} is not a host name")
    return HostName(name, port, None)


def _check_characters(text: str) -> None:
    if not text:
        raise HostRefused("The host is empty")
    if "://" in text:
        raise HostRefused("Give the host alone, without https://")
    if not text.isascii():
        raise HostRefused("A host is written in plain ASCII letters and digits")
    if any(ord(character) <= 32 or ord(character) == 127 for character in text):
        raise HostRefused("A host has no blanks and no control characters")
    for character, words in FORBIDDEN_CHARACTERS.items():
        if character in text:
            raise HostRefused(f"A host has no {character!r}: {words} does not belong here")


def _split_port(text: str) -> tuple[str, int | None]:
    name, colon, port = text.rpartition(":")
    if not colon or text.endswith("]") or (":" in name and not name.endswith("]")):
        return text, None
    if not re.fullmatch(r"[1-9][0-9]{0,4}", port) or int(port) > 65535:
        raise HostRefused(f"The port must be a number from 1 to 65535, not {port[:20]!r}")
    return name, int(port)


def _ipv4(name: str) -> IPv4Address:
    try:
        return IPv4Address(name)
    except AddressValueError:
        raise HostRefused(
            f"{name[:80]!r} is an address in an unusual form; write four plain decimal numbers"
        ) from None


def _ipv6(name: str) -> IPv6Address:
    try:
        return IPv6Address(name[1:-1] if name.endswith("]") else name)
    except AddressValueError:
        raise HostRefused(f"{name[:80]!r} is not an IPv6 address in brackets") from None


def _unwrap(address: Address) -> Address:
    if isinstance(address, IPv4Address):
        return address
    value = int(address)
    top = value >> 32
    if top in {0xFFFF, 0x0064FF9B << 64} or (top == 0 and value > 1):
        return IPv4Address(value & 0xFFFFFFFF)
    return address


def _network_of(entry: str) -> IPv4Network | IPv6Network | None:
    try:
        return ip_network(entry.strip().strip("[]"), strict=False)
    except ValueError:
        return None


def _is_network(entry: str) -> bool:
    return _network_of(entry) is not None


def addresses_of(texts: Iterable[str]) -> list[Address]:
    """Turn the texts of a name look-up into addresses, without the zone of a link-local one."""
    return [ip_address(text.partition("%")[0]) for text in texts]
