"""What every operation gets and gives."""

import json
from dataclasses import dataclass, field

from emulator.errors import json_invalid
from emulator.groups import Group, find
from emulator.logstores import Logstore
from emulator.world import World

MOST_GROUPS = 30


@dataclass(slots=True)
class Call:
    """One accepted request: names from the path, decoded parameters, and the time it arrived."""

    world: World
    now: float
    project: str
    names: dict[str, str]
    params: dict[str, str]
    headers: dict[str, str]
    body: bytes
    request_id: str

    @property
    def logstore(self) -> Logstore:
        return self.world.logstore(self.project, self.names["logstore"])

    @property
    def group(self) -> Group:
        return find(self.logstore.groups, self.names["group"])

    def json(self) -> object:
        try:
            return json.loads(self.body)
        except (ValueError, RecursionError) as error:
            raise json_invalid(f"the body is not JSON: {error}") from error

    def json_object(self) -> dict[str, object]:
        value = self.json()
        if not isinstance(value, dict):
            raise json_invalid("the body must be a JSON object")
        return value


@dataclass(slots=True)
class Answer:
    """Body and extra headers of a successful call."""

    body: bytes = b""
    headers: list[tuple[str, str]] = field(default_factory=list)
    content_type: str = "application/json"


def as_json(value: object) -> Answer:
    return Answer(json.dumps(value, ensure_ascii=False, separators=(",", ":")).encode(errors="replace"))
