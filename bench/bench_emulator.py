"""Measure how many signed GetCursor calls the emulator answers per second.

    python3 run.py bench emulator [--connections 64] [--seconds 3] [--json FILE]

Emulator and load run in two processes; on two cores each has its own. Requests are signed beforehand.
"""

import argparse
import asyncio
import base64
import hashlib
import hmac
import json
import subprocess
import sys
import time
from email.utils import formatdate
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATH = "/logstores/store/shards/0"


def signed_request(port: int) -> bytes:
    """Return one GetCursor request with a v1 signature of now."""
    date = formatdate(usegmt=True)
    text = f"GET\n\n\n{date}\nx-log-apiversion:0.6.0\nx-log-bodyrawsize:0\nx-log-signaturemethod:hmac-sha1\n"
    text += f"{PATH}?from=end&type=cursor"
    signature = base64.b64encode(hmac.digest(b"secret", text.encode(), hashlib.sha1)).decode()
    return (
        f"GET {PATH}?type=cursor&from=end HTTP/1.1\r\nHost: proj.127.0.0.1:{port}\r\nDate: {date}\r\n"
        f"x-log-apiversion: 0.6.0\r\nx-log-bodyrawsize: 0\r\nx-log-signaturemethod: hmac-sha1\r\n"
        f"Accept-Encoding: gzip\r\nUser-Agent: bench\r\nAuthorization: LOG id:{signature}\r\n\r\n"
    ).encode()


class Client(asyncio.Protocol):
    """Ask again as soon as an answer has come, until time is up."""

    def __init__(self, request: bytes, deadline: float, ended: "asyncio.Future[None]") -> None:
        self.request, self.deadline, self.ended = request, deadline, ended
        self.answers = 0
        self.wrong = 0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport
        transport.write(self.request)

    def data_received(self, data: bytes) -> None:
        self.answers += 1
        self.wrong += not (data.startswith(b"HTTP/1.1 200") and data.endswith(b"}"))
        if time.perf_counter() < self.deadline:
            self.transport.write(self.request)
        elif not self.ended.done():
            self.transport.close()
            self.ended.set_result(None)


async def load(port: int, connections: int, seconds: float) -> tuple[int, int, float]:
    loop, start = asyncio.get_running_loop(), time.perf_counter()
    request = signed_request(port)
    clients = []
    for _ in range(connections):
        client = Client(request, start + seconds, loop.create_future())
        await loop.create_connection(lambda client=client: client, "127.0.0.1", port)
        clients.append(client)
    await asyncio.gather(*(client.ended for client in clients))
    took = time.perf_counter() - start
    return sum(client.answers for client in clients), sum(client.wrong for client in clients), took


def main() -> int:
    flags = argparse.ArgumentParser()
    flags.add_argument("--connections", type=int, default=64)
    flags.add_argument("--seconds", type=float, default=3)
    flags.add_argument("--json", type=Path)
    given = flags.parse_args()
    command = [sys.executable, "-m", "emulator", "--port", "0", "--shards", "4"]
    command += ["--access-key-id", "id", "--access-key-secret", "secret"]
    process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
    try:
        port = int(process.stdout.readline().split("127.0.0.1:")[1].split()[0])
        answers, wrong, took = asyncio.run(load(port, given.connections, given.seconds))
        cpu = cpu_seconds(process.pid)
    finally:
        process.terminate()
        process.wait()
    figures = {
        "operation": "GetCursor",
        "connections": given.connections,
        "requests": answers,
        "wrong": wrong,
        "requests_per_second": round(answers / took),
        "server_cpu_microseconds_per_request": round(cpu / max(answers, 1) * 1e6),
    }
    print(json.dumps(figures, indent=1))
    if given.json:
        given.json.write_text(json.dumps(figures, indent=1) + "\n")
    return 1 if wrong else 0


def cpu_seconds(pid: int) -> float:
    """Return the processor time of a Linux process, start-up included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / 100


if __name__ == "__main__":
    sys.exit(main())
