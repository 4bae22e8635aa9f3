"""The other ends of a run, for tests: a mail server, a webhook receiver, the installed command."""

import contextlib
import email
import email.policy
import json
import os
import random
import socket
import subprocess
import sys
import threading
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session

LOOPBACK = "127.0.0.1"


# apart from the generator that property tests set back to where it was
_DICE = random.SystemRandom()
_given: set[int] = set()


def free_port() -> int:
    """A port on loopback that nobody holds, and that was not given before.

    It lies below the range from which the kernel takes the near ends of connections, so that a
    server which is stopped for a while finds its port free when it starts again. Two processes
    of one test run draw from different ports: what one was given is not held until it listens.
    """
    worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
    for _ in range(1000):
        port = _DICE.randrange(20_000 + worker, 32_000, 8)
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.bind((LOOPBACK, port))
            if port not in _given:
                _given.add(port)
                return port
    raise RuntimeError("no free port between 20000 and 32000")


@dataclass(frozen=True)
class Mail:
    """One accepted message with its envelope."""

    sender: str
    recipients: tuple[str, ...]
    message: EmailMessage

    @property
    def subject(self) -> str:
        """The subject, decoded."""
        return str(self.message["subject"])

    @property
    def text(self) -> str:
        """The plain part, decoded, with plain line ends; empty when there is none."""
        part = self.message.get_body(("plain",))
        return str(part.get_content()).replace("\r\n", "\n") if part else ""


class Mailbox:
    """A real SMTP server on loopback that keeps what it accepts in `mails`."""

    def __init__(self) -> None:
        self.mails: list[Mail] = []
        self.port = free_port()
        self._refusals: dict[str, str] = {}
        self._server: Controller | None = None

    @property
    def address(self) -> str:
        """`HOST:PORT`."""
        return f"{LOOPBACK}:{self.port}"

    def start(self) -> None:
        """Listens; again on the same port after `stop`."""
        self._server = Controller(self, hostname=LOOPBACK, port=self.port)
        self._server.start()

    def stop(self) -> None:
        """Refuses connections from now on; what was accepted stays in `mails`."""
        if self._server is not None:
            self._server.stop()
            self._server = None

    def refuse(self, answer: str, at: str = "RCPT") -> None:
        """Answers `at` with `answer` (`"451 4.3.0 later"`): `RCPT`, `DATA`, or one address."""
        self._refusals[at] = answer

    def accept(self) -> None:
        """Ends all refusals."""
        self._refusals.clear()

    # aiosmtpd calls these two, in a thread of its own
    async def handle_RCPT(
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        refusal = self._refusals.get(address) or self._refusals.get("RCPT")
        if refusal is None:
            envelope.rcpt_tos.append(address)
        return refusal or "250 OK"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        if "DATA" in self._refusals:
            return self._refusals["DATA"]
        content = envelope.original_content or b""
        message = email.message_from_bytes(content, policy=email.policy.default)
        recipients = tuple(map(str, envelope.rcpt_tos))
        self.mails.append(Mail(str(envelope.mail_from), recipients, message))
        return "250 OK"


@dataclass(frozen=True)
class Request:
    """One request as it came in. Header names are in lower case."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes

    def json(self) -> Any:
        """The body, decoded."""
        return json.loads(self.body)


@dataclass(frozen=True)
class Answer:
    """What a `Sink` says to one request; `hang_up` closes the connection without a word."""

    status: int = 204
    headers: Mapping[str, str] = field(default_factory=dict)
    body: bytes = b""
    hang_up: bool = False


class Sink:
    """A real HTTP server on loopback that keeps every request in `requests`.

    It answers 204, or what `answers` holds: one for each request to come, in order.
    """

    def __init__(self) -> None:
        self.requests: list[Request] = []
        self.answers: deque[Answer] = deque()
        self.port = free_port()
        self._server: ThreadingHTTPServer | None = None

    @property
    def url(self) -> str:
        """The address of its root."""
        return f"http://{LOOPBACK}:{self.port}/"

    def start(self) -> None:
        """Listens; again on the same port after `stop`."""
        handler = type("Handler", (_SinkHandler,), {"sink": self})
        self._server = ThreadingHTTPServer((LOOPBACK, self.port), handler)
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def stop(self) -> None:
        """Refuses connections from now on; what was received stays in `requests`."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _SinkHandler(BaseHTTPRequestHandler):
    sink: Sink
    timeout = 10

    def _take(self) -> None:
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        headers = {name.lower(): value for name, value in self.headers.items()}
        self.sink.requests.append(Request(self.command, self.path, headers, body))
        answer = self.sink.answers.popleft() if self.sink.answers else Answer()
        if answer.hang_up:
            self.close_connection = True
            return
        self.send_response(answer.status)
        for name, value in answer.headers.items():
            self.send_header(name, value)
        if answer.status != 204:
            self.send_header("content-length", str(len(answer.body)))
        self.end_headers()
        self.wfile.write(answer.body)

    do_GET = do_POST = do_PUT = _take

    def log_message(self, *args: object) -> None:
        pass


@dataclass(frozen=True)
class Ran:
    """How one run of the command ended."""

    code: int
    out: str
    err: str


# where the coverage of the tests is measured, that of the runs they start is as well
MEASURED = {name: value for name, value in os.environ.items() if name.startswith("COVERAGE_")}


@dataclass(frozen=True)
class Command:
    """Runs the installed command as cron would: from /, with an almost empty environment."""

    home: Path
    environment: Mapping[str, str] = field(default_factory=dict)

    def __call__(
        self, config: Path, *args: str, env: Mapping[str, str] | None = None, stdin: str = ""
    ) -> Ran:
        """`notifier -c CONFIG ARGS...` in a process of its own, killed after two minutes."""
        command = [sys.executable, "-m", "notifier", "-c", str(config), *args]
        done = subprocess.run(
            command,
            cwd="/",
            env={**self.clean(), **MEASURED, **(env or {})},
            input=stdin,
            capture_output=True,
            encoding="utf-8",
            timeout=120,
            check=False,
        )
        return Ran(done.returncode, done.stdout, done.stderr)

    def clean(self) -> dict[str, str]:
        """The environment a run starts with, for tests that start the process themselves."""
        path = os.environ.get("PATH", os.defpath)
        return {"PATH": path, "HOME": str(self.home), "LANG": "C.UTF-8", **self.environment}
