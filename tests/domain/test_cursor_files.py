import pytest

from checkpoints.domain import cursor_files
from checkpoints.domain.targets import BadTarget, Exact


def test_what_is_written_can_be_read_back():
    text = cursor_files.write([(0, "MTIz"), (7, "NQ==")])
    assert text == "shard,cursor\n0,MTIz\n7,NQ==\n"
    assert cursor_files.read(text.encode()) == {0: Exact("MTIz", 123), 7: Exact("NQ==", 5)}


def test_a_spreadsheet_may_have_touched_it():
    raw = "\ufeffShard, Cursor\r\n0, MTIz\r\n\r\n".encode()
    assert cursor_files.read(raw) == {0: Exact("MTIz", 123)}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "first line"),
        ("a,b\n0,MQ==", "first line"),
        ("shard,cursor\n0", "Line 2"),
        ("shard,cursor\n0,MQ==,x", "Line 2"),
        ("shard,cursor\nx,MQ==", "Line 2"),
        ("shard,cursor\n0-1,MQ==", "Line 2"),
        ("shard,cursor\n0,???", "Line 2"),
        ("shard,cursor\n0,MQ==\n0,MQ==", "Line 3 of the file names a shard again"),
        ('shard,cursor\n0,"MQ==', "not CSV"),
    ],
)
def test_a_bad_file_is_refused_with_its_line(text, words):
    with pytest.raises(BadTarget, match=words):
        cursor_files.read(text.encode())


@pytest.mark.parametrize(
    ("raw", "words"), [(b"x" * (cursor_files.LARGEST + 1), "larger"), (b"\xff\xfe", "UTF-8")]
)
def test_what_is_too_large_or_not_text_is_refused(raw, words):
    with pytest.raises(BadTarget, match=words):
        cursor_files.read(raw)


def test_only_the_chosen_shards_are_taken():
    cursors = cursor_files.read(b"shard,cursor\n0,MTIz\n1,NQ==\n")
    assert list(cursor_files.chosen(cursors, [1])) == [1]
    assert list(cursor_files.chosen(cursors, None)) == [0, 1]
    with pytest.raises(BadTarget, match="says nothing about these shards: 2"):
        cursor_files.chosen(cursors, [1, 2])
