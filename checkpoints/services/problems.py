"""From an error to words: what happened, what one can do, and the request id for a support ticket."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from checkpoints import sls
from checkpoints.domain.messages import Message, load, say
from checkpoints.services import policies
from checkpoints.services.sealing import Locked

Words = tuple[Message, Message]

# By the one spelling the client gives a code (docs/sls-protocol.md, section Errors).
BY_CODE: dict[str, Words] = {
    "ProjectNotExist": (
        say("The project does not exist here."),
        say(
            "Check the name and the region: a project answers only at the endpoint of its own region,"
            " and answers like this everywhere else."
        ),
    ),
    "LogStoreNotExist": (
        say("The Logstore does not exist."),
        say("Check whether it was deleted or renamed."),
    ),
    "ConsumerGroupNotExist": (
        say("The consumer group does not exist."),
        say("Check whether it was deleted; a consumer makes it again when it starts."),
    ),
    "ShardNotExist": (
        say("The shard does not exist."),
        say("It was merged away or its data expired; read the group again."),
    ),
    "InvalidCursor": (
        say("The position is outside of what the shard still holds."),
        say("It has expired, or belongs to another shard; choose a target that is retained."),
    ),
    "InvalidShardCheckPoint": (
        say("The service does not accept this checkpoint."),
        say("Read the group again and make a new plan."),
    ),
    "SignatureNotMatch": (
        say("The signature does not match."),
        say("The AccessKey secret is wrong, or belongs to another AccessKey ID; enter it again."),
    ),
    "InvalidAccessKeyId": (
        say("The AccessKey ID is not known."),
        say("Check the AccessKey ID: it may be mistyped, disabled or deleted, or belong to another site."),
    ),
    "SecurityTokenExpired": (say("The STS token has expired."), say("Enter fresh temporary credentials.")),
    "MethodNotSupported": (
        say("The service does not know this operation."),
        say("Check whether the host is an endpoint of Simple Log Service."),
    ),
}
SKEWED: Words = (
    say("The clock of this machine is more than 15 minutes off."),
    say("Set the clock of this machine by NTP, then try again."),
)
BY_KIND: tuple[tuple[type[sls.SLSError], Words], ...] = (
    (
        sls.Throttled,
        (
            say("The service is throttling: a quota is used up."),
            say("Wait a little. If it lasts, lower SLS_CONCURRENCY or raise the quota of the project."),
        ),
    ),
    (
        sls.Unauthenticated,
        (say("The service does not accept the key."), say("Check the AccessKey ID, secret and STS token.")),
    ),
    (
        sls.ServerFault,
        (
            say("The service has trouble of its own."),
            say("It is tried again by itself; if it lasts, give the request ID to the vendor's support."),
        ),
    ),
    (
        sls.WriteRefused,
        (
            say("This endpoint is read-only; nothing was sent."),
            say("An administrator can change the protection of the endpoint."),
        ),
    ),
)
REACH = say("Check the host, the network between this machine and the service, and any firewall.")
AT_HOST = say("Check whether the host is an endpoint of Simple Log Service and not a proxy.")
BY_SETTING = say(
    "Use a host of Simple Log Service; whoever runs this installation can allow more by SLS_ALLOWED_HOSTS."
)
ON_KEY = say("Until then nothing is read or reset through this endpoint.")


@dataclass(frozen=True)
class Problem:
    """Why a call failed, in words; no secret and no body of an answer is in it."""

    code: str
    message: Message
    advice: Message
    request_id: str = ""
    operation: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the form that is stored with endpoints, projects, Logstores and groups."""
        return {
            "code": self.code,
            "message": self.message.dump(),
            "advice": self.advice.dump(),
            "request_id": self.request_id,
            "operation": self.operation,
        }

    @classmethod
    def from_json(cls, stored: Mapping[str, Any]) -> Problem:
        """Return the problem that as_json() stored."""
        return cls(
            code=stored["code"],
            message=load(stored["message"]),
            advice=load(stored["advice"]),
            request_id=stored["request_id"],
            operation=stored["operation"],
        )


def explain(error: Exception) -> Problem:
    """Return what an error of the client, or locked credentials, mean to the person who reads it."""
    if isinstance(error, Locked):
        return Problem("Locked", error.message, ON_KEY)
    if not isinstance(error, sls.SLSError):
        message = say("An unexpected error happened: %(kind)s.", kind=type(error).__name__)
        return Problem(type(error).__name__, message, say("The log of the server tells more."))
    message, advice = _words(error)
    return Problem(error.label, message, advice, error.request_id, error.operation)


def _words(error: sls.SLSError) -> Words:
    if isinstance(error, sls.ApiError):
        return _answered(error)
    for kind, words in BY_KIND:
        if isinstance(error, kind):
            return words
    return _unanswered(error)


def _answered(error: sls.ApiError) -> Words:
    if error.is_clock_skew:
        return SKEWED
    if isinstance(error, sls.Forbidden):
        return _denied(error)
    if error.code in BY_CODE:
        return BY_CODE[error.code]
    for kind, words in BY_KIND:
        if isinstance(error, kind):
            return words
    if isinstance(error, sls.NotFound):
        return say("What was asked for does not exist (%(code)s).", code=error.code), say("Check the names.")
    return (
        say(
            "The service refused %(operation)s with the code %(code)s.",
            operation=error.operation,
            code=error.code,
        ),
        say("Give the request ID to the vendor's support."),
    )


def _denied(error: sls.ApiError) -> Words:
    permission = policies.action(error.operation)
    message = say("The key may not do this (%(operation)s).", operation=error.operation)
    if not permission:
        return message, say("Grant the missing permission in RAM.")
    return message, say(
        "Grant %(permission)s in RAM; the endpoint's test shows the policy.", permission=permission
    )


def _unanswered(error: sls.SLSError) -> Words:
    if isinstance(error, sls.HostRefused):
        return say("The host may not be called: %(words)s", words=error.message), BY_SETTING
    if isinstance(error, sls.Timeout):
        return say("No answer came in time: %(words)s", words=error.message), REACH
    if isinstance(error, sls.ConnectionFailed):
        return say("The service was not reached: %(words)s", words=error.message), REACH
    if isinstance(error, sls.BadAnswer):
        return say("The answer cannot be read: %(words)s", words=error.message), AT_HOST
    return say("The request cannot be made: %(words)s", words=error.message), say(
        "Check the names and the key."
    )
