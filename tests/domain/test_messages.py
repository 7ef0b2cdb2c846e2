import json

import pytest

from checkpoints.domain.messages import Refusal, load, say


def test_a_message_keeps_its_text_and_values_apart_for_translation():
    message = say("%(count)d shards", count=3)
    assert (message.text, message.values, str(message)) == ("%(count)d shards", {"count": 3}, "3 shards")


def test_a_message_survives_storage_as_json():
    message = say("%(count)d shards of %(name)s", count=3, name="g")
    assert load(json.loads(json.dumps(message.dump()))) == message


@pytest.mark.parametrize("stored", [{}, {"text": 1, "values": {}}, {"text": "a", "values": []}])
def test_what_is_not_a_stored_message_is_refused(stored):
    with pytest.raises(ValueError, match="not a stored message"):
        load(stored)


def test_equal_messages_count_once_in_a_set():
    assert len({say("a %(b)s", b=1), say("a %(b)s", b=1)}) == 1


def test_a_refusal_reads_as_its_message():
    assert str(Refusal(say("No %(what)s.", what="way"))) == "No way."
