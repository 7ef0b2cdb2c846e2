"""Sentences that can be shown in any language, made without knowing how to translate them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Message:
    """An English text with named places and the values that belong there.

    `text` is a catalogue key such as "%(count)d shards"; the interface shows `gettext(text) % values`.
    Values are plain strings and whole numbers, so that a message can be stored as JSON.
    """

    text: str
    values: dict[str, object] = field(default_factory=dict, hash=False)

    def __str__(self) -> str:
        """Render in English."""
        return self.text % self.values

    def dump(self) -> dict[str, object]:
        """Return a form that JSON can store; `load` is its inverse."""
        return {"text": self.text, "values": dict(self.values)}


def load(stored: Mapping[str, object]) -> Message:
    """Rebuild a message from what `Message.dump` returned; raises ValueError for anything else."""
    text, values = stored.get("text"), stored.get("values")
    if not isinstance(text, str) or not isinstance(values, dict):
        raise ValueError("not a stored message")
    return Message(text, dict(values))


def say(text: str, /, **values: object) -> Message:
    """Make a message; always called with a literal text, which is how the catalogue finds it."""
    return Message(text, values)


class Refusal(ValueError):  # noqa: N818 - a refusal is an answer
    """Input that cannot be used, with the sentence to show."""

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message
