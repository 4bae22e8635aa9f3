"""A cluster that is none: an HTTP host that answers as HakuRiver 0.3.0 does.

The shape of every answer is that of a real host (tests compare it with recorded ones): the API
lies at the root, ids are text, times are the host's local time without a zone.
"""

import json
from datetime import datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler
from typing import Any

from notifier.demo.serve import Server

BEAT = timedelta(seconds=3)
OUTPUT = "/srv/hakuriver/task_outputs"


class Cluster(Server):
    """Nodes and tasks as the host would list them. `now` is the time of the story."""

    def __init__(self, now: datetime) -> None:
        super().__init__(_Handler)
        self.now = now
        self.nodes: dict[str, dict[str, Any]] = {}
        self.tasks: list[dict[str, Any]] = []

    @property
    def url(self) -> str:
        """What stands in the configuration."""
        return f"http://{self.address}"

    def add_node(self, name: str, cores: int) -> None:
        """A node that is online."""
        self.nodes[name] = {
            "hostname": name,
            "url": f"http://{name}:8001",
            "total_cores": cores,
            "cores_in_use": 0,
            "available_cores": cores,
            "status": "online",
            "last_heartbeat": None,
            "numa_topology": None,
            "gpu_info": [],
        }

    def run(self, node: str, command: str, ago: timedelta = timedelta(minutes=5)) -> str:
        """A running task that was submitted some time ago; returns its id."""
        program, *arguments = command.split()
        at = self.now - ago
        # a snowflake: milliseconds since 1970, then 22 bits that tell tasks of one moment apart
        ident = str((int(at.timestamp() * 1000) << 22) + len(self.tasks))
        task = {
            "task_id": ident,
            "batch_id": ident,
            "command": program,
            "arguments": arguments,
            "env_vars": [],
            "required_cores": 4,
            "required_gpus": [],
            "required_memory_bytes": None,
            "status": "running",
            "assigned_node": node,
            "target_numa_node_id": None,
            "stdout_path": f"{OUTPUT}/{ident}.out",
            "stderr_path": f"{OUTPUT}/{ident}.err",
            "exit_code": None,
            "error_message": None,
            "submitted_at": _local(at),
            "started_at": _local(at),
            "completed_at": None,
            "systemd_unit_name": f"hakuriver-task-{ident}.scope",
            "assignment_suspicion_count": 0,
        }
        self.tasks.append(task)
        return ident

    def end(self, ident: str, status: str, code: int, message: str | None = None) -> None:
        """A task ends, half a minute before now."""
        (task,) = (one for one in self.tasks if one["task_id"] == ident)
        ended = _local(self.now - timedelta(seconds=30))
        task.update(status=status, exit_code=code, error_message=message, completed_at=ended)

    def wait(self, minutes: int) -> None:
        """Time passes."""
        self.now += timedelta(minutes=minutes)

    def lose_node(self, name: str) -> list[str]:
        """A node falls silent: the host calls it offline, and lost what ran there (ids)."""
        node = self.nodes[name]
        node["last_heartbeat"] = _local(self.now - timedelta(seconds=50))
        node.update(status="offline", cores_in_use="N/A", available_cores=0)
        lost = [task["task_id"] for task in self._running(name)]
        for ident in lost:
            self.end(ident, "lost", -1, f"Node {name} went offline (heartbeat timeout).")
        return lost

    def find_node(self, name: str) -> None:
        """A node is heard of again; what was lost stays lost."""
        self.nodes[name]["status"] = "online"

    def answer(self, path: str) -> object:
        """What the host answers to a GET; None where it has nothing."""
        if path == "/nodes":
            return [self._node(node) for node in self.nodes.values()]
        if path == "/tasks":
            return sorted(self.tasks, key=lambda one: int(one["task_id"]), reverse=True)
        return [] if path == "/vps" else None

    def _running(self, node: str) -> list[dict[str, Any]]:
        return [
            task
            for task in self.tasks
            if task["assigned_node"] == node and task["status"] == "running"
        ]

    def _node(self, node: dict[str, Any]) -> dict[str, Any]:
        if node["status"] == "offline":
            return node
        busy = sum(task["required_cores"] for task in self._running(node["hostname"]))
        return node | {
            "cores_in_use": busy,
            "available_cores": node["total_cores"] - busy,
            "last_heartbeat": _local(self.now - BEAT),
        }


def _local(at: datetime) -> str:
    return at.astimezone().replace(tzinfo=None).isoformat(timespec="microseconds")


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Cluster

    def do_GET(self) -> None:
        """Answers in JSON; 404 for what is not there, such as /api."""
        found = self.server.answer(self.path.partition("?")[0])
        value = {"detail": "Not Found"} if found is None else found
        body = json.dumps(value, separators=(",", ":")).encode()
        self.send_response_only(404 if found is None else 200)
        # the time of the story: Notifier learns the host's zone from it
        self.send_header("date", format_datetime(self.server.now, usegmt=True))
        self.send_header("server", "uvicorn")
        self.send_header("content-length", str(len(body)))
        self.send_header("content-type", "application/json")
        self.end_headers()
        self.wfile.write(body)
