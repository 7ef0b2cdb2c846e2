from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from checkpoints.domain import moments, targets
from checkpoints.domain.targets import (
    At,
    BadTarget,
    Earliest,
    Exact,
    FromFile,
    FromGroup,
    FromSnapshot,
    Groups,
    Keep,
    Latest,
    Rest,
    Shift,
    Undo,
    parse,
    parse_shards,
)

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)
SHANGHAI = ZoneInfo("Asia/Shanghai")
BERLIN = ZoneInfo("Europe/Berlin")
MIDNIGHT = At(datetime(2026, 11, 20, tzinfo=UTC))


@pytest.mark.parametrize(
    ("text", "target"),
    [
        ("earliest", Earliest()),
        (" Latest\n", Latest()),
        ("2026-11-20T00:00:00Z", MIDNIGHT),
        ("2026-11-20t08:00+08:00", MIDNIGHT),
        ("2026-11-19 19:00:00-0500", MIDNIGHT),
        ("2026-11-20 08:00", MIDNIGHT),
        ("2026-11-20 08:00:00", MIDNIGHT),
        ("2026-11-20 01:00 Europe/Berlin", MIDNIGHT),
        ("2026-11-20Z", MIDNIGHT),
        ("2026-11-20T00:00:00.5Z", At(datetime(2026, 11, 20, 0, 0, 0, 500_000, tzinfo=UTC))),
        ("@1795132800", MIDNIGHT),
        ("1795132800", MIDNIGHT),
        ("1795132800000", MIDNIGHT),
        ("@1795132800000", MIDNIGHT),
        ("@0", At(datetime(1970, 1, 1, tzinfo=UTC))),
        ("2h ago", At(NOW - timedelta(hours=2))),
        ("1d 4h ago", At(NOW - timedelta(hours=28))),
        ("-2h", Shift(timedelta(hours=-2))),
        ("+30m", Shift(timedelta(minutes=30))),
        ("+10groups", Groups(10)),
        ("-10 log groups", Groups(-10)),
        ("+1group", Groups(1)),
        ("cursor:MTIz", Exact("MTIz", 123)),
        ("Group:settle-1", FromGroup("settle-1")),
        ("file:/tmp/a b.csv", FromFile("/tmp/a b.csv")),  # noqa: S108 - never opened
        ("snapshot:42", FromSnapshot("42")),
        ("undo:0b5f2c6e-1", Undo("0b5f2c6e-1")),
        ("rest:0b5f2c6e-1", Rest("0b5f2c6e-1")),
        ("Keep", Keep()),
        ("snapshot:42~0s", FromSnapshot("42", timedelta(0))),
        ("group:store-2/settle", FromGroup("settle", "store-2")),
        ("group:proj/store/settle~10m", FromGroup("settle", "store", "proj", margin=timedelta(minutes=10))),
        (
            "group: 生产一 a/b/proj/store/settle~1d 4h",
            FromGroup("settle", "store", "proj", "生产一 a/b", timedelta(hours=28)),
        ),
    ],
)
def test_each_kind_of_target_is_read(text, target):
    assert parse(text, zone=SHANGHAI, now=NOW) == target


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "Say where to go"),
        ("  ", "Say where to go"),
        ("x" * 201, "at most 200"),
        ("group:" + "x" * 395, "at most 400"),
        ("lat\x00est", "control"),
        ("2h\tago", "control"),
        ("٢h ago", "digits 0 to 9"),
        ("@１２３", "digits 0 to 9"),
        ("whenever", "not a target"),
        ("2026-11-20T08:00:00 Mars/Olympus", "no time zone named Mars/Olympus"),
        ("2026-11-20 08:00 ../../etc/passwd", "not a target"),
        ("2026-02-30 08:00", "no such date"),
        ("2026-11-20 25:00", "no such date"),
        ("2026-11-20 08:00+24:00", "no such offset"),
        ("2026-11-20 08:00+08:60", "no such offset"),
        ("0000-01-01 00:00Z", "no such date"),
        ("1969-12-31 23:59Z", "between 1970 and 2999"),
        ("9999-12-31 23:59-12:00", "between 1970 and 2999"),
        ("1970-01-01 00:00+08:00", "before 1970"),
        ("@99999999999999999", "too large"),
        ("@99999999999999", "between 1970 and 2999"),
        ("@-5", "not a target"),
        ("-2", "duration"),
        ("2 ago", "duration"),
        ("9999d ago", "3650 days"),
        ("cursor:???", "base64"),
        ("cursor:", "empty"),
        ("group:a b", "letters, digits"),
        ("group:a/", "letters, digits"),
        ("group:/b", r"\[ENDPOINT/\]PROJECT/\]LOGSTORE/NAME"),
        ("group:e/p x/l/n", r"\[ENDPOINT/\]PROJECT/\]LOGSTORE/NAME"),
        ("group:a~5m", "cursors are copied"),
        ("group:l/a~", "duration"),
        ("group:l/a~5", "duration"),
        ("179513280", "not a target"),
        ("17951328000", "not a target"),
        ("file: ", "Name the file"),
        ("snapshot:", "snapshot"),
        ("snapshot:a~x", "duration"),
        ("undo:../1", "by its id after undo:"),
        ("rest:", "by its id after rest:"),
    ],
)
def test_what_is_no_target_is_refused_in_words(text, reason):
    with pytest.raises(BadTarget, match=reason):
        parse(text, zone=SHANGHAI, now=NOW)


def test_a_time_without_zone_needs_one():
    with pytest.raises(BadTarget, match="Add the zone"):
        parse("2026-11-20 08:00", zone=None, now=NOW)


def test_a_local_time_that_the_clock_skipped_does_not_exist():
    with pytest.raises(BadTarget, match="does not exist"):
        parse("2026-03-29 02:30", zone=BERLIN, now=NOW)


def test_a_local_time_that_came_twice_needs_its_offset():
    with pytest.raises(BadTarget, match="exists twice"):
        parse("2026-10-25 02:30", zone=BERLIN, now=NOW)
    assert parse("2026-10-25 02:30+02:00", zone=BERLIN, now=NOW) == At(
        datetime(2026, 10, 25, 0, 30, tzinfo=UTC)
    )


def test_a_time_in_the_future_can_be_read():
    assert parse("2027-01-01T00:00Z", zone=None, now=NOW) == At(datetime(2027, 1, 1, tzinfo=UTC))


@pytest.mark.parametrize("name", ["", "Nowhere", "../secret", "America", "A\x00"])
def test_an_unknown_zone_is_refused(name):
    with pytest.raises(moments.BadMoment, match="no time zone"):
        moments.parse_zone(name)


@pytest.mark.parametrize(
    ("text", "shards"), [("0,2-5", (0, 2, 3, 4, 5)), (" 7 ", (7,)), ("3, 1-3,1", (1, 2, 3)), ("5-5", (5,))]
)
def test_shards_are_read_sorted_and_once(text, shards):
    assert parse_shards(text) == shards


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "at least one"),
        ("1,", "numbers and ranges"),
        ("-1", "numbers and ranges"),
        ("a", "numbers and ranges"),
        ("１", "numbers and ranges"),
        ("5-2", "low to high: 5-2"),
        ("0-9999", "At most 4096"),
        ("0-4000,5000-5200", "At most 4096"),
        ("1," * 30_000, "too long"),
    ],
)
def test_what_is_no_list_of_shards_is_refused_in_words(text, reason):
    with pytest.raises(BadTarget, match=reason):
        parse_shards(text)


@pytest.mark.parametrize(
    ("target", "words"),
    [
        (Earliest(), "oldest log group"),
        (Latest(), "everything unread is skipped"),
        (MIDNIGHT, "at or after 2026-11-20 00:00:00 UTC"),
        (Shift(timedelta(hours=-2)), "Back by 2h"),
        (Shift(timedelta(minutes=30)), "Forward by 30m"),
        (Groups(-10), "Back by 10 log groups"),
        (Groups(10), "Forward by 10 log groups"),
        (Exact("MTIz", 123), "position 123"),
        (FromGroup("g"), "of the group g"),
        (FromFile("a.csv"), "the file a.csv"),
        (FromSnapshot("42"), "snapshot 42"),
        (Undo("7"), "before the reset 7"),
        (Rest("7"), "the reset 7 planned and did not attempt"),
        (Keep(), "a target of their own"),
        (FromGroup("g", "store"), "group store/g stands: from another Logstore by time, 5m earlier"),
        (
            FromGroup("g", "s", "p", "e", timedelta(hours=1)),
            "group e/p/s/g stands: from another Logstore by time, 1h",
        ),
    ],
)
def test_a_target_is_echoed_in_words(target, words):
    assert words in str(targets.echo(target))


@pytest.mark.parametrize(
    ("when", "zone", "now", "words"),
    [
        ("2026-11-20T02:47:00Z", SHANGHAI, NOW, "3h ago = Fri 20 Nov 02:47:00 UTC, 10:47:00 Asia/Shanghai"),
        (
            "2026-11-20T23:47:00Z",
            SHANGHAI,
            NOW,
            "3h ago = Fri 20 Nov 23:47:00 UTC, Sat 21 Nov 07:47:00 Asia/Shanghai",
        ),
        ("2026-11-20T02:47:00Z", ZoneInfo("UTC"), NOW, "3h ago = Fri 20 Nov 02:47:00 UTC"),
        ("2026-11-20T02:47:00Z", None, None, "3h ago = Fri 20 Nov 2026 02:47:00 UTC"),
        ("2025-11-20T02:47:00Z", None, NOW, "3h ago = Thu 20 Nov 2025 02:47:00 UTC"),
        (
            "2025-12-31T23:00:00Z",
            BERLIN,
            NOW,
            "3h ago = Wed 31 Dec 2025 23:00:00 UTC, Thu 1 Jan 00:00:00 Europe/Berlin",
        ),
    ],
)
def test_a_typed_time_is_echoed_with_both_clocks(when, zone, now, words):
    target = parse(when, zone=None, now=NOW)
    assert str(targets.echo(target, zone, "3h ago", now=now)) == words
