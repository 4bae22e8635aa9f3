"""A look that failed, and what an HTTP status other than 200 means, in words for a person."""

import email.utils
from collections.abc import Callable
from datetime import UTC, datetime
from urllib.parse import urljoin, urlsplit

import msgspec

from notifier.model import Family, Unreadable, UnreadableWhy
from notifier.sources._text import clean

# as much is read of the body of an error
ERROR_BYTES = 4096


class LookFailed(Exception):
    """A look that failed. `status` is the HTTP status where there was one, else 0."""

    def __init__(
        self, why: UnreadableWhy, reason: str, *, status: int = 0, took: float = 0.0
    ) -> None:
        super().__init__(reason)
        self.why = why
        self.reason = reason
        self.status = status
        self.took = took

    def unreadable(self, family: Family, scope: str = "") -> Unreadable:
        """The value that leaves the room."""
        return Unreadable(
            family=family, why=self.why, reason=self.reason, scope=scope, took=round(self.took, 3)
        )


def not_ok(
    status: int, asked: str, location: str, body: bytes, redact: Callable[[str], str]
) -> LookFailed:
    """The failure that an answer to `asked` stands for; `location` is where it redirects to."""
    if 300 <= status < 400:
        to = clean(place(location, asked), 200, line=True, redact=redact)
        reason = f"the address redirects (http {status}) to {to}: put that into url"
        return LookFailed("refused", reason, status=status)
    said = clean(_said(body), 120, line=True, redact=redact)
    refused = 400 <= status < 500 and status not in (408, 429)
    reason = f"http {status}: {said}" if said else f"http {status}"
    return LookFailed("refused" if refused else "sick", reason, status=status)


def place(url: str, base: str = "") -> str:
    """Scheme, host and path: what may be shown of an address. `base` completes a relative one."""
    try:
        parts = urlsplit(urljoin(base, url))
    except ValueError:
        return "an address that is not valid"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"


def _said(body: bytes) -> str:
    """The first line of an error's body, or the sentence in its JSON; nothing for a page."""
    text = body.decode("utf-8", "replace").strip()
    try:
        document = msgspec.json.decode(text)
    except (msgspec.DecodeError, RecursionError):
        return "" if text.startswith("<") else text.split("\n", 1)[0]
    if isinstance(document, dict):
        told = (document.get(key) for key in ("detail", "error", "message"))
        return next((one for one in told if isinstance(one, str)), "")
    return ""


def size(count: int) -> str:
    """A number of bytes for people."""
    return f"{count / 1024 / 1024:.0f} MB" if count >= 1024 * 1024 else f"{count / 1024:.0f} kB"


def dated(text: str | None) -> datetime | None:
    """The time of a Date header, if it is one."""
    try:
        found = email.utils.parsedate_to_datetime(text or "")
    except (ValueError, TypeError, OverflowError):
        return None
    return found.astimezone(UTC) if found.tzinfo else None
