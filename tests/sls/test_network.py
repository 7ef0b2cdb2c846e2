"""Which hosts and addresses are called: tables of hostile and legal targets."""

from __future__ import annotations

from ipaddress import ip_address

import pytest

from checkpoints.sls import HostRefused, Network
from checkpoints.sls.network import addresses_of, classify

PUBLIC = "cn-hangzhou.log.aliyuncs.com"
INSIDE = "cn-hangzhou-intranet.log.aliyuncs.com"
EVERYTHING = Network(
    ("0.0.0.0/0", "::/0", "*.example.com", "localhost", "metadata.example.com", "127.0.0.0/8")
)

HOSTILE_HOSTS = [
    ("", "empty"),
    ("https://cn-hangzhou.log.aliyuncs.com", "without https"),
    ("user@cn-hangzhou.log.aliyuncs.com", "user name"),
    ("cn-hangzhou.log.aliyuncs.com@evil.example", "user name"),
    ("cn-hangzhou.log.aliyuncs.com/path", "path"),
    ("evil.example/.log.aliyuncs.com", "path"),
    ("evil.example?.log.aliyuncs.com", "query"),
    ("evil.example#.log.aliyuncs.com", "fragment"),
    ("evil.example\\.log.aliyuncs.com", "backslash"),
    ("evil.example%2f.log.aliyuncs.com", "percent"),
    ("*.log.aliyuncs.com", "wildcard"),
    ("a.log.aliyuncs.com,b.log.aliyuncs.com", "comma"),
    ("cn hangzhou.log.aliyuncs.com", "blanks"),
    ("cn-hangzhou.log.aliyuncs.com\n", "control"),
    ("cn-hangzhou.log.aliyuncs.com\x00", "control"),
    ("cn-hangzhou.log.aliyuncs.com\x7f", "control"),
    ("127.0.0.1", "this machine"),
    ("127.0.0.1:8089", "this machine"),
    ("2130706433", "unusual form"),
    ("0x7f000001", "unusual form"),
    ("0X7F.1", "unusual form"),
    ("0177.0.0.1", "unusual form"),
    ("127.1", "unusual form"),
    ("127.0.0.1.", "not a host name"),
    ("127.0.0.256", "unusual form"),
    ("1.2.3.4.5", "unusual form"),
    ("١٢٧.0.0.1", "ASCII"),
    ("127。0。0。1", "ASCII"),
    ("[::1]", "this machine"),
    ("[::1]:443", "this machine"),
    ("[::ffff:127.0.0.1]", "this machine"),
    ("[::1", "not an IPv6"),
    ("[::g]:443", "not an IPv6"),
    ("::1", "brackets"),
    ("localhost", "not a host of SLS"),
    ("example.com", "not a host of SLS"),
    ("log.aliyuncs.com", "not a host of SLS"),
    ("log.aliyuncs.com.evil.example", "not a host of SLS"),
    ("evillog.aliyuncs.com", "not a host of SLS"),
    ("oss-cn-hangzhou.aliyuncs.com", "not a host of SLS"),
    (".log.aliyuncs.com", "not a host name"),
    ("a..log.aliyuncs.com", "not a host name"),
    ("-a.log.aliyuncs.com", "not a host name"),
    ("a-.log.aliyuncs.com", "not a host name"),
    ("a" * 64 + ".log.aliyuncs.com", "not a host name"),
    ("a." * 130 + "log.aliyuncs.com", "not a host name"),
    ("cn-hangzhou.log.aliyuncs.com:22", "port 443"),
    ("cn-hangzhou.log.aliyuncs.com:0", "65535"),
    ("cn-hangzhou.log.aliyuncs.com:65536", "65535"),
    ("cn-hangzhou.log.aliyuncs.com:https", "65535"),
    ("cn-hangzhou.log.aliyuncs.com:", "65535"),
    ("10.1.2.3", "private"),
    ("100.100.100.200", "metadata"),
    ("169.254.169.254", "metadata"),
    ("47.96.1.1", "public address"),
]

HOSTILE_ADDRESSES = [
    ("100.100.100.200", "metadata"),
    ("169.254.169.254", "metadata"),
    ("169.254.0.1", "metadata"),
    ("192.0.0.192", "metadata"),
    ("fd00:ec2::254", "metadata"),
    ("::ffff:100.100.100.200", "metadata"),
    ("::ffff:169.254.169.254", "metadata"),
    ("64:ff9b::a9fe:a9fe", "metadata"),
    ("::169.254.169.254", "metadata"),
    ("0.0.0.0", "reserved"),
    ("0.1.2.3", "reserved"),
    ("::", "reserved"),
    ("224.0.0.1", "reserved"),
    ("255.255.255.255", "reserved"),
    ("240.0.0.1", "reserved"),
    ("192.0.0.8", "reserved"),
    ("192.0.2.1", "reserved"),
    ("198.18.0.1", "reserved"),
    ("fe80::1", "reserved"),
    ("fec0::1", "reserved"),
    ("ff02::1", "reserved"),
    ("100::1", "reserved"),
    ("2001:db8::1", "reserved"),
    ("64:ff9b:1::7f00:1", "tunnel"),
    ("2002:7f00:1::1", "tunnel"),
    ("2001:0:4136:e378:8000:63bf:3fff:fdd2", "tunnel"),
    ("192.88.99.1", "tunnel"),
]

UNLISTED_ADDRESSES = [
    ("127.0.0.1", "this machine"),
    ("127.8.8.8", "this machine"),
    ("::1", "this machine"),
    ("::ffff:127.0.0.1", "this machine"),
    ("64:ff9b::7f00:1", "this machine"),
    ("10.0.0.1", "private"),
    ("172.16.0.1", "private"),
    ("192.168.1.1", "private"),
    ("fc00::1", "private"),
    ("::ffff:192.168.1.1", "private"),
    ("100.64.0.1", "intranet"),
    ("100.127.255.254", "intranet"),
]

LEGAL_HOSTS = [
    (PUBLIC, ()),
    ("CN-Hangzhou.LOG.aliyuncs.com", ()),
    (PUBLIC + ":443", ()),
    (PUBLIC + ":80", ()),
    (INSIDE, ()),
    ("cn-hangzhou-internal.log.aliyuncs.com", ()),
    ("cn-hangzhou-share.log.aliyuncs.com", ()),
    ("cn-hangzhou.sls.aliyuncs.com", ()),
    ("log-global.sls.aliyuncs.com", ()),
    ("127.0.0.1:8089", ("127.0.0.1",)),
    ("127.0.0.1:8089", ("127.0.0.0/8",)),
    ("[::1]:8089", ("::1",)),
    ("[::1]:8089", ("[::1]",)),
    ("localhost:8089", ("localhost",)),
    ("10.1.2.3", ("10.0.0.0/8",)),
    ("10.1.2.3", ("10.1.2.9/8",)),
    ("sls.example.com", ("sls.example.com",)),
    ("sls.example.com", ("*.example.com",)),
    ("project.sls.example.com:8443", (" SLS.example.com ",)),
    ("47.96.1.1", ("47.96.1.1",)),
]

LEGAL_ADDRESSES = [
    (PUBLIC, "47.96.1.1", ()),
    (PUBLIC, "2408:4001::1", ()),
    (PUBLIC, "::ffff:47.96.1.1", ()),
    (PUBLIC, "64:ff9b::2f60:101", ()),
    (INSIDE, "100.115.28.7", ()),
    ("p.cn-hangzhou-internal.log.aliyuncs.com", "100.64.0.1", ()),
    ("p.cn-hangzhou-share.sls.aliyuncs.com", "100.64.0.1", ()),
    (PUBLIC, "100.64.0.1", ("100.64.0.0/10",)),
    (PUBLIC, "10.0.0.7", ("10.0.0.0/24",)),
    ("localhost", "127.0.0.1", ("localhost",)),
    ("localhost", "::1", ("localhost",)),
    ("p.sls.example.com", "192.168.7.7", ("sls.example.com",)),
    ("sls.example.com", "fc00::7", ("::1", "fc00::/7")),
]


@pytest.mark.parametrize(("host", "words"), HOSTILE_HOSTS)
def test_a_hostile_host_is_refused_with_words(host, words):
    with pytest.raises(HostRefused, match=words):
        Network().check_host(host)


@pytest.mark.parametrize(("address", "words"), HOSTILE_ADDRESSES)
def test_some_addresses_are_refused_whatever_is_listed(address, words):
    with pytest.raises(HostRefused, match=words):
        EVERYTHING.check_addresses("metadata.example.com", [ip_address(address)])


@pytest.mark.parametrize("name", [PUBLIC, INSIDE, "sls.example.com"])
@pytest.mark.parametrize(("address", "words"), UNLISTED_ADDRESSES[:-2])
def test_inner_addresses_are_refused_for_every_unlisted_name(name, address, words):
    with pytest.raises(HostRefused, match=words):
        Network().check_addresses(name, [ip_address(address)])


@pytest.mark.parametrize(("address", "words"), UNLISTED_ADDRESSES[-2:])
def test_cloud_internal_addresses_are_refused_for_public_names(address, words):
    with pytest.raises(HostRefused, match=words):
        Network().check_addresses(PUBLIC, [ip_address(address)])


def test_one_bad_address_refuses_the_whole_name():
    with pytest.raises(HostRefused, match=r"10\.0\.0\.1"):
        Network().check_addresses(PUBLIC, [ip_address("47.96.1.1"), ip_address("10.0.0.1")])


def test_a_public_address_does_not_make_another_name_legal():
    with pytest.raises(HostRefused, match="public address"):
        Network().check_addresses("sls.example.com", [ip_address("47.96.1.1")])


@pytest.mark.parametrize(("host", "listed"), LEGAL_HOSTS)
def test_a_legal_host_is_accepted(host, listed):
    name, port = Network(listed).check_host(host).name, Network(listed).check_host(host).port
    assert host.lower() == (f"{name}:{port}" if port else name)


@pytest.mark.parametrize(("name", "address", "listed"), LEGAL_ADDRESSES)
def test_a_legal_address_is_accepted(name, address, listed):
    Network(listed).check_addresses(name, [ip_address(address)])


@pytest.mark.parametrize("listed", [(), ("",), ("*",), (".",), (" ",)])
def test_an_empty_list_never_means_everything(listed):
    with pytest.raises(HostRefused):
        Network(listed).check_host("example.com")


def test_a_listed_address_lists_no_name():
    with pytest.raises(HostRefused):
        Network(("10.0.0.0/8", "1.2.3.4")).check_host("example.com")


@pytest.mark.parametrize(
    ("host", "as_is"),
    [("127.0.0.1:1", True), ("[::1]:1", True), ("localhost:1", True), (PUBLIC, False)],
)
def test_addresses_and_localhost_are_dialled_as_they_are(host, as_is):
    assert Network(("127.0.0.1", "::1", "localhost")).check_host(host).dialled_as_is is as_is


def test_http_needs_the_operator():
    with pytest.raises(HostRefused, match="http://"):
        Network().check_scheme("http")


@pytest.mark.parametrize("scheme", ["ftp", "file", "", "HTTPS"])
def test_other_schemes_are_refused(scheme):
    with pytest.raises(HostRefused, match="https"):
        Network(allow_http=True).check_scheme(scheme)


@pytest.mark.parametrize(("scheme", "allowed"), [("https", False), ("https", True), ("http", True)])
def test_legal_schemes_are_accepted(scheme, allowed):
    Network(allow_http=allowed).check_scheme(scheme)


def test_the_hidden_ipv4_address_counts():
    assert classify(ip_address("::ffff:10.0.0.1")) == ("private", ip_address("10.0.0.1"))


def test_the_zone_of_an_address_is_left_out():
    assert addresses_of(["fe80::1%eth0"]) == [ip_address("fe80::1")]
