"""The typed readers of the environment: what they return, and that nonsense stops the start."""

from __future__ import annotations

import base64
import os
from pathlib import Path
from typing import Any

import pytest
from huey import PostgresHuey, RedisHuey, SqliteHuey

from dashboard import env, queue

NAME = "SOME_SETTING"
GOOD_KEY = base64.b64encode(bytes(range(32))).decode()


@pytest.fixture
def given(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Set NAME, or take it away with None."""

    def put(value: str | None, name: str = NAME) -> None:
        if value is None:
            monkeypatch.delenv(name, raising=False)
        else:
            monkeypatch.setenv(name, value)

    return put


def test_a_text_loses_the_blanks_around_it(given: Any) -> None:
    given("  word \n")
    assert env.text(NAME) == "word"


def test_a_text_that_is_not_set_is_the_default(given: Any) -> None:
    given(None)
    assert env.text(NAME, "default") == "default"


def test_a_text_can_come_from_a_file(given: Any, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from the file\n")
    given("from the environment")
    given(str(tmp_path / "secret"), f"{NAME}_FILE")
    assert env.text(NAME) == "from the file"


def test_a_file_that_is_not_there_stops_the_start(given: Any, tmp_path: Path) -> None:
    given(str(tmp_path / "missing"), f"{NAME}_FILE")
    with pytest.raises(env.BadSetting, match=rf"^Setting {NAME}_FILE: cannot read .*missing: No such file"):
        env.text(NAME)


@pytest.mark.parametrize("value", ["1", "true", "YES", "On"])
def test_a_flag_is_on(given: Any, value: str) -> None:
    given(value)
    assert env.flag(NAME) is True


@pytest.mark.parametrize("value", ["0", "false", "NO", "off", ""])
def test_a_flag_is_off(given: Any, value: str) -> None:
    given(value)
    assert env.flag(NAME, default=True) is False


@pytest.mark.parametrize("default", [True, False])
def test_a_flag_that_is_not_set_is_its_default(given: Any, default: bool) -> None:
    given(None)
    assert env.flag(NAME, default=default) is default


@pytest.mark.parametrize("value", ["2", "maybe", "truee", "да"])
def test_a_flag_that_is_neither_stops_the_start(given: Any, value: str) -> None:
    given(value)
    with pytest.raises(env.BadSetting, match="neither yes nor no; write 1 or 0"):
        env.flag(NAME)


@pytest.mark.parametrize(("value", "found"), [("5", 5), ("60", 60), ("005", 5), (None, 7)])
def test_a_number_is_read(given: Any, value: str | None, found: int) -> None:
    given(value)
    assert env.number(NAME, 7, least=5, most=60) == found


@pytest.mark.parametrize("value", ["", "4", "61", "-5", "5.0", "1e1", "٧", "sixty", "9" * 5000])
def test_a_number_out_of_range_or_no_number_stops_the_start(given: Any, value: str) -> None:
    given(value)
    with pytest.raises(env.BadSetting, match="is not a whole number from 5 to 60"):
        env.number(NAME, 7, least=5, most=60)


def test_words_are_split_at_commas_without_empty_ones(given: Any) -> None:
    given(" a, b ,,c,")
    assert env.words(NAME) == ["a", "b", "c"]


def test_a_known_choice_is_returned(given: Any) -> None:
    given("zh-hans")
    assert env.choice(NAME, "en", ("en", "zh-hans")) == "zh-hans"


@pytest.mark.parametrize("value", ["EN", "fr", "", "en,zh-hans"])
def test_an_unknown_choice_names_the_known_ones(given: Any, value: str) -> None:
    given(value)
    with pytest.raises(env.BadSetting, match="write one of en, zh-hans"):
        env.choice(NAME, "en", ("en", "zh-hans"))


def test_without_a_url_the_database_is_a_file_in_the_data_directory(given: Any, tmp_path: Path) -> None:
    given(None, "DATABASE_URL")
    found = env.database(tmp_path)
    assert (found["ENGINE"], found["NAME"]) == ("django.db.backends.sqlite3", str(tmp_path / "db.sqlite3"))


def test_the_embedded_database_keeps_every_commit_and_writes_at_once(tmp_path: Path) -> None:
    options: Any = env.sqlite(tmp_path / "db")["OPTIONS"]
    assert options["transaction_mode"] == "IMMEDIATE"
    assert "synchronous=FULL" in options["init_command"]


def test_a_postgresql_url_is_taken_apart(given: Any, tmp_path: Path) -> None:
    given("postgres://mei:p%40ss%2F@db.example:6543/check%20points?sslmode=require", "DATABASE_URL")
    assert env.database(tmp_path) == {
        "ENGINE": "django.db.backends.postgresql",
        "NAME": "check points",
        "USER": "mei",
        "PASSWORD": "p@ss/",
        "HOST": "db.example",
        "PORT": "6543",
        "OPTIONS": {"sslmode": "require", "pool": {"max_size": 20}},
        "CONN_HEALTH_CHECKS": True,
    }


@pytest.mark.parametrize(
    "url", ["mysql://host/name", "postgres://host", "postgres://host/", "name", "sqlite:x"]
)
def test_another_database_stops_the_start(given: Any, tmp_path: Path, url: str) -> None:
    given(url, "DATABASE_URL")
    with pytest.raises(env.BadSetting, match="DATABASE_URL: write postgres://"):
        env.database(tmp_path)


def test_the_data_directory_is_made_for_its_owner_alone(given: Any, tmp_path: Path) -> None:
    given(str(tmp_path / "new" / "data"), "DATA_DIR")
    made = env.data_directory(tmp_path)
    assert made.is_dir()
    assert made.stat().st_mode & 0o777 == 0o700


def test_a_data_directory_that_cannot_be_made_stops_the_start(given: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    given(str(tmp_path / "file" / "data"), "DATA_DIR")
    with pytest.raises(env.BadSetting, match="DATA_DIR: cannot make"):
        env.data_directory(tmp_path)


def test_a_secret_key_that_is_given_is_used_and_not_stored(given: Any, tmp_path: Path) -> None:
    given("k" * 32, "SECRET_KEY")
    assert env.secret_key(tmp_path) == "k" * 32
    assert list(tmp_path.iterdir()) == []


def test_a_short_secret_key_stops_the_start(given: Any, tmp_path: Path) -> None:
    given("k" * 31, "SECRET_KEY")
    with pytest.raises(env.BadSetting, match="fewer than 32 characters") as stopped:
        env.secret_key(tmp_path)
    assert "kkk" not in str(stopped.value)


def test_a_secret_key_is_made_once_and_kept_private(given: Any, tmp_path: Path) -> None:
    given(None, "SECRET_KEY")
    first = env.secret_key(tmp_path)
    assert len(first) >= 32
    assert env.secret_key(tmp_path) == first
    assert (tmp_path / "secret_key").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660, 0o622])
def test_a_secret_that_others_can_touch_stops_the_start(given: Any, tmp_path: Path, mode: int) -> None:
    given(None, "SECRET_KEY")
    env.secret_key(tmp_path)
    (tmp_path / "secret_key").chmod(mode)
    with pytest.raises(env.BadSetting, match="can be read by others; run: chmod 600"):
        env.secret_key(tmp_path)


def test_a_key_of_32_bytes_is_decoded() -> None:
    assert env.key_bytes("SEALING_KEY", GOOD_KEY) == bytes(range(32))


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        ("not base64!", "it is not base64"),
        ("a", "it is not base64"),
        ("ключ", "it is not base64"),
        (base64.b64encode(bytes(range(31))).decode(), "it is not 32 random bytes"),
        (base64.b64encode(bytes(range(33))).decode(), "it is not 32 random bytes"),
        (base64.b64encode(bytes(32)).decode(), "it is not 32 random bytes"),
    ],
)
def test_a_key_that_is_no_key_stops_the_start(value: str, problem: str) -> None:
    with pytest.raises(env.BadSetting, match=problem) as stopped:
        env.key_bytes("SEALING_KEY", value)
    assert f"{value!r}" not in str(stopped.value)


@pytest.mark.parametrize("value", ["UTC", "Asia/Shanghai", "America/Sao_Paulo"])
def test_a_time_zone_is_returned_by_name(given: Any, value: str) -> None:
    given(value)
    assert env.time_zone(NAME, "UTC") == value


@pytest.mark.parametrize("value", ["Shanghai", "../etc/passwd", "/etc/localtime", "+08:00", "Asia"])
def test_a_time_zone_that_does_not_exist_stops_the_start(given: Any, value: str) -> None:
    given(value)
    with pytest.raises(env.BadSetting, match="is not a time zone; write one like Asia/Shanghai"):
        env.time_zone(NAME, "UTC")


def test_a_wrong_setting_ends_the_process_with_the_sentence() -> None:
    assert issubclass(env.BadSetting, SystemExit)
    assert env.BadSetting("X", "write 1").code == "Setting X: write 1"


@pytest.mark.parametrize("url", ["", "sqlite:"])
def test_without_a_url_the_queue_is_a_file_of_its_own(tmp_path: Path, url: str) -> None:
    made = queue.from_url(url, tmp_path)
    assert isinstance(made, SqliteHuey)
    assert made.storage.filename == str(tmp_path / "queue.sqlite3")


def test_the_file_of_the_queue_can_be_named(tmp_path: Path) -> None:
    made = queue.from_url(f"sqlite://{tmp_path}/other.sqlite3", tmp_path)
    assert made.storage.filename == str(tmp_path / "other.sqlite3")


def test_a_queue_in_redis_connects_only_when_used(tmp_path: Path) -> None:
    assert isinstance(queue.from_url("redis://127.0.0.1:1/0", tmp_path), RedisHuey)


def test_both_names_of_postgresql_make_the_same_queue(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []
    monkeypatch.setattr(PostgresHuey, "__init__", lambda _self, _name, *, dsn, **_: asked.append(dsn))
    for scheme in ("postgres", "postgresql"):
        queue.from_url(f"{scheme}://mei:secret@db.example/name", tmp_path)
    assert asked == ["postgresql://mei:secret@db.example/name"] * 2


@pytest.mark.parametrize("url", ["amqp://host", "memory", "http://host:6379"])
def test_another_queue_stops_the_start(tmp_path: Path, url: str) -> None:
    with pytest.raises(env.BadSetting, match="QUEUE_URL: write sqlite:"):
        queue.from_url(url, tmp_path)


def test_without_a_url_the_cache_is_local_memory() -> None:
    assert queue.cache("")["BACKEND"] == "django.core.cache.backends.locmem.LocMemCache"


@pytest.mark.parametrize("url", ["redis://host:6379/1", "rediss://host/1"])
def test_a_cache_in_redis_is_at_its_url(url: str) -> None:
    assert queue.cache(url) == {"BACKEND": "django.core.cache.backends.redis.RedisCache", "LOCATION": url}


@pytest.mark.parametrize("url", ["memcached://host", "redis:host", "host:6379"])
def test_another_cache_stops_the_start(url: str) -> None:
    with pytest.raises(env.BadSetting, match="CACHE_URL: write redis://"):
        queue.cache(url)


def test_two_processes_that_make_a_secret_at_once_agree(tmp_path: Path) -> None:
    handle = os.open(tmp_path / "secret_key", os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    os.write(handle, b"the one of the winner\n")
    os.close(handle)
    assert env.stored_secret(tmp_path / "secret_key", "the one of the loser") == "the one of the winner"
