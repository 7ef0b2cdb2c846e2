"""Storage: what the product remembers. Rules live in domain, changes in services."""

from checkpoints.models.approvals import Approval, Wait
from checkpoints.models.audit import AuditRow
from checkpoints.models.catalog import ConsumerGroup, Logstore, Project
from checkpoints.models.endpoints import Endpoint, Region
from checkpoints.models.group_rules import GroupRule
from checkpoints.models.readings import Reading
from checkpoints.models.resets import Plan, Reset, ShardReset
from checkpoints.models.snapshots import Snapshot

__all__ = [
    "Approval",
    "AuditRow",
    "ConsumerGroup",
    "Endpoint",
    "GroupRule",
    "Logstore",
    "Plan",
    "Project",
    "Reading",
    "Region",
    "Reset",
    "ShardReset",
    "Snapshot",
    "Wait",
]
