from datetime import UTC, datetime, timedelta

import pytest

from checkpoints.domain.durations import BadDuration, in_words, parse_duration, relative

NOW = datetime(2026, 11, 20, 8, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("2h", 7200),
        ("90m", 5400),
        ("1d 4h", 100_800),
        ("1d4h", 100_800),
        ("45 sec", 45),
        ("2 Hours", 7200),
        (" 1w ", 604_800),
        ("PT2H", 7200),
        ("P1DT30M", 88_200),
        ("P1W", 604_800),
        ("0s", 0),
    ],
)
def test_durations_are_read_as_people_type_them(text, seconds):
    assert parse_duration(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "text",
    ["", "2", "h", "2x", "2h ago", "-2h", "1.5h", "٢h", "P", "PT", "PX", "2h\x00", "1d " * 6, "9" * 10 + "s"],
)
def test_what_is_no_duration_is_refused_with_an_example(text):
    with pytest.raises(BadDuration, match="1d 4h"):
        parse_duration(text)


@pytest.mark.parametrize("text", ["3651d", "999999999w"])
def test_a_duration_longer_than_any_retention_is_refused(text):
    with pytest.raises(BadDuration, match="3650 days"):
        parse_duration(text)


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0, "0s"),
        (4.9, "4s"),
        (1250, "20m 50s"),
        (3600, "1h"),
        (11_533, "3h 12m"),
        (86_400 + 59, "1d"),
        (26 * 86_400 + 20 * 3600, "26d 20h"),
        (-90, "-1m 30s"),
    ],
)
def test_durations_are_told_in_their_two_largest_units(seconds, words):
    assert in_words(timedelta(seconds=seconds)) == words


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (0.5, "just now"),
        (2, "2 s ago"),
        (21 * 60, "21 min ago"),
        (47 * 3600, "47 h ago"),
        (8 * 86_400, "8 d ago"),
        (-2, "in 2 s"),
        (-180, "in 3 min"),
        (-7200, "in 2 h"),
        (-3 * 86_400, "in 3 d"),
    ],
)
def test_a_time_is_told_by_its_distance_from_now(seconds, words):
    assert str(relative(NOW - timedelta(seconds=seconds), NOW)) == words
