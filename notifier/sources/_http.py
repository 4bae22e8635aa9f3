"""One GET at a time to one server, bounded in time and size; every failure in a person's words."""

import http.client
import os
import socket
import ssl
import threading
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from queue import Empty, SimpleQueue
from types import TracebackType
from typing import Any, Self
from urllib.parse import unquote, urlsplit

import msgspec
import requests
import urllib3
from requests.auth import AuthBase, HTTPBasicAuth

from notifier.model import UnreadableWhy
from notifier.sources._failed import ERROR_BYTES, LookFailed, dated, not_ok, place, size
from notifier.sources._redact import Redactor
from notifier.sources._text import clean

CHUNK = 256 * 1024
MAX_BYTES = 512 * 1024 * 1024
# at this share of the limit the person is told
NEAR = 0.8


class Answer(msgspec.Struct, frozen=True):
    """The body of a 200. `date` is the server's clock (its Date header), `notes` are for people."""

    body: bytearray
    date: datetime | None = None
    notes: tuple[str, ...] = ()


class _Auth(AuthBase):
    """Sends our credentials and nobody else's.

    That it is set at all keeps requests from looking into ~/.netrc, while proxies and
    authorities from the environment still count (requests.Session.prepare_request).
    """

    def __init__(self, token: str, user: str = "", password: str = "") -> None:
        self.token = token
        # as bytes: requests would encode text as Latin-1
        self.basic = HTTPBasicAuth(user.encode(), password.encode()) if user else None

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        if self.token:
            request.headers["Authorization"] = f"Bearer {self.token}"
        elif self.basic:
            self.basic(request)
        return request


class _Session(requests.Session):
    """Does not look where a redirect leads: requests would read all of its body to do so."""

    def get_redirect_target(self, resp: requests.Response) -> None:
        """Nowhere."""


class Http:
    """A session with one server below `url`. Nothing is retried, no redirect is followed.

    `token` goes out as a bearer token, user and password of `url` as basic authentication,
    `headers` and the cookies of the file `cookie_jar` (and the server's own) with every request.
    `timeout` (seconds) bounds the connection and each wait for data; `max_bytes` a body. After a
    time-out the server is not asked again: it may still be at work on the first question.
    `ahead` is how many seconds the server's clock was before ours when it last answered with 200.
    `kept` is the source's own, to keep what it read for one family until it is asked for the other.
    """

    def __init__(
        self,
        url: str,
        *,
        token: str = "",
        headers: Mapping[str, str] | None = None,
        cookie_jar: str = "",
        ca_file: str = "",
        timeout: float = 60.0,
        max_bytes: int = MAX_BYTES,
        redact: Redactor | None = None,
        user_agent: str = "Notifier",
    ) -> None:
        self.redact = redact or Redactor()
        self.ahead: float | None = None
        self.kept: dict[str, Any] = {}
        self._url, auth = _split(url, token)
        self._secrets = {"token": token, **(headers or {})}
        self._cookie_jar = cookie_jar
        self._ca_file = ca_file
        self._timeout = timeout
        self._max_bytes = max_bytes
        self._slow = False
        self._session = _Session()
        self._session.auth = auth
        ours = {"Accept": "application/json", "Accept-Encoding": "identity"}
        self._session.headers.update({"User-Agent": user_agent, **(headers or {}), **ours})

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._session.close()

    def get(self, path: str, deadline: float, keep: int = 0) -> Answer:
        """The answer to `GET url + path`, complete before `deadline` (of time.monotonic).

        With `keep` only its last so many bytes. Raises LookFailed for all but a whole 200.
        """
        began = time.monotonic()
        self._refuse(deadline - began)
        # A thread, because nothing less bounds it all: names are resolved without a time-out,
        # and a server that drips bytes resets the time-out of every read. It holds no lock, and
        # as a daemon it cannot keep the process.
        box: SimpleQueue[Answer | Exception] = SimpleQueue()
        threading.Thread(target=self._work, args=(path, deadline, keep, box), daemon=True).start()
        try:
            found = box.get(timeout=deadline - began)
        except Empty:
            found = _late()
        if isinstance(found, Answer):
            return found
        failed = found if isinstance(found, LookFailed) else self._explained(found)
        if failed.why == "slow":
            self._slow = True
            failed = _late() if time.monotonic() >= deadline else failed
        failed.took = time.monotonic() - began
        raise failed

    def _refuse(self, left: float) -> None:
        """Raises LookFailed for what need not be asked."""
        if not self._url:
            raise LookFailed("refused", "the url is not a valid http(s) address")
        for name, value in self._secrets.items():
            if not (value.isascii() and (value or "-").isprintable()) or value != value.strip():
                raise LookFailed("refused", f"the {name} holds characters that no header may hold")
        if self._cookie_jar:
            from notifier.sources._cookies import cookies

            self._session.cookies.update(cookies(self._cookie_jar))
            self._cookie_jar = ""
        if self._ca_file and not Path(self._ca_file).is_file():
            raise LookFailed("tls", "tls: ca_file does not exist")
        if self._slow:
            raise LookFailed("slow", "not asked: the server was too slow a moment ago")
        if left <= 0:
            raise LookFailed("slow", "not asked: the time of this run is over")

    def _work(
        self, path: str, deadline: float, keep: int, box: "SimpleQueue[Answer | Exception]"
    ) -> None:
        try:
            box.put(self._fetch(path, deadline, keep))
        except Exception as error:  # handed over whole: the caller sorts it
            box.put(error)

    def _fetch(self, path: str, deadline: float, keep: int) -> Answer:
        response = self._session.get(
            self._url + path,
            stream=True,
            allow_redirects=False,
            timeout=max(0.001, min(self._timeout, deadline - time.monotonic())),
            # said here and not on the session, where $REQUESTS_CA_BUNDLE would overrule it
            verify=self._ca_file or True,
        )
        with response:
            if response.status_code != 200:
                to = response.headers.get("Location", "")
                raise not_ok(response.status_code, self._url, to, _head(response), self.redact)
            date = dated(response.headers.get("Date"))
            self.ahead = (date - datetime.now(UTC)).total_seconds() if date else None
            body = self._body(response, deadline, keep)
        near = len(body) >= NEAR * self._max_bytes
        note = f"the answer to {path.split('?')[0]} is {size(len(body))}; {self._most()}"
        return Answer(body, date, (note,) if near else ())

    def _body(self, response: requests.Response, deadline: float, keep: int) -> bytearray:
        coding = response.headers.get("Content-Encoding", "identity").strip().lower()
        if coding not in ("", "identity"):
            # a small answer can unfold to any size, and none was asked for
            raise LookFailed("sick", "the answer is compressed, though none such was asked for")
        length = response.headers.get("Content-Length", "")
        chunked = "chunked" in response.headers.get("Transfer-Encoding", "").lower()
        declared = int(length) if length.isdecimal() and len(length) < 20 and not chunked else None
        body, count = bytearray(), 0
        if (declared or 0) > self._max_bytes:
            raise LookFailed("sick", f"the answer is larger than {size(self._max_bytes)}")
        for chunk in response.iter_content(CHUNK):
            body += chunk
            count += len(chunk)
            if keep:
                del body[:-keep]
            if count > self._max_bytes:
                raise LookFailed("sick", f"the answer is larger than {size(self._max_bytes)}")
            if time.monotonic() > deadline:
                raise _late()
        if declared is not None and count < declared:
            raise LookFailed("sick", _CUT)
        return body

    def _most(self) -> str:
        return f"at most {size(self._max_bytes)} are read (max_bytes)"

    def _explained(self, error: Exception) -> LookFailed:
        """A failure of the connection in words. Raises what is a bug of ours."""
        chain = tuple(_chain(error))
        for kinds, why, reason in _MEANINGS:
            if any(isinstance(one, kinds) for one in chain):
                return LookFailed(why, reason.format(f"{self._timeout:g}"))
        for one in chain:
            if isinstance(one, ssl.SSLCertVerificationError):
                told = clean(one.verify_message, 120, line=True).rstrip(".")
                return LookFailed("tls", f"tls: {told}")
            if isinstance(one, ssl.SSLError):
                word = (one.reason or "no agreement").replace("_", " ").lower()
                return LookFailed("tls", f"tls: {clean(word, 120, line=True)}")
        for one in chain:
            if isinstance(one, OSError) and one.errno:
                return LookFailed("unreachable", os.strerror(one.errno).lower())
        if "CA certificate bundle" in str(error):
            return LookFailed("tls", "tls: $REQUESTS_CA_BUNDLE or $CURL_CA_BUNDLE names no file")
        if isinstance(error, OSError | ValueError | urllib3.exceptions.HTTPError):
            return LookFailed("unreachable", f"no connection ({type(chain[-1]).__name__})")
        raise error


_CUT = "the answer was cut short"
# the first that fits anything in the chain of causes; {} is the time-out in seconds
_MEANINGS: tuple[tuple[tuple[type[BaseException], ...], UnreadableWhy, str], ...] = (
    ((requests.exceptions.ProxyError,), "unreachable", "the proxy gives no connection"),
    ((socket.gaierror,), "unreachable", "name not found"),
    ((ConnectionRefusedError,), "unreachable", "connection refused"),
    ((http.client.RemoteDisconnected,), "unreachable", "connection closed without an answer"),
    (
        (urllib3.exceptions.IncompleteRead, http.client.IncompleteRead,
         urllib3.exceptions.InvalidChunkLength, requests.exceptions.ChunkedEncodingError),
        "sick", _CUT,
    ),
    ((requests.ConnectTimeout,), "slow", "no connection within {} s"),
    ((TimeoutError, urllib3.exceptions.ReadTimeoutError), "slow", "no answer within {} s"),
    ((ConnectionResetError, BrokenPipeError), "unreachable", "connection reset"),
    (
        (http.client.HTTPException, urllib3.exceptions.InvalidHeader),
        "sick", "the answer is not HTTP",
    ),
    (
        (requests.exceptions.InvalidURL, requests.exceptions.InvalidSchema,
         urllib3.exceptions.LocationParseError),
        "refused", "the url is not a valid http(s) address",
    ),
)  # fmt: skip


def _late() -> LookFailed:
    return LookFailed("slow", "not finished before the time of this run was over")


def _chain(error: BaseException) -> Iterator[BaseException]:
    seen: BaseException | None = error
    while seen is not None:
        yield seen
        seen = seen.__cause__ or seen.__context__


def _split(url: str, token: str) -> tuple[str, _Auth]:
    """The address without user, password, query and closing slash, and what it is opened with."""
    try:
        parts = urlsplit(url)
        good = parts.scheme in ("http", "https") and bool(parts.hostname)
        auth = _Auth(token, unquote(parts.username or ""), unquote(parts.password or ""))
    except ValueError:
        return "", _Auth(token)
    return (place(url).rstrip("/") if good else ""), auth


def _head(response: requests.Response) -> bytes:
    """The beginning of an error's body, as far as there is one to read."""
    if response.headers.get("Content-Encoding"):
        return b""
    try:
        return response.raw.read(ERROR_BYTES, decode_content=False) or b""
    except (OSError, urllib3.exceptions.HTTPError):
        return b""
