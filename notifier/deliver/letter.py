"""What the delivery room takes in, and the one error it raises."""

from datetime import datetime

from notifier.errors import Exit, NotifierError
from notifier.model import Frozen, Severity
from notifier.settings import Destination


class DeliverError(NotifierError):
    """A channel's settings cannot work. The text names no URL, password or address."""

    code = Exit.USAGE


class Letter(Frozen, frozen=True, kw_only=True):
    """One message, rendered and escaped for its destination: it is sent as it stands.

    `title` is one line of at most 120 characters, `text` is never empty. `html` is the twin of
    `text` for email. `payload` is the exact body of a webhook. `recovery`: it brings nothing but
    endings. `incident` is the key for services that keep incidents of their own. `thread` is the
    key of the message that told the problem. `at` is when the message was rendered; `events` are
    ids.
    """

    key: str
    destination: Destination
    title: str
    text: str
    html: str = ""
    payload: bytes = b""
    severity: Severity = "critical"
    recovery: bool = False
    incident: str = ""
    thread: str = ""
    repeat: bool = False
    at: datetime
    events: tuple[str, ...] = ()
    state_id: str = ""

    def __repr__(self) -> str:
        # the settings hold secrets, and a repr ends up in logs and tracebacks
        return f"Letter(key={self.key!r}, row={self.destination.row!r})"
