"""The environment of the tests, set before Django reads its settings (loaded by -p in pyproject.toml)."""

import os
import tempfile
from pathlib import Path

SCRATCH = Path(tempfile.mkdtemp(prefix="checkpoints-tests-"))
SCRATCH.chmod(0o700)
(SCRATCH / "static").mkdir()
os.environ["DATA_DIR"] = str(SCRATCH)
os.environ["SLS_ALLOWED_HOSTS"] = "127.0.0.1,localhost"
os.environ["SLS_ALLOW_HTTP"] = "1"
os.environ["TIME_ZONE"] = "Asia/Shanghai"
for name in (
    "DATABASE_URL",
    "QUEUE_URL",
    "CACHE_URL",
    "SEALING_KEY",
    "SECRET_KEY",
    "DEBUG",
    "METRICS_TOKEN",
    "EMAIL_URL",
    "PUBLIC_URL",
    "ALERT_ALLOWED_HOSTS",
):
    os.environ.pop(name, None)
