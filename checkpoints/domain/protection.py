"""How resets of a group are protected: the order of protections, and which groups a pattern means."""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from checkpoints.domain.messages import Refusal, say

NONE, REASON, TWO_PERSON, READ_ONLY = "none", "reason", "two-person", "read-only"
ORDER = (NONE, REASON, TWO_PERSON, READ_ONLY)
"""From the weakest to the strictest."""
LONGEST_PATTERN = 255


def known(protection: str) -> str:
    """Return the protection; one that nobody knows is the strictest, so that it never opens anything."""
    return protection if protection in ORDER else READ_ONLY


def strictest(protections: Iterable[str]) -> str:
    """Return the strictest of some protections, "none" of no protection."""
    return max(map(known, protections), key=ORDER.index, default=NONE)


def matches(pattern: str, *, project: str, logstore: str, group: str) -> bool:
    """Tell whether a glob means a group: its name, or with a slash in it "project/logstore/group".

    * stands for anything, slashes too; ? for one character; [ab] and [!ab] for one of some; case counts.
    """
    return fnmatchcase(f"{project}/{logstore}/{group}" if "/" in pattern else group, pattern)


def check_pattern(text: str) -> str:
    """Return the pattern without blanks around it; raises Refusal for one that can mean no group."""
    pattern = text.strip()
    if not pattern:
        raise Refusal(say("Write a pattern, such as pay-* or prod-*/orders/*."))
    if len(pattern) > LONGEST_PATTERN:
        raise Refusal(say("This is longer than %(limit)d characters.", limit=LONGEST_PATTERN))
    if not pattern.isprintable() or " " in pattern:
        raise Refusal(say("Names of groups have no blanks and no control characters."))
    slashes = pattern.count("/")
    if slashes > 2 or (slashes == 1 and "*" not in pattern):
        raise Refusal(say("This can match no group: write project/logstore/group."))
    if _is_open(pattern):
        raise Refusal(say("A [ needs its ]: [ab] is one of some characters."))
    return pattern


def _is_open(pattern: str) -> bool:
    """Tell whether a bracket is never closed; a ] right behind the [ or [! is one of the characters."""
    at = pattern.find("[")
    while at >= 0:
        first = at + (2 if pattern[at + 1 : at + 2] == "!" else 1)
        end = pattern.find("]", first + 1)
        if end < 0:
            return True
        at = pattern.find("[", end + 1)
    return False
