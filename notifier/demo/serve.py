"""Small servers on loopback that live as long as their `with` block."""

import socketserver
import threading
from types import TracebackType
from typing import Self

LOOPBACK = "127.0.0.1"


class Server(socketserver.ThreadingTCPServer):
    """Listens on a free port of this machine alone, each connection in a thread of its own."""

    allow_reuse_address = True
    daemon_threads = True

    def __init__(self, handler: type[socketserver.BaseRequestHandler]) -> None:
        super().__init__((LOOPBACK, 0), handler)

    @property
    def address(self) -> str:
        """`HOST:PORT`."""
        return f"{LOOPBACK}:{self.server_address[1]}"

    def handle_error(self, request: object, client_address: object) -> None:
        """What the other end does to a connection is none of our concern."""

    def __enter__(self) -> Self:
        threading.Thread(target=self.serve_forever, args=(0.02,), daemon=True).start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.shutdown()
        self.server_close()
