"""A mail server and a receiver of webhooks in a process of their own: `with Ends() as ends`.

`python -m benchmarks.ends` is that process; for every line of stdin it says what has arrived.
"""

import json
import socket
import subprocess
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, Envelope, Session


class Ends:
    """The running process. What came in by HTTP counts under its path, mail under `mail`."""

    def __init__(self) -> None:
        command = [sys.executable, "-m", "benchmarks.ends"]
        self._process = subprocess.Popen(
            command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )
        ports = self._line()
        self.web, self.mail = f"127.0.0.1:{ports['web']}", f"127.0.0.1:{ports['mail']}"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.communicate(timeout=30)

    def arrived(self) -> dict[str, int]:
        """How many messages arrived at each end since the last question."""
        assert self._process.stdin is not None
        self._process.stdin.write(b"\n")
        self._process.stdin.flush()
        return self._line()

    def _line(self) -> dict[str, int]:
        assert self._process.stdout is not None
        found: dict[str, int] = json.loads(self._process.stdout.readline())
        return found


def main() -> None:
    """Takes everything until standard input ends."""
    found: dict[str, int] = {}

    class Mail:
        async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
            found["mail"] = found.get("mail", 0) + 1
            return "250 OK"

    class Web(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            self.rfile.read(int(self.headers["content-length"]))
            found[self.path] = found.get(self.path, 0) + 1
            self.send_response(204)
            self.end_headers()

        def log_message(self, *args: Any) -> None:
            pass

    web = ThreadingHTTPServer(("127.0.0.1", 0), Web)
    threading.Thread(target=web.serve_forever, daemon=True).start()
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    mail = Controller(Mail(), hostname="127.0.0.1", port=port)
    mail.start()
    ports = {"web": web.server_port, "mail": port}
    print(json.dumps(ports), flush=True)
    for _ in sys.stdin:
        print(json.dumps(found), flush=True)
        found.clear()
    mail.stop()


if __name__ == "__main__":
    main()
