"""Refusals in the words of the service (docs/sls-protocol.md, section Errors)."""


class ServiceError(Exception):
    """A request is refused: HTTP status, error code and message of the JSON answer."""

    def __init__(self, status: int, code: str, message: str) -> None:
        super().__init__(f"{status} {code}: {message}")
        self.status = status
        self.code = code
        self.message = message


def project_missing(name: str) -> ServiceError:
    return ServiceError(404, "ProjectNotExist", f"The Project does not exist : {name}")


def logstore_missing(name: str) -> ServiceError:
    return ServiceError(404, "LogStoreNotExist", f"logstore {name} dose not exist")


def group_missing(name: str) -> ServiceError:
    return ServiceError(404, "ConsumerGroupNotExist", f"consumer group {name} dose not exist")


def shard_missing(shard: str, *, status: int = 400) -> ServiceError:
    """Shard calls answer 400, checkpoint calls 404 (docs/sls-protocol.md, section Errors)."""
    return ServiceError(status, "ShardNotExist", f"shard {shard} dose not exist")


def parameter_invalid(message: str) -> ServiceError:
    return ServiceError(400, "ParameterInvalid", message)


def cursor_invalid(text: str) -> ServiceError:
    return ServiceError(400, "InvalidCursor", f"the cursor {text} is invalid")


def json_invalid(message: str) -> ServiceError:
    return ServiceError(400, "JsonInfoInvalid", message)
