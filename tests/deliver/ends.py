"""The other ends of a delivery that a good server would never be: scripted, on loopback."""

import re
import socket
import ssl
import struct
import threading
from datetime import UTC, datetime
from typing import Any, Self

from deliver.outcomes import CLOSE, HANG, RESET

from notifier.deliver import Letter
from notifier.settings import ChannelSettings, Destination
from notifier.tables import Duration

NOON = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
# how long a test waits where there will be no answer, and where there will be one
STEP, PLENTY = 0.25, 20.0


def letter(settings: ChannelSettings, **changes: Any) -> Letter:
    """A letter to the one destination of `settings`."""
    address = settings.addresses[0] if settings.addresses else ""
    given: dict[str, Any] = {
        "key": "s1-7",
        "destination": Destination("ops", "ops", settings, address),
        "title": "river: gpu-07 is offline",
        "text": "gpu-07 is offline since 12:00 UTC\n",
        "payload": b'{"version":1,"key":"s1-7"}',
        "at": NOON,
        "events": ("e1", "e2"),
        "state_id": "s1",
    }
    return Letter(**given | changes)


def settings(**keys: Any) -> ChannelSettings:
    """Settings of a channel that waits for as long as it takes."""
    return ChannelSettings(**{"timeout": Duration(PLENTY), **keys})


def patience(answer: str) -> float:
    """How long a step may take against a server that gives `answer`."""
    return STEP if HANG in answer else PLENTY


class End:
    """A server on loopback that does `serve(connection)` in a thread per connection."""

    def __init__(self, tls: ssl.SSLContext | None = None) -> None:
        self.tls = tls
        self.over = threading.Event()
        self.seen: list[bytes] = []
        self.connections = 0
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]

    def __enter__(self) -> Self:
        threading.Thread(target=self._accept, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self.over.set()
        self._listener.close()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listener.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self._guarded, args=(connection,), daemon=True).start()

    def _guarded(self, connection: socket.socket) -> None:
        try:
            if self.tls:
                connection = self.tls.wrap_socket(connection, server_side=True)
            with connection:
                self.serve(connection)
        except (OSError, EOFError):
            pass

    def serve(self, connection: socket.socket) -> None:
        raise NotImplementedError

    def answer(self, connection: socket.socket, text: str) -> None:
        """Sends `text` up to a mark and does what the mark says; a mark ends the connection."""
        said, mark, _ = re.split(f"({HANG}|{CLOSE}|{RESET}|\\Z)", text, maxsplit=1)
        connection.sendall(said.encode())
        if mark == HANG:
            self.over.wait(10)
        if mark == RESET:
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        if mark:
            raise EOFError


class HttpEnd(End):
    """Reads one request and gives one of `answers`, the last one for ever."""

    def __init__(self, *answers: str, tls: ssl.SSLContext | None = None) -> None:
        super().__init__(tls)
        self.answers = list(answers)

    @property
    def url(self) -> str:
        return f"http{'s' if self.tls else ''}://127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        with connection.makefile("rb") as file:
            head = b""
            while not head.endswith(b"\r\n\r\n"):
                line = file.readline()
                if not line:
                    raise EOFError
                head += line
            length = re.search(rb"(?i)content-length: (\d+)", head)
            body = file.read(int(length[1])) if length else b""
            self.seen.append(head + body)
            self.answer(
                connection, self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
            )


class MailEnd(End):
    """Speaks SMTP, but at the steps of `script` (`step=answer`) does as it says."""

    def __init__(
        self, script: str = "", offers: str = "", tls: ssl.SSLContext | None = None
    ) -> None:
        super().__init__(tls)
        self.script = dict([script.split("=", 1)]) if script else {}
        self.offers = offers
        self.upgrade: ssl.SSLContext | None = None

    @property
    def address(self) -> str:
        return f"127.0.0.1:{self.port}"

    def serve(self, connection: socket.socket) -> None:
        self.say(connection, "connect", "220 here")
        file = connection.makefile("rb")
        while line := file.readline():
            self.seen.append(line)
            verb = line[:4].strip().decode().lower()
            if verb == "ehlo":
                offers = "".join(f"-{offer}\r\n250" for offer in self.offers.split("/") if offer)
                self.say(connection, "ehlo", f"250-here\r\n250{offers} HELP")
            elif verb == "star" and self.upgrade:
                self.say(connection, "starttls", "220 go ahead")
                connection = self.upgrade.wrap_socket(connection, server_side=True)
                file = connection.makefile("rb")
            elif verb == "data":
                self.say(connection, "data", "354 go ahead")
                message = b""
                while not message.endswith(b"\r\n.\r\n"):
                    message += file.readline()
                self.seen.append(message)
                self.say(connection, "end", "250 taken")
            else:
                self.say(connection, verb, "250 ok")

    def say(self, connection: socket.socket, step: str, usual: str) -> None:
        self.answer(connection, self.script.get(step, usual) + "\r\n")
