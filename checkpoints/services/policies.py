"""The RAM policy statements that allow an operation, ready to paste."""

from __future__ import annotations

import json

# Action and the resource below acs:log:*:*: (docs/sls-protocol.md, section Operations).
STORE = "project/{project}/logstore/{logstore}"
NEEDED = {
    "ListProject": ("log:ListProject", "project/*"),
    "ListLogStores": ("log:ListLogStores", "project/{project}/logstore/*"),
    "GetLogStore": ("log:GetLogStore", STORE),
    "ListShards": ("log:ListShards", STORE),
    "GetCursor": ("log:GetCursorOrData", STORE),
    "GetCursorTime": ("log:GetCursorOrData", STORE),
    "PullLogs": ("log:GetCursorOrData", STORE),
    "ListConsumerGroup": ("log:ListConsumerGroup", STORE + "/consumergroup/*"),
    "GetCheckPoint": ("log:GetConsumerGroupCheckPoint", STORE + "/consumergroup/{group}"),
    "UpdateCheckPoint": ("log:ConsumerGroupUpdateCheckPoint", STORE + "/consumergroup/{group}"),
}


def action(operation: str) -> str:
    """Return the permission an operation needs, or "" for one without a known permission."""
    return NEEDED.get(operation, ("", ""))[0]


def policy(operation: str, *, project: str = "", logstore: str = "", group: str = "") -> str:
    """Return the whole policy that allows one operation as JSON; a name not given is a star."""
    if operation not in NEEDED:
        return ""
    permission, resource = NEEDED[operation]
    place = resource.format(project=project or "*", logstore=logstore or "*", group=group or "*")
    statement = {"Effect": "Allow", "Action": [permission], "Resource": [f"acs:log:*:*:{place}"]}
    return json.dumps({"Version": "1", "Statement": [statement]}, indent=2)
