"""What hypothesis may draw: shards, targets as people type them, and failures of the service."""

from __future__ import annotations

from hypothesis import strategies as st

from tests.properties.world import OTHER, SHARDS

SHARD = st.sampled_from(SHARDS)
CHOSEN = st.none() | st.lists(SHARD, min_size=1, unique=True)
EVENT = st.sampled_from(["save", "put", "expire"])
LATELY = st.integers(0, 2)
NOT_NOW = {"status": 403, "code": "Unauthorized"}
READ_FAULTS = st.sampled_from(
    [
        *([()] * 6),
        ({"operation": "GetCursor", **NOT_NOW},),
        ({"operation": "GetCursor", "status": -1, "times": 1},),
        ({"operation": "GetCursorTime", "status": 500},),
        ({"operation": "GetCheckPoint", **NOT_NOW},),
        ({"operation": "GetCheckPoint", "status": 500, "times": 1},),
        ({"operation": "GetCheckPoint", "every": 2, **NOT_NOW},),
    ]
)
_DEAF = {"operation": "GetCheckPoint", "every": 2, **NOT_NOW}  # reads before the writes, not after them
_WRITE_FAULTS = [
    {"operation": "UpdateCheckPoint", **how}
    for how in (
        {"status": 500},
        {"status": 500, "after_effect": True},
        {"status": -1, "times": 1},
        {"status": -1, "after_effect": True},
        {"status": -1, "every": 2},
        {"times": 1, **NOT_NOW},
        {"status": 400, "code": "InvalidShardCheckPoint"},
    )
]
FAULTS = st.one_of(
    st.just(()),
    st.just(()),
    READ_FAULTS,
    st.just(({"operation": "GetCheckPoint", **NOT_NOW},)),
    st.sampled_from([(fault,) for fault in _WRITE_FAULTS]),
    st.sampled_from([(fault, _DEAF) for fault in _WRITE_FAULTS]),
)
ENDS = st.sampled_from(["earliest", "latest"])
TARGETS = st.one_of(
    st.sampled_from(["earliest", "latest", f"group:{OTHER}", "undo", "cursor"]),
    st.integers(-12, 12).map(lambda count: f"{count:+d}groups"),
    st.integers(-90, 90).map(lambda minutes: f"{minutes:+d}m"),
    st.integers(1, 150).map(lambda minutes: f"{minutes}m ago"),
)
