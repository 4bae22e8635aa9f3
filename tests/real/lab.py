"""A real HakuRiver 0.3.0 host on loopback, and the few things that a cluster does to it.

The host runs from an interpreter of its own. The runners are ours: one small HTTP server that
takes every task and does nothing, and heartbeats from a thread. Needs no docker, no systemd.
All time-outs of the host are long, so that none strikes by chance; `stop_beating` ages a silence.
"""

import contextlib
import os
import shutil
import sqlite3
import subprocess
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar
from zoneinfo import ZoneInfo

import requests
from peers import LOOPBACK, Sink, free_port

CONFIG = (Path(__file__).parent / "host.toml.in").read_text()
# seconds; the host fails a task that nobody confirms within three intervals
INTERVAL, BEAT, CHECK = 60.0, 0.25, 0.1
RAM = 16 * 2**30

T = TypeVar("T")


def until(ready: Callable[[], T | None], what: str, seconds: float = 30.0) -> T:
    """Asks `ready` until it gives something; TimeoutError naming `what` after `seconds`."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        found = ready()
        if found:
            return found
        time.sleep(0.02)
    raise TimeoutError(f"waited {seconds:g} s for {what}")


class Lab:
    """One host with its database. `python` has the package; all files lie in a folder of its own.

    A node is offline `silence` seconds after its last heartbeat; a beating one beats four times a
    second. `timezone` is the host's, by its IANA name.
    """

    def __init__(self, python: Path, silence: float = 60.0, timezone: str = "UTC") -> None:
        self.root = Path(tempfile.mkdtemp(prefix="notifier-lab-"))
        self.port = free_port()
        self.url = f"http://{LOOPBACK}:{self.port}"
        self.database = self.root / "cluster.db"
        self.process: subprocess.Popen[bytes] | None = None
        self._python, self._silence, self._timezone = python, silence, timezone
        self._runner = Sink()
        self._runner.start()
        self._beats: dict[str, tuple[threading.Event, threading.Thread]] = {}
        self._fills = 0
        self._prepare()

    def _prepare(self) -> None:
        containers = self.root / "shared" / "containers"
        for folder in (containers, self.root / "home", self.root / "local"):
            folder.mkdir(parents=True)
        # an empty image of the right name keeps the host from calling docker when it starts
        (containers / "hakuriver-base-1700000000.tar").touch()
        config = CONFIG.format(
            port=self.port,
            ssh_port=free_port(),
            runner_port=free_port(),
            root=self.root,
            interval=INTERVAL,
            factor=self._silence / INTERVAL,
            check=CHECK,
        )
        (self.root / "config.toml").write_text(config)

    # ---- its life -------------------------------------------------------------------------
    def start(self) -> None:
        """Runs the host until it answers; again on the same database and port."""
        environment = {
            "PATH": os.defpath,
            "HOME": str(self.root / "home"),
            "TZ": self._timezone,
            "HAKURIVER_CONFIG": str(self.root / "config.toml"),
        }
        command = [str(self._python), "-m", "hakuriver.cli.host"]
        with (self.root / "host.log").open("ab") as log:
            self.process = subprocess.Popen(
                command, cwd=self.root, env=environment, stdout=log, stderr=subprocess.STDOUT
            )
        until(self._answers, "the host's first answer")

    def _answers(self) -> bool:
        with contextlib.suppress(requests.ConnectionError):
            return self.request("GET", "/nodes").ok
        return False

    def stop_host(self) -> None:
        """Ends the host alone, at once: its database stays, and `start` brings it back."""
        process, self.process = self.process, None
        if process is not None:
            process.kill()
            process.wait(10)

    def close(self) -> None:
        """Ends everything and removes the folder."""
        self.stop_host()
        for hostname in list(self._beats):
            self._hush(hostname)
        self._runner.stop()
        shutil.rmtree(self.root)

    def request(self, method: str, path: str, body: object = None) -> requests.Response:
        """One request to the host, on a connection of its own, past every proxy."""
        with requests.Session() as session:
            session.trust_env = False
            try:
                return session.request(method, self.url + path, json=body, timeout=60)
            except requests.ConnectionError:
                if self.process is None or self.process.poll() is None:
                    raise
                log = (self.root / "host.log").read_text(errors="replace")
                code = self.process.returncode
                raise RuntimeError(f"the host ended with {code}:\n{log[-3000:]}") from None

    # ---- nodes ----------------------------------------------------------------------------
    def add_node(self, hostname: str, cores: int = 64) -> None:
        """Registers a node, which beats from now on."""
        body = {
            "hostname": hostname,
            "total_cores": cores,
            "total_ram_bytes": RAM,
            "numa_topology": None,
            "gpu_info": [],
            "runner_url": self._runner.url.rstrip("/"),
        }
        self.request("POST", "/register", body).raise_for_status()
        self.start_beating(hostname)

    def beat(self, hostname: str, killed: Sequence[tuple[str, str]] = ()) -> None:
        """One heartbeat. `killed` holds (task id, reason); the reason `oom` makes `killed_oom`."""
        body = {
            "running_tasks": [],
            "killed_tasks": [{"task_id": int(task), "reason": why} for task, why in killed],
            "cpu_percent": 12.5,
            "memory_percent": 25.0,
            "memory_used_bytes": RAM // 4,
            "memory_total_bytes": RAM,
            "current_avg_temp": 41.0,
            "current_max_temp": 47.0,
            "gpu_info": [],
        }
        self.request("PUT", f"/heartbeat/{hostname}", body).raise_for_status()

    def start_beating(self, hostname: str) -> None:
        """Beats until `stop_beating`, also while the host is away."""
        self._hush(hostname)
        stop = threading.Event()

        def loop() -> None:
            while True:
                with contextlib.suppress(requests.RequestException, RuntimeError):
                    self.beat(hostname)
                if stop.wait(BEAT):
                    return

        thread = threading.Thread(target=loop, daemon=True)
        self._beats[hostname] = (stop, thread)
        thread.start()

    def stop_beating(self, hostname: str) -> None:
        """Falls silent, and lets the silence be older than the host bears at its next check."""
        self._hush(hostname)
        last = self._now() - timedelta(seconds=self._silence + 1)
        ages = [(str(last.replace(tzinfo=None)), hostname)]
        self._write("update node set last_heartbeat = ? where hostname = ?", ages)

    def _hush(self, hostname: str) -> None:
        """No heartbeat is under way after this."""
        if hostname in self._beats:
            stop, thread = self._beats.pop(hostname)
            stop.set()
            thread.join()

    def wait_node(self, hostname: str, status: str) -> None:
        """Waits until the host calls the node `online` or `offline`."""

        def there() -> bool:
            nodes = self.request("GET", "/nodes").json()
            return any(n["hostname"] == hostname and n["status"] == status for n in nodes)

        until(there, f"{hostname} to be {status}")

    # ---- tasks ----------------------------------------------------------------------------
    def submit(self, node: str, command: str = "train", *arguments: str, **more: Any) -> str:
        """Submits a task to a node and gives its id; it stays `assigning` until someone says."""
        body = {
            "task_type": "command",
            "command": command,
            "arguments": arguments,
            "required_cores": 1,
            "targets": [node],
            **more,
        }
        answer = self.request("POST", "/submit", body)
        answer.raise_for_status()
        (task,) = answer.json()["task_ids"]
        return str(task)

    def update_status(
        self,
        task: str,
        status: str,
        exit_code: int | None = None,
        message: str | None = None,
    ) -> None:
        """What a runner reports. The host takes it in, or ignores it, without a sign."""
        now = str(self._now().replace(tzinfo=None))
        body = {
            "task_id": int(task),
            "status": status,
            "exit_code": exit_code,
            "message": message,
            "started_at": now if status == "running" else None,
            "completed_at": None if status in ("running", "paused", "pending") else now,
        }
        self.request("POST", "/update", body).raise_for_status()

    def run(self, node: str, command: str = "train", *arguments: str) -> str:
        """Submits a task that then runs; its id."""
        task = self.submit(node, command, *arguments)
        self.update_status(task, "running")
        return task

    def kill(self, task: str) -> None:
        """Kills a task as a user does."""
        self.request("POST", f"/kill/{task}").raise_for_status()

    def statuses(self) -> dict[str, str]:
        """The status of every task by its id, as the host lists them."""
        return {task["task_id"]: task["status"] for task in self.request("GET", "/tasks").json()}

    def fill(
        self,
        count: int,
        status: str = "completed",
        node: str | None = None,
        age: timedelta = timedelta(days=1),
    ) -> list[str]:
        """Puts `count` tasks straight into the database; their ids, oldest first.

        They were submitted a millisecond apart, the last one `age` before now, and those that
        have an end ended when they began. They take no cores; `node` must be one that was added.
        """
        self._fills += 1
        last = self._now() - age
        ended = status not in ("assigning", "pending", "running", "paused")
        rows = []
        for number in reversed(range(count)):
            at = last - timedelta(milliseconds=number)
            # milliseconds above, a serial number below: as the host makes them
            task = (int(at.timestamp() * 1000) << 22) + self._fills
            stamp = str(at.replace(tzinfo=None))
            rows.append((task, task, status, node, stamp, stamp, stamp if ended else None))
        self._write(_INSERT, rows)
        return [str(row[0]) for row in rows]

    def _write(self, statement: str, rows: Sequence[tuple[object, ...]]) -> None:
        with contextlib.closing(sqlite3.connect(self.database, timeout=30)) as database, database:
            database.executemany(statement, rows)

    def _now(self) -> datetime:
        return datetime.now(ZoneInfo(self._timezone))


_INSERT = """
insert into task (task_id, batch_id, status, assigned_node_id, submitted_at, started_at,
  completed_at, task_type, command, arguments, env_vars, required_cores, required_gpus,
  stdout_path, stderr_path, assignment_suspicion_count)
values (?, ?, ?, ?, ?, ?, ?, 'command', 'train', '["--epochs", "90"]', '[]', 0, '[]',
  '/shared/logs/out', '/shared/logs/err', 0)
"""
