"""Why a plan is not made or a reset is not applied: every refusal has a code and a sentence to show."""
# ruff: noqa: N818 - the names say what happened; a suffix "Error" would not say more

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, ClassVar

from checkpoints.domain.activity import Activity
from checkpoints.domain.messages import Message, say
from checkpoints.services.problems import Problem

if TYPE_CHECKING:
    from checkpoints.models import Plan, Reset


class Refused(Exception):
    """The root of all refusals; nothing was sent."""

    code: ClassVar[str] = "refused"

    def __init__(self, message: Message) -> None:
        super().__init__(str(message))
        self.message = message


class BadPlan(Refused):
    """Shards or a target that make no plan."""

    code = "bad_plan"


class UpstreamFailed(Refused):
    """The service could not be read; `problem` has code, advice and request id."""

    code = "upstream"

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


class NotAllowed(Refused):
    """The user may not do this."""

    code = "not_allowed"


class ReadOnly(Refused):
    """The endpoint is protected against any reset."""

    code = "read_only"

    def __init__(self) -> None:
        super().__init__(say("This group is read-only: nothing is ever reset here."))


class NeedsApproval(Refused):
    """A second person has not approved this plan, or no longer; the message says which."""

    code = "needs_approval"

    def __init__(self, message: Message | None = None) -> None:
        super().__init__(message or say("This group wants the approval of a second person."))


class BadReason(Refused):
    """The reason or the ticket is missing, too long or unreadable."""

    code = "bad_reason"


class PlanInvalid(Refused):
    """The plan is not what was made, or what it was made for has changed."""

    code = "plan_invalid"


class PlanExpired(Refused):
    """The plan is too old."""

    code = "plan_expired"

    def __init__(self) -> None:
        super().__init__(say("This plan has expired. Make it again."))


class PlanUsed(Refused):
    """The plan was applied before; `reset` is what came of it."""

    code = "plan_used"

    def __init__(self, reset: Reset) -> None:
        super().__init__(say("This plan was applied before, as reset %(reset)s.", reset=str(reset.pk)))
        self.reset = reset


class Busy(Refused):
    """Another reset of the same group is being sent, or was while this one was checked."""

    code = "busy"

    def __init__(self) -> None:
        super().__init__(
            say("Another reset of this group is being sent. Wait for its outcome, then make the plan again.")
        )


class NotRecorded(Refused):
    """The database could not keep what was about to be done."""

    code = "not_recorded"

    def __init__(self) -> None:
        super().__init__(say("The database could not record the reset. Look at its disk, then try again."))


class ConsumersActive(Refused):
    """Somebody is consuming, and nobody said to go on all the same."""

    code = "consumers_active"

    def __init__(self, activity: Activity) -> None:
        super().__init__(
            say("Somebody is consuming. A running consumer overwrites a reset: stop all consumers first.")
        )
        self.activity = activity


class Moved(Refused):
    """A checkpoint moved since the plan was made; `new_plan` is made from where it is now, if it could be."""

    code = "moved"

    def __init__(self, new_plan: Plan | None, shards: Sequence[int]) -> None:
        named = ", ".join(str(shard) for shard in shards)
        super().__init__(
            say("The checkpoint moved since the plan was made, on shards %(shards)s.", shards=named)
        )
        self.new_plan = new_plan
        self.shards = tuple(shards)
