"""The other ends of the story: a mail server and a receiver of webhooks, both on loopback."""

import email
import email.policy
import json
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler
from socketserver import StreamRequestHandler
from typing import Any

from notifier.demo.serve import Server

NAME = "mail.example.org"


class MailServer(Server):
    """Takes every mail (RFC 5321, as much of it as one sender needs), unless it is `down`."""

    def __init__(self) -> None:
        super().__init__(_Smtp)
        self.down = False
        self.mails: list[EmailMessage] = []


class _Smtp(StreamRequestHandler):
    server: MailServer
    timeout = 10

    def handle(self) -> None:
        if self.server.down:
            self._say(f"421 4.3.2 {NAME} is down for repairs")
            return
        self._say(f"220 {NAME}")
        while line := self.rfile.readline(1024):
            verb = line[:4].decode("ascii", "replace").upper()
            if verb == "QUIT":
                return
            if verb == "DATA":
                self._say("354 go on")
                self._take()
            known = verb in ("EHLO", "MAIL", "RCPT", "DATA", "RSET", "NOOP")
            self._say(f"250 {NAME}" if known else "502 not here")

    def _say(self, line: str) -> None:
        self.wfile.write(f"{line}\r\n".encode())

    def _take(self) -> None:
        """Reads up to the line with a single dot; a dot that was doubled on the way is one."""
        lines = []
        while (line := self.rfile.readline()) not in (b".\r\n", b""):
            lines.append(line.removeprefix(b"."))
        mail = email.message_from_bytes(b"".join(lines), policy=email.policy.default)
        self.server.mails.append(mail)


class Hook(Server):
    """Keeps what is POSTed: (webhook-id, decoded body)."""

    def __init__(self) -> None:
        super().__init__(_Post)
        self.posts: list[tuple[str, dict[str, Any]]] = []


class _Post(BaseHTTPRequestHandler):
    server: Hook
    timeout = 10

    def do_POST(self) -> None:
        """Takes it and says 204."""
        body = self.rfile.read(int(self.headers.get("content-length") or 0))
        self.server.posts.append((self.headers.get("webhook-id", ""), json.loads(body)))
        self.send_response_only(204)
        self.end_headers()
