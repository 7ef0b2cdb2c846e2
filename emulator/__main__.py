"""`python -m emulator`: serve until SIGTERM or Ctrl+C."""

import argparse
import asyncio
import signal
import sys

from emulator import build, scenarios

LEAST = {
    "projects": 1,
    "logstores": 1,
    "shards": 1,
    "groups": 0,
    "prefill": 0,
    "span": 0,
    "write-rate": 0,
    "latency-ms": 0,
}


def parser() -> argparse.ArgumentParser:
    flags = argparse.ArgumentParser(
        prog="python -m emulator", description="A stand-in for Alibaba Cloud SLS."
    )
    flags.add_argument("--host", default="127.0.0.1")
    flags.add_argument("--port", type=int, required=True, help="0 picks a free one")
    for name, default in (
        ("projects", 1),
        ("logstores", 1),
        ("shards", 4),
        ("groups", 1),
        ("prefill", 20),
        ("seed", 0),
    ):
        flags.add_argument(f"--{name}", type=int, default=default, metavar="N")
    flags.add_argument(
        "--span", type=float, default=3600, metavar="SECONDS", help="over which prefill is spread"
    )
    flags.add_argument(
        "--write-rate", type=float, default=0, metavar="R", help="log groups per second and shard"
    )
    flags.add_argument("--ttl-days", type=float, default=30, metavar="D")
    flags.add_argument("--latency-ms", type=float, default=0, metavar="L")
    flags.add_argument("--scenario", metavar="NAME", help=", ".join(scenarios.NAMES))
    flags.add_argument("--access-key-id", metavar="ID")
    flags.add_argument("--access-key-secret", metavar="SECRET")
    return flags


def options(given: argparse.Namespace) -> build.Options:
    keys = (given.access_key_id, given.access_key_secret) if given.access_key_id else None
    return build.Options(
        projects=given.projects,
        logstores=given.logstores,
        shards=given.shards,
        groups=given.groups,
        prefill=given.prefill,
        span=given.span,
        write_rate=given.write_rate,
        ttl_days=given.ttl_days,
        latency_ms=given.latency_ms,
        scenario=given.scenario,
        seed=given.seed,
        keys=keys,
    )


async def serve(host: str, port: int, chosen: build.Options) -> None:
    """Serve until told to stop; print one line with the address first."""
    server = build.server(chosen)
    await server.start(host, port)
    ended = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, ended.set)
    sys.stdout.write(f"SLS emulator on http://{host}:{server.port} ({chosen.scenario or 'plain'})\n")
    sys.stdout.flush()
    await ended.wait()
    await server.close()


def problem(given: argparse.Namespace) -> str | None:
    """Say what is wrong with the flags, or None."""
    if not 0 <= given.port <= 65535:
        return "--port must be between 0 and 65535"
    for name, least in LEAST.items():
        if getattr(given, name.replace("-", "_")) < least:
            return f"--{name} must be at least {least}"
    if bool(given.access_key_id) != bool(given.access_key_secret):
        return "--access-key-id and --access-key-secret belong together"
    if given.scenario is not None and given.scenario not in scenarios.NAMES:
        return f"there is no scenario {given.scenario!r}; choose one of: {', '.join(scenarios.NAMES)}"
    return None


def main() -> int:
    flags = parser()
    given = flags.parse_args()
    wrong = problem(given)
    if wrong is not None:
        flags.error(wrong)
    try:
        asyncio.run(serve(given.host, given.port, options(given)))
    except OSError as error:
        sys.stderr.write(f"cannot serve on {given.host}:{given.port}: {error}\n")
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
