"""Storage: what the product remembers. Rules live in domain, changes in services."""

from checkpoints.models.audit import AuditRow
from checkpoints.models.catalog import ConsumerGroup, Logstore, Project
from checkpoints.models.endpoints import Endpoint, Region
from checkpoints.models.readings import Reading
from checkpoints.models.resets import Plan, Reset, ShardReset

__all__ = [
    "AuditRow",
    "ConsumerGroup",
    "Endpoint",
    "Logstore",
    "Plan",
    "Project",
    "Reading",
    "Region",
    "Reset",
    "ShardReset",
]
