"""The other ends of a run that is killed: a host, a mail server and a receiver of webhooks.

Each serves one connection after the other. So an answer to us means that all that came before,
also from processes that are dead by now, has been taken or thrown away.
"""

import email
import email.policy
import json
import socket
import threading
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from pathlib import Path
from socketserver import BaseRequestHandler, StreamRequestHandler, TCPServer
from typing import Any, NamedTuple

LOOPBACK = "127.0.0.1"
RECORDED = Path(__file__).parents[1] / "fixtures" / "hakuriver"


class Told(NamedTuple):
    """One message as a channel took it: its key, the ids of its events, its title and its time."""

    key: str
    events: tuple[str, ...]
    title: str
    at: str


class End:
    """A server on loopback. `told` is what it took; it takes nothing while it is not `well`."""

    handler: type[BaseRequestHandler]

    def __init__(self) -> None:
        self.told: list[Told] = []
        self.well = True
        handler = type("Handler", (self.handler,), {"end": self})
        self._server = TCPServer((LOOPBACK, 0), handler)
        self.port: int = self._server.server_address[1]
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    @property
    def url(self) -> str:
        """Its address as a web server."""
        return f"http://{LOOPBACK}:{self.port}"

    def close(self) -> None:
        """Ends it."""
        self._server.shutdown()
        self._server.server_close()

    def idle(self) -> None:
        """Waits until everything that was sent before has been seen."""
        with socket.create_connection((LOOPBACK, self.port), timeout=10) as own:
            own.shutdown(socket.SHUT_WR)
            while own.recv(4096):
                pass


class _Http(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = 10
    # an answer in one piece: a second one would wait 40 ms for the first one to be acknowledged
    wbufsize = -1
    end: Any

    def handle(self) -> None:
        with suppress(OSError):
            super().handle()

    def answer(self, status: int, body: bytes = b"") -> None:
        self.send_response(status)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        pass


class _HostHandler(_Http):
    def do_GET(self) -> None:
        rows = self.end.rows.get(self.path.partition("?")[0])
        if not self.end.well:
            self.answer(500, b"Internal Server Error")
        elif rows is None:
            self.answer(404, b'{"detail":"Not Found"}')
        else:
            self.answer(200, json.dumps(rows).encode())


class Host(End):
    """A HakuRiver host that answers with rows as they were recorded from a real one."""

    handler = _HostHandler

    def __init__(self) -> None:
        super().__init__()
        (self._task, *_), (self._node, *_) = (
            json.loads((RECORDED / f"{name}.json").read_bytes())
            for name in ("m05_tasks", "m05_nodes")
        )
        self.rows: dict[str, list[dict[str, Any]]] = {}
        self.show()

    def show(self, node: str = "online", **tasks: str) -> None:
        """From now on: the node gpu-07 in this status, and `a="lost"` a task named a on it."""
        self.rows = {
            "/vps": [],
            "/nodes": [{**self._node, "hostname": "gpu-07", "status": node}],
            "/tasks": [
                {
                    **self._task,
                    "task_id": str(7530119858105614336 + number * 2**22),
                    "command": name,
                    "status": status,
                    "assigned_node": "gpu-07",
                }
                for number, (name, status) in enumerate(tasks.items())
            ],
        }


class _HookHandler(_Http):
    def do_POST(self) -> None:
        length = int(self.headers["content-length"])
        body = self.rfile.read(length)
        # the sender may have died in the middle of it
        if len(body) == length and self.end.well:
            said = json.loads(body)
            names = {one["id"]: f"{one['type']} {one['thing']}" for one in said["events"]}
            self.end.names |= names
            key = self.headers["webhook-id"]
            self.end.told.append(Told(key, tuple(names), said["title"], said["at"]))
        self.answer(204 if self.end.well else 503)


class Hook(End):
    """A receiver of webhooks. `names` says what is behind the ids of events: `problem THING`."""

    handler = _HookHandler

    def __init__(self) -> None:
        super().__init__()
        self.names: dict[str, str] = {}


class _MailHandler(StreamRequestHandler):
    timeout = 10
    end: Any

    def handle(self) -> None:
        with suppress(OSError):
            self._say("220 ready")
            while self._one(self.rfile.readline().upper()):
                pass

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _one(self, line: bytes) -> bool:
        if line.startswith(b"DATA"):
            self._say("354 go on")
            return self._message()
        if not line or line.startswith(b"QUIT"):
            return False
        refused = line.startswith(b"RCPT") and not self.end.well
        self._say("451 later" if refused else "250 fine")
        return True

    def _message(self) -> bool:
        lines = []
        while (line := self.rfile.readline()) != b".\r\n":
            # the sender may have died in the middle of it
            if not line.endswith(b"\r\n"):
                return False
            lines.append(line)
        message = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        ids = tuple(str(message["x-notifier-events"]).split())
        said = (str(message[name]).strip() for name in ("subject", "date"))
        self.end.told.append(Told(message["message-id"], ids, *said))
        self._say("250 taken")
        return True


class Mail(End):
    """A mail server for one mailbox."""

    handler = _MailHandler
