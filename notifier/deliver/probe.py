"""Watches the HTTP exchanges of our own sends under Apprise, and holds them to our rules.

A wrapper round `requests.Session.send` that is active only inside `watching()`: no redirect is
followed, no .netrc read, an answer is read only so far and so long, and after a "not now" nothing
more is sent in the same attempt. Every other use of requests passes through untouched.
"""

import contextlib
import json
import math
import threading
import time
from collections.abc import Iterator
from contextvars import ContextVar
from typing import Any, NamedTuple

import requests
import requests.sessions

from notifier.deliver.outcome import PASSING, retry_after

# answers of services are short; the rest is not read
BODY_LIMIT = 16 * 1024


class Exchange(NamedTuple):
    """One request: its answer, or the error that came in place of one."""

    status: int = 0
    body: bytes = b""
    retry_after: float | None = None
    error: BaseException | None = None


class Watch:
    """What one attempt did on the wire until `deadline` (monotonic seconds).

    A `dry` one lets nothing out: `asked` has the addresses that would have been asked.
    """

    def __init__(self, deadline: float, *, dry: bool = False) -> None:
        self.deadline = deadline
        self.dry = dry
        self.asked: list[str] = []
        self.exchanges: list[Exchange] = []

    @property
    def held(self) -> bool:
        """Whether the service asked for a pause; nothing more is sent in this attempt."""
        return any(e.status >= 500 or e.status in PASSING for e in self.exchanges)


_watch: ContextVar[Watch | None] = ContextVar("notifier_watch", default=None)
_lock = threading.Lock()


class _Held(requests.RequestException):
    """The service said "not now"; plug-ins that try again at once are stopped here."""


@contextlib.contextmanager
def watching(deadline: float, *, dry: bool = False) -> Iterator[Watch]:
    """Everything that this thread sends through requests is watched."""
    install()
    watch = Watch(deadline, dry=dry)
    token = _watch.set(watch)
    try:
        yield watch
    finally:
        _watch.reset(token)


def is_watching() -> bool:
    """Whether the calling thread is in the middle of a send of ours."""
    return _watch.get() is not None


def install() -> None:
    """Puts the wrappers in place, once in a process."""
    with _lock:
        if not hasattr(requests.Session.send, "notifier"):
            requests.Session.send = _wrapped(requests.Session.send)  # type: ignore[method-assign]
            requests.sessions.get_netrc_auth = _no_netrc(requests.sessions.get_netrc_auth)


def _wrapped(real: Any) -> Any:
    def send(session: requests.Session, request: Any, **options: Any) -> requests.Response:
        watch = _watch.get()
        if watch is None:
            answer: requests.Response = real(session, request, **options)
            return answer
        if watch.dry:
            watch.asked.append(str(request.url))
        if watch.held or watch.dry:
            raise _Held
        try:
            answer = real(session, request, **options | {"allow_redirects": False, "stream": True})
        except Exception as error:
            watch.exchanges.append(Exchange(error=error))
            raise
        # what requests keeps a body in; a plug-in reads it from there
        answer._content = _read(answer, watch.deadline)
        watch.exchanges.append(Exchange(answer.status_code, answer._content, _pause(answer)))
        return answer

    send.notifier = True  # type: ignore[attr-defined]
    return send


def _no_netrc(real: Any) -> Any:
    def get_netrc_auth(url: str, raise_errors: bool = False) -> Any:
        return None if is_watching() else real(url, raise_errors)

    return get_netrc_auth


def _read(answer: requests.Response, deadline: float) -> bytes:
    """The beginning of the body; what came until it broke off or the time was over."""
    body = bytearray()
    with contextlib.suppress(requests.RequestException, OSError):
        # one byte at a time (from a buffer): a larger read would wait for a server that drips
        for byte in answer.iter_content(1):
            body += byte
            if len(body) >= BODY_LIMIT or time.monotonic() > deadline:
                break
    answer.close()
    return bytes(body)


def _pause(answer: requests.Response) -> float | None:
    """The pause that the service asks for: in a header, or in its JSON (Discord, Telegram)."""
    asked = retry_after(answer.headers.get("Retry-After"), answer.headers.get("Date"))
    if asked is not None or answer.status_code != 429:
        return asked
    try:
        said = json.loads(answer.content)
        seconds = float(said.get("retry_after") or said["parameters"]["retry_after"])
        return max(0.0, seconds) if math.isfinite(seconds) else None
    except (ValueError, TypeError, AttributeError, LookupError):
        return None
