"""A HakuRiver host with answers built beforehand, in a process of its own.

`python -m benchmarks.host ROWS ACTIVE [DELAY...]` is that process. It answers on one port of
127.0.0.1 for each DELAY (seconds before the list of tasks is sent), and says on stdout which.
"""

import json
import socket
import subprocess
import sys
import threading
import time
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

FIXTURES = Path(__file__).parents[1] / "tests" / "fixtures" / "hakuriver"
# ids are snowflakes: milliseconds since 1970 in the upper bits. One task a second, newest first
NEWEST = 1_795_320_000_000
NODE = "gpu-07"
# of such a length that a row has its usual 779 bytes
ARGUMENTS = [
    "train.py", "--config", "configs/resnet50.yaml", "--epochs", "90", "--learning-rate", "0.1",
    "--seed", "2026",
]  # fmt: skip
# when the fixtures were recorded
DATE = "Sun, 22 Nov 2026 04:08:01 GMT"


class Host:
    """The running process; `with Host(200, 20) as host`. `urls` has an address for each delay."""

    def __init__(self, rows: int, active: int, delays: tuple[float, ...] = (0.0,)) -> None:
        numbers = map(str, (rows, active, *delays))
        command = [sys.executable, "-m", "benchmarks.host", *numbers]
        self._process = subprocess.Popen(
            command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        assert self._process.stdout is not None
        ready = json.loads(self._process.stdout.readline())
        self.urls = [f"http://127.0.0.1:{port}" for port in ready["ports"]]
        # bytes of the list of tasks
        self.size: int = ready["size"]

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        # it ends with its standard input
        self._process.communicate(timeout=30)

    def turn(self, day: str) -> None:
        """`lost`: the node is offline and what ran on it lost; `back`: it is all well after all."""
        assert self._process.stdin is not None
        self._process.stdin.write(f"{day}\n".encode())
        self._process.stdin.flush()
        assert self._process.stdout is not None
        self._process.stdout.readline()


def tasks(count: int, active: int) -> bytes:
    """The list of tasks in the shape recorded of 0.3.0: the newest run, the rest is over."""
    recorded = json.loads((FIXTURES / "m05_tasks.json").read_bytes())
    row = next(one for one in recorded if one["status"] == "completed")
    row |= {"assigned_node": NODE, "command": "python", "arguments": ARGUMENTS, "status": "STATUS"}
    text = json.dumps(row, separators=(",", ":"), ensure_ascii=False)
    ends = f'"completed_at":"{row["completed_at"]}"'
    rows = []
    for number in range(count):
        ms = NEWEST - 1000 * number
        at = datetime.fromtimestamp(ms / 1000, UTC).strftime("%Y-%m-%dT%H:%M:%S.281394")
        one = text.replace(row["task_id"], str(ms << 22)).replace(row["submitted_at"], at)
        if number < active:
            one = one.replace(ends, '"completed_at":null').replace("STATUS", "running")
        rows.append(one.replace("STATUS", "completed" if number % 20 else "failed"))
    return f"[{','.join(rows)}]".encode()


def nodes(status: str) -> bytes:
    """Both recorded nodes, one of them as NODE."""
    rows = json.loads((FIXTURES / "m05_nodes.json").read_bytes())
    rows[0] |= {"hostname": NODE, "status": status}
    return json.dumps(rows).encode()


class _Days:
    """What is answered: day -> path -> body. `now` is one of them."""

    def __init__(self, rows: int, active: int) -> None:
        usual = tasks(rows, active)
        self.days = {
            "usual": _day(usual, "online"),
            "lost": _day(usual.replace(b'"running"', b'"lost"'), "offline"),
            "back": _day(usual.replace(b'"running"', b'"completed"'), "online"),
        }
        self.now = self.days["usual"]


def _day(tasks: bytes, node: str) -> dict[str, bytes]:
    return {"/tasks": tasks, "/nodes": nodes(node), "/vps": b"[]"}


def _serve(connection: socket.socket, days: _Days, delay: float) -> None:
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    with connection, connection.makefile("rb") as lines:
        while first := lines.readline():
            while lines.readline() not in (b"\r\n", b""):
                pass
            path = first.split(b" ")[1].decode().partition("?")[0]
            body, status = days.now.get(path), "200 OK"
            if body is None:
                body, status = b'{"detail":"Not Found"}', "404 Not Found"
            if path == "/tasks" and delay:
                time.sleep(delay)
            head = f"HTTP/1.1 {status}\r\ndate: {DATE}\r\ncontent-type: application/json\r\n"
            connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)


def _accept(listener: socket.socket, days: _Days, delay: float) -> None:
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=_serve, args=(connection, days, delay), daemon=True).start()


def main(argv: list[str]) -> None:
    """Serves until standard input ends."""
    days = _Days(int(argv[0]), int(argv[1]))
    listeners: list[socket.socket] = []
    for delay in map(float, argv[2:]):
        listeners.append(socket.create_server(("127.0.0.1", 0), backlog=64))
        threading.Thread(target=_accept, args=(listeners[-1], days, delay), daemon=True).start()
    ports = [listener.getsockname()[1] for listener in listeners]
    ready: dict[str, Any] = {"ports": ports, "size": len(days.now["/tasks"])}
    print(json.dumps(ready), flush=True)
    for line in sys.stdin:
        days.now = days.days[line.strip()]
        print("{}", flush=True)


if __name__ == "__main__":
    main(sys.argv[1:])
