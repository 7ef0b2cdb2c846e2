"""Storage: what the product remembers. Rules live in domain, changes in services."""

from checkpoints.models.alerts import Alert, AlertRule, Channel, Notice
from checkpoints.models.approvals import Approval, Wait
from checkpoints.models.audit import AuditRow
from checkpoints.models.catalog import ConsumerGroup, Logstore, Project
from checkpoints.models.endpoints import CallTotal, Endpoint, HourlyCalls, Region
from checkpoints.models.group_rules import GroupRule
from checkpoints.models.history import GroupHistory, HistoryChunk, Lease
from checkpoints.models.readings import Reading
from checkpoints.models.resets import Plan, Reset, ShardReset
from checkpoints.models.snapshots import Snapshot
from checkpoints.models.views import Label, Pin, SavedView

__all__ = [
    "Alert",
    "AlertRule",
    "Approval",
    "AuditRow",
    "CallTotal",
    "Channel",
    "ConsumerGroup",
    "Endpoint",
    "GroupHistory",
    "GroupRule",
    "HistoryChunk",
    "HourlyCalls",
    "Label",
    "Lease",
    "Logstore",
    "Notice",
    "Pin",
    "Plan",
    "Project",
    "Reading",
    "Region",
    "Reset",
    "SavedView",
    "ShardReset",
    "Snapshot",
    "Wait",
]
