"""The SLS client: wire format, signatures, limits and errors. It knows nothing of Django or the product."""

from .client import Client
from .connections import Limits
from .credentials import Credentials, Secret
from .errors import (
    ApiError,
    ArgumentRefused,
    BadAnswer,
    ConnectionFailed,
    Forbidden,
    HostRefused,
    NotFound,
    ServerFault,
    SLSError,
    Throttled,
    Timeout,
    Unauthenticated,
    WriteRefused,
)
from .model import (
    Answer,
    Checkpoint,
    ConsumerGroup,
    LogGroup,
    LogLine,
    Logstore,
    Page,
    Project,
    Pulled,
    Shard,
)
from .network import Network

__all__ = [
    "Answer",
    "ApiError",
    "ArgumentRefused",
    "BadAnswer",
    "Checkpoint",
    "Client",
    "ConnectionFailed",
    "ConsumerGroup",
    "Credentials",
    "Forbidden",
    "HostRefused",
    "Limits",
    "LogGroup",
    "LogLine",
    "Logstore",
    "Network",
    "NotFound",
    "Page",
    "Project",
    "Pulled",
    "SLSError",
    "Secret",
    "ServerFault",
    "Shard",
    "Throttled",
    "Timeout",
    "Unauthenticated",
    "WriteRefused",
]
