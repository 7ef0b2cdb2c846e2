"""What the operations return and what they refuse before anything is sent."""

from __future__ import annotations

from datetime import UTC, datetime

import lz4.block
import pytest

from checkpoints.sls import (
    ArgumentRefused,
    BadAnswer,
    Client,
    Credentials,
    HostRefused,
    Network,
    Project,
    Secret,
    WriteRefused,
)
from checkpoints.sls.loggroups import Groups

from .conftest import KEY, LOCAL
from .server import reply

CURSOR = "MTIz"


def names(*found, total):
    return reply({"count": len(found), "total": total, "logstores": list(found)})


def test_an_answer_has_the_request_id_and_the_clock_of_the_service(serve):
    client, _ = serve(reply({"cursor": CURSOR}))
    answer = client.get_cursor("proj", "store", 0, "begin")
    assert (answer.value, answer.request_id, answer.server_time) == (
        CURSOR,
        "5AEEC8DD3F5A1B2C4D5E6F70",
        datetime(2018, 5, 6, 9, 14, 53, tzinfo=UTC),
    )


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 May 2018 09:14:53 GMT"])
def test_our_clock_stands_in_for_a_missing_date(serve, date):
    client, _ = serve(reply([], Date=date), clock=lambda: 1525598093.0)
    assert client.list_shards("proj", "store").server_time == datetime(2018, 5, 6, 9, 14, 53, tzinfo=UTC)


@pytest.mark.parametrize("date", ["Sun, 06 May 2018 09:14:53 -0000", "Sun, 06 May 2018 17:14:53 +0800"])
def test_a_date_in_another_zone_is_read(serve, date):
    client, _ = serve(reply([], Date=date))
    assert client.list_shards("proj", "store").server_time == datetime(2018, 5, 6, 9, 14, 53, tzinfo=UTC)


def test_a_strange_request_id_is_cleaned(serve):
    client, _ = serve(reply([], x_log_requestid="a\tb" + "c" * 100))
    assert client.list_shards("proj", "store").request_id == "a b" + "c" * 61


def test_logstores_are_listed_page_by_page(serve):
    client, server = serve(names("a", "b", total=3), names("c", total=3))
    assert client.list_logstores("proj").value == ["a", "b", "c"]
    assert [request.params["offset"] for request in server.received] == ["0", "2"]


def test_projects_are_listed_page_by_page(serve):
    pages = [reply({"total": 2, "projects": [{"projectName": name}]}) for name in "ab"]
    client, _ = serve(*pages)
    assert client.all_projects() == [Project("a"), Project("b")]


def test_a_list_without_an_end_is_given_up(serve):
    client, _ = serve(names("a", total=10**9))
    with pytest.raises(BadAnswer, match="does not end"):
        client.list_logstores("proj")


def test_the_project_is_the_first_label_of_host(serve):
    client, server = serve(reply([]))
    client.list_shards("proj", "store")
    assert server.received[0].headers["host"] == f"proj.127.0.0.1:{server.port}"


def test_the_account_has_the_plain_host(serve):
    client, server = serve(reply({"total": 0, "projects": []}))
    client.list_projects()
    assert server.received[0].headers["host"] == f"127.0.0.1:{server.port}"


def test_log_groups_are_pulled(serve):
    raw = Groups(groups=[{"topic": b"t"}]).SerializeToString()
    packed = lz4.block.compress(raw, store_size=False)
    told = {"x_log_cursor": "MTI0", "x_log_bodyrawsize": str(len(raw)), "x_log_compresstype": "lz4"}
    client, _ = serve(reply(packed, Content_Encoding="lz4", **told))
    pulled = client.pull_logs("proj", "store", 0, CURSOR).value
    assert ([group.topic for group in pulled.groups], pulled.next_cursor) == (["t"], "MTI0")


def test_no_more_is_unpacked_than_the_client_allows(serve):
    client, _ = serve(reply(b"", x_log_cursor=CURSOR, x_log_bodyrawsize="9000000"))
    with pytest.raises(BadAnswer, match="fewer log groups"):
        client.pull_logs("proj", "store", 0, CURSOR, max_bytes=10**9)


def test_a_write_gives_nothing_back(serve):
    client, server = serve(reply(b""))
    assert client.update_checkpoint("proj", "store", "g", shard=1, checkpoint=CURSOR).value is None
    assert server.received[0].params["forceSuccess"] == "True"


def test_a_read_only_client_refuses_to_write(serve):
    client, server = serve(reply(b""), read_only=True)
    with pytest.raises(WriteRefused) as caught:
        client.update_checkpoint("proj", "store", "g", shard=1, checkpoint=CURSOR)
    assert (server.received, caught.value.operation, caught.value.label) == (
        [],
        "UpdateCheckPoint",
        "WriteRefused",
    )


def test_a_read_only_client_reads(serve):
    client, _ = serve(reply([]), read_only=True)
    assert client.list_shards("proj", "store").value == []


def test_a_sent_cursor_is_stripped_and_padded(serve):
    client, server = serve(reply({"cursor_time": 1525508000}))
    client.get_cursor_time("proj", "store", 0, "MTIzNA\n")
    assert server.received[0].params["cursor"] == "MTIzNA=="


def test_part_of_a_second_is_left_out_of_a_time(serve):
    client, server = serve(reply({"cursor": CURSOR}))
    client.get_cursor("proj", "store", 0, datetime(2018, 5, 6, 9, 14, 53, 999_999, tzinfo=UTC))
    assert server.received[0].params["from"] == "1525598093"


def test_an_answer_packed_otherwise_is_refused(serve):
    client, _ = serve(reply(b"x", Content_Encoding="gzip"))
    with pytest.raises(BadAnswer, match="packed"):
        client.list_shards("proj", "store")


REFUSED = {
    "project with a slash": lambda c: c.list_shards("a/b", "store"),
    "project with a dot": lambda c: c.list_shards("a.evil.example", "store"),
    "empty project": lambda c: c.list_logstores(""),
    "long project": lambda c: c.list_shards("a" * 64, "store"),
    "project with a newline": lambda c: c.list_shards("a\n", "store"),
    "project in other digits": lambda c: c.list_shards("١٢", "store"),
    "Logstore with a slash": lambda c: c.get_logstore("proj", "a/b"),
    "Logstore going up": lambda c: c.get_logstore("proj", ".."),
    "Logstore with NUL": lambda c: c.get_logstore("proj", "a\x00"),
    "empty Logstore": lambda c: c.get_logstore("proj", ""),
    "long group": lambda c: c.get_checkpoints("proj", "store", "g" * 129),
    "group of half a character": lambda c: c.get_checkpoints("proj", "store", "\ud800"),
    "name of half a character": lambda c: c.list_projects(name="\ud800"),
    "negative shard": lambda c: c.get_cursor("proj", "store", -1, "end"),
    "cursor that is not base64": lambda c: c.get_cursor_time("proj", "store", 0, "!!"),
    "empty checkpoint": lambda c: c.update_checkpoint("proj", "store", "g", shard=0, checkpoint=""),
    "time without a zone": lambda c: c.get_cursor("proj", "store", 0, datetime(2020, 1, 1)),  # noqa: DTZ001
    "time before 1970": lambda c: c.get_cursor("proj", "store", 0, datetime(1960, 1, 1, tzinfo=UTC)),
    "no log groups": lambda c: c.pull_logs("proj", "store", 0, CURSOR, count=0),
    "too many log groups": lambda c: c.pull_logs("proj", "store", 0, CURSOR, count=1001),
}


@pytest.mark.parametrize("what", REFUSED)
@pytest.mark.parametrize("signature", ["v1", "v4"])
def test_an_impossible_argument_is_refused_unsent(serve, signature, what):
    client, server = serve(reply([]), signature=signature)
    with pytest.raises(ArgumentRefused):
        REFUSED[what](client)
    assert server.received == []


@pytest.mark.parametrize("key_id", ["", "a b", "a\r\nx-log-evil: 1", "钥匙", "k" * 9000])
def test_a_key_id_that_is_no_header_text_is_refused(key_id):
    with pytest.raises(ArgumentRefused, match="ASCII"):
        make(credentials=Credentials(key_id, Secret("s")))


def test_a_token_that_is_no_header_text_is_refused():
    with pytest.raises(ArgumentRefused, match="ASCII"):
        make(credentials=Credentials("id", Secret("s"), Secret("a\nb")))


def test_signature_v4_needs_the_region():
    with pytest.raises(ArgumentRefused, match="region"):
        make(region="")


def test_signature_v1_needs_no_region():
    make(region="", signature="v1").close()


@pytest.mark.parametrize("host", ["example.com", "http://127.0.0.1", "x@127.0.0.1:80"])
def test_a_client_is_not_made_for_a_foreign_host(host):
    with pytest.raises(HostRefused):
        make(host=host)


def test_a_client_is_not_made_for_http_unless_allowed():
    with pytest.raises(HostRefused, match="http://"):
        make(scheme="http", network=Network())


def make(**options):
    settings = {"host": "cn-hangzhou.log.aliyuncs.com", "region": "cn-hangzhou", "credentials": KEY}
    return Client(**(settings | options))


def test_a_client_shows_no_secret():
    with make(network=LOCAL) as client:
        assert "testAccessKeySecret" not in repr(vars(client))
