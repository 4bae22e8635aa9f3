"""What happened on the wire, said in a fixed vocabulary: no word of it comes from a remote."""

import errno
import socket
import ssl
import time
import traceback
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import Literal, NamedTuple

import requests

from notifier.model import Outcome, Receipt

NO_CONNECT = "no answer (connect)"
NO_ANSWER = "no answer after the request was sent"
NO_NAME = "name not found"
REFUSED = "connection refused"
NO_ROUTE = "no connection"
CUT_BEFORE = "disconnected before data"
CUT_AFTER = "disconnected after data"


class Verdict(NamedTuple):
    """An outcome and why; a Receipt that does not know its key yet."""

    outcome: Outcome
    reason: str = ""
    blame: Literal["", "content", "channel"] = ""
    retry_after: float | None = None

    def receipt(self, key: str) -> Receipt:
        """The receipt of the message `key`."""
        return Receipt(
            key=key,
            outcome=self.outcome,
            reason=self.reason,
            blame=self.blame,
            retry_after=self.retry_after,
        )


def channel(reason: str) -> Verdict:
    """The channel is at fault: it is parked."""
    return Verdict("parked", reason, "channel")


def content(reason: str) -> Verdict:
    """The message is at fault: it is parked, later ones pass."""
    return Verdict("parked", reason, "content")


DELIVERED = Verdict("delivered")
# too early, conflict and locked pass; so do all 5xx
PASSING = frozenset({408, 409, 421, 423, 425, 429})
CONTENT = frozenset({400, 413, 414, 415, 422, 431})


def of_status(status: int, retry_after: float | None = None) -> Verdict:
    """What an HTTP status says: DESIGN section 4, "Attempts"."""
    if 200 <= status < 300:
        return DELIVERED
    if 300 <= status < 400:
        return channel(f"redirect {status} not followed")
    reason = f"http {status}"
    if status >= 500 or status in PASSING:
        return Verdict("retry", reason, retry_after=retry_after)
    return content(reason) if status in CONTENT else channel(reason)


def retry_after(value: str | None, date: str | None = None) -> float | None:
    """Seconds from a Retry-After header: a number, or an HTTP date (RFC 9110, 10.2.3).

    A date is compared with the server's own `date` header where there is one, so that a clock
    that is off does no harm. Nonsense is None.
    """
    value = (value or "").strip()
    if value.isascii() and value.isdigit() and len(value) < 10:
        return float(value)
    until = _seconds(value)
    if until is None:
        return None
    now = _seconds(date or "")
    return max(0.0, until - (time.time() if now is None else now))


def _seconds(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (TypeError, ValueError, OverflowError, IndexError):
        return None


def of_error(error: BaseException) -> Verdict:
    """What an exception from under `requests` says of one HTTP exchange."""
    chain = _causes(error)
    tls = next((cause for cause in chain if isinstance(cause, ssl.SSLError)), None)
    verdict = of_tls(tls) if tls else None
    if verdict and verdict.blame:
        return verdict
    timed_out = any(isinstance(cause, (requests.Timeout, TimeoutError)) for cause in chain)
    if isinstance(error, requests.exceptions.ProxyError):
        return Verdict("retry", "proxy: no connection")
    if any(type(cause).__name__ in _UNCONNECTED for cause in chain):
        return unconnected(next((cause for cause in chain if _tells(cause)), error))
    if any(_in_handshake(cause) for cause in chain):
        return Verdict("retry", NO_CONNECT if timed_out else CUT_BEFORE)
    if timed_out:
        return Verdict("unknown", NO_ANSWER)
    if isinstance(error, (requests.RequestException, OSError)):
        return verdict or Verdict("unknown", CUT_AFTER)
    return content(f"could not be built: {type(error).__name__}")


# what urllib3 calls a connection that did not come about
_UNCONNECTED = frozenset({"ConnectTimeoutError", "NameResolutionError", "NewConnectionError"})


def _in_handshake(cause: BaseException) -> bool:
    """Whether it was raised while urllib3 set TLS up: only the place tells, not the type."""
    frames = traceback.walk_tb(cause.__traceback__)
    return any(frame.f_code.co_name == "_validate_conn" for frame, _ in frames)


def _tells(cause: BaseException) -> bool:
    if isinstance(cause, OSError):
        return bool(cause.errno) or isinstance(cause, TimeoutError)
    return isinstance(cause, UnicodeError)


def unconnected(error: BaseException) -> Verdict:
    """Why no connection came about; nothing can have arrived."""
    if isinstance(error, (socket.gaierror, UnicodeError)):
        return Verdict("retry", NO_NAME)
    if isinstance(error, TimeoutError):
        return Verdict("retry", NO_CONNECT)
    if isinstance(error, OSError) and error.errno == errno.ECONNREFUSED:
        return Verdict("retry", REFUSED)
    return Verdict("retry", NO_ROUTE)


# X509_V_ERR_*: openssl/x509_vfy.h
_UNTRUSTED = frozenset({2, 18, 19, 20, 21})
_EXPIRED = 10
_HOSTNAME = frozenset({62, 64})
# these end a handshake, so nothing was sent; an alert can also come later (TLS 1.3)
_HANDSHAKE = frozenset(
    {
        "HTTP_REQUEST",
        "NO_PROTOCOLS_AVAILABLE",
        "TLSV1_ALERT_PROTOCOL_VERSION",
        "UNSUPPORTED_PROTOCOL",
        "WRONG_VERSION_NUMBER",
    }
)


def of_tls(error: ssl.SSLError) -> Verdict:
    """What a TLS error says; only one that surely came before the request is certain."""
    if isinstance(error, ssl.SSLCertVerificationError):
        code = error.verify_code
        if code == _EXPIRED:
            return channel("tls: certificate has expired")
        if code in _HOSTNAME:
            return channel("tls: hostname mismatch")
        if code in _UNTRUSTED:
            return channel("tls: certificate is not trusted")
        return channel("tls: certificate refused")
    if error.reason in _HANDSHAKE:
        return channel("tls: the server does not speak it")
    return Verdict("unknown", "tls: connection broken")


def _causes(error: BaseException) -> list[BaseException]:
    """The error and what lies under it; urllib3 keeps that in `reason`, `args` or a cause."""
    found: list[BaseException] = []
    waiting: list[object] = [error]
    while waiting:
        one = waiting.pop(0)
        if isinstance(one, BaseException) and one not in found:
            found.append(one)
            waiting += [getattr(one, "reason", None), *one.args, one.__cause__, one.__context__]
    return found
