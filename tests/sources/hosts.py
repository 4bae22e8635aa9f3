"""Servers for sources to look at: well-behaved ones, and ones that lie, drip, cut and redirect."""

import contextlib
import json
import socket
import ssl
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

FIXTURES = Path(__file__).parents[1] / "fixtures"
# when the recordings were made, in UTC
DATE = "Sun, 22 Nov 2026 04:08:01 GMT"
# a script talks to the client itself: (connection, set when the test is over)
Script = Callable[[socket.socket, threading.Event], None]


def recorded(name: str, flavor: str = "hakuriver") -> bytes:
    """A recorded body."""
    return (FIXTURES / flavor / f"{name}.json").read_bytes()


@dataclass(frozen=True)
class Reply:
    """One answer. `length` is what Content-Length claims, if not the truth; None leaves it out."""

    body: bytes = b"[]"
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)
    length: int | None = -1

    def head(self) -> bytes:
        """Status line and headers."""
        length = len(self.body) if self.length == -1 else self.length
        lines = [f"HTTP/1.1 {self.status} X"]
        headers = {"Date": DATE, "Content-Type": "application/json", **self.headers}
        if length is not None:
            headers["Content-Length"] = str(length)
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return "\r\n".join([*lines, "", ""]).encode()


class Stub:
    """An HTTP server on loopback. `routes`: path -> answer, a script, or a function of the query.

    What has no route is 404, as HakuRiver words it. `asked` are the targets of all requests,
    `heads` their headers, in lower case. A `greeting` is said before anything is heard.
    """

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.routes: dict[str, Any] = {}
        self.asked: list[str] = []
        self.heads: list[dict[str, str]] = []
        self.greeting = b""
        self.over = threading.Event()
        self._tls = tls
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=32)
        self.port: int = self._listener.getsockname()[1]
        self._open: list[socket.socket] = []
        self._threads: list[threading.Thread] = []
        self._start(self._accept)

    @property
    def url(self) -> str:
        """The address of its root."""
        return f"{'https' if self._tls else 'http'}://127.0.0.1:{self.port}"

    def stop(self) -> None:
        """Closes everything; scripts see `over`."""
        self.over.set()
        for one in (self._listener, *self._open):
            with contextlib.suppress(OSError):
                one.shutdown(socket.SHUT_RDWR)
            one.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: Callable[..., None], *args: object) -> None:
        thread = threading.Thread(target=work, args=args, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        while not self.over.is_set():
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self._open.append(connection)
            self._start(self._serve, connection)

    def _serve(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
                self._open.append(connection)
            connection.sendall(self.greeting)
            while self._one(connection):
                pass
        except OSError:
            pass
        finally:
            connection.close()

    def _one(self, connection: socket.socket) -> bool:
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(65536)
            if not more:
                return False
            head += more
        first, *rest = head.decode("latin-1").split("\r\n")
        _, target, _ = first.split(" ")
        self.asked.append(target)
        self.heads.append(
            {
                key.lower(): value
                for key, _, value in (line.partition(": ") for line in rest if line)
            }
        )
        parts = urlsplit(target)
        route = self.routes.get(parts.path, Reply(b'{"detail":"Not Found"}', 404))
        if callable(route) and getattr(route, "script", False):
            route(connection, self.over)
            return False
        if callable(route):
            route = route({key: value[-1] for key, value in parse_qs(parts.query).items()})
        connection.sendall(route.head() + route.body)
        return route.length == -1


def script(work: Script) -> Script:
    """Marks a route that talks to the client itself."""
    work.script = True  # type: ignore[attr-defined]
    return work


HEAD = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"


@script
def drips(connection: socket.socket, over: threading.Event) -> None:
    """A body of one byte every few milliseconds; it would take half a minute."""
    connection.sendall(HEAD + b"Content-Length: 3000\r\n\r\n[")
    _slowly(connection, over, b" " * 2998 + b"]")


@script
def drips_headers(connection: socket.socket, over: threading.Event) -> None:
    """Headers of one byte every few milliseconds."""
    connection.sendall(HEAD + b"X-Long: ")
    _slowly(connection, over, b"x" * 3000 + b"\r\nContent-Length: 2\r\n\r\n[]")


@script
def drips_chunk_sizes(connection: socket.socket, over: threading.Event) -> None:
    """A chunk whose size line comes byte by byte."""
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n")
    _slowly(connection, over, b"2;" + b"x" * 3000 + b"\r\n[]\r\n0\r\n\r\n")


@script
def endless_chunks(connection: socket.socket, over: threading.Event) -> None:
    """One small chunk after the other, as fast as they go, until the client leaves."""
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n1\r\n[\r\n")
    while not over.is_set():
        connection.sendall(b"1\r\n \r\n" * 100)


@script
def endless_redirect(connection: socket.socket, over: threading.Event) -> None:
    """A redirect whose body never ends."""
    connection.sendall(b"HTTP/1.1 302 Found\r\nLocation: /y\r\nTransfer-Encoding: chunked\r\n\r\n")
    while not over.is_set():
        connection.sendall(b"1\r\n \r\n" * 100)


@script
def silent(connection: socket.socket, over: threading.Event) -> None:
    """Takes the question and never answers."""
    over.wait(30)


@script
def hangs_up(connection: socket.socket, over: threading.Event) -> None:
    """Takes the question and closes."""


@script
def babbles(connection: socket.socket, over: threading.Event) -> None:
    """Does not speak HTTP."""
    connection.sendall(b"220 mail.example ESMTP\r\n")


@script
def cut_chunks(connection: socket.socket, over: threading.Event) -> None:
    """A chunked body without its end."""
    connection.sendall(HEAD + b"Transfer-Encoding: chunked\r\n\r\n2\r\n[]\r\n")


@script
def cut_body(connection: socket.socket, over: threading.Event) -> None:
    """Valid JSON, but shorter than was promised."""
    connection.sendall(HEAD + b"Content-Length: 50\r\n\r\n[]")


def _slowly(connection: socket.socket, over: threading.Event, data: bytes) -> None:
    for byte in data:
        if over.wait(0.01):
            return
        connection.sendall(bytes([byte]))


def dialect_a(stub: Stub, moment: str = "m05", base: str = "") -> None:
    """Makes the stub a hakuriver 0.3.0 at one of the recorded moments."""
    for path in ("tasks", "nodes", "vps"):
        name = f"{moment}_{path}" if (moment, path) != ("m06", "vps") else "m06_vps_with_failed"
        stub.routes[f"{base}/{path}"] = Reply(recorded(name))


@dataclass
class Pages:
    """The task table of a B or C host: it pages, filters by status and shows single tasks."""

    rows: list[dict[str, Any]]
    numbers: bool = False

    def serve(self, stub: Stub, base: str) -> None:
        """Answers below `base` as the real one does."""
        stub.routes[f"{base}/nodes"] = Reply(recorded("m05_nodes", "kohakuriver"))
        stub.routes[f"{base}/vps"] = Reply(recorded("m05_vps", "kohakuriver"))
        stub.routes[f"{base}/tasks"] = self._list
        for row in self.rows:
            stub.routes[f"{base}/status/{row['task_id']}"] = Reply(self._text([row])[1:-1])

    def _list(self, query: dict[str, str]) -> Reply:
        status = query.get("status")
        rows = [row for row in self.rows if status in (None, row["status"])]
        start = int(query.get("offset", "0"))
        return Reply(self._text(rows[start : start + int(query.get("limit", "100"))]))

    def _text(self, rows: list[dict[str, Any]]) -> bytes:
        if self.numbers:
            rows = [{**row, "task_id": int(row["task_id"])} for row in rows]
        return json.dumps(rows).encode()
