"""What can happen to a message, and what it means: data for the tests and for the promises.

Each case: what the other end does, then the outcome, the reason, who is to blame, and the pause
that was asked for. In an answer, HANG is silence, CLOSE a dropped connection, RESET a reset one.
"""

from typing import NamedTuple

HANG, CLOSE, RESET = "<silence>", "<drop>", "<reset>"


class Case(NamedTuple):
    situation: str
    answer: str
    outcome: str
    reason: str = ""
    blame: str = ""
    retry_after: float | None = None


def _http(status: str, head: str = "", body: str = "") -> str:
    return f"HTTP/1.1 {status}\r\n{head}Content-Length: {len(body)}\r\n\r\n{body}"


# dates are an hour after the server's own clock
_CLOCK = "Date: Wed, 21 Oct 2026 07:00:00 GMT\r\n"
_LATER = _CLOCK + "Retry-After: Wed, 21 Oct 2026 08:00:00 GMT\r\n"
_AWAY = "Location: http://127.0.0.1:1/\r\n"
_PAGE = "<html><body>Please log in. OK</body></html>"

HTTP = [
    Case("200", _http("200 OK", body="ok"), "delivered"),
    Case("204", _http("204 No Content"), "delivered"),
    Case("200 with a page in HTML", _http("200 OK", body=_PAGE), "delivered"),
    Case("200 whose body never ends", _http("200 OK").replace(": 0", ": 9") + HANG, "delivered"),
    Case("301", _http("301 Moved", _AWAY), "parked", "redirect 301 not followed", "channel"),
    Case("302", _http("302 Found", _AWAY), "parked", "redirect 302 not followed", "channel"),
    Case("307", _http("307 Temporary", _AWAY), "parked", "redirect 307 not followed", "channel"),
    Case("401", _http("401 Unauthorized"), "parked", "http 401", "channel"),
    Case("403", _http("403 Forbidden"), "parked", "http 403", "channel"),
    Case("404", _http("404 Not Found"), "parked", "http 404", "channel"),
    Case("410", _http("410 Gone"), "parked", "http 410", "channel"),
    Case("451", _http("451 Unavailable"), "parked", "http 451", "channel"),
    Case("400, plainest form too", _http("400 Bad Request"), "parked", "http 400", "content"),
    Case("413, plainest form too", _http("413 Too Large"), "parked", "http 413", "content"),
    Case("415, plainest form too", _http("415 Media"), "parked", "http 415", "content"),
    Case("422, plainest form too", _http("422 Unprocessable"), "parked", "http 422", "content"),
    Case("408", _http("408 Request Timeout"), "retry", "http 408"),
    Case("425", _http("425 Too Early"), "retry", "http 425"),
    Case("429", _http("429 Slow"), "retry", "http 429"),
    Case("429 with seconds", _http("429 Slow", "Retry-After: 7\r\n"), "retry", "http 429", "", 7.0),
    Case("429 with a date", _http("429 Slow", _LATER), "retry", "http 429", "", 3600.0),
    Case("429 with nonsense", _http("429 Slow", "Retry-After: soon\r\n"), "retry", "http 429"),
    Case("500", _http("500 Oops"), "retry", "http 500"),
    Case("503 with seconds", _http("503 Busy", "Retry-After: 9\r\n"), "retry", "http 503", "", 9.0),
    Case("an answer that is cut", "HTTP/1.1 20" + CLOSE, "unknown", "disconnected after data"),
    Case("a drop after the request", CLOSE, "unknown", "disconnected after data"),
    Case("a reset after the request", RESET, "unknown", "disconnected after data"),
    Case("silence after the request", HANG, "unknown", "no answer after the request was sent"),
    Case("what is no HTTP", "220 mail.example.org ESMTP\r\n", "unknown", "disconnected after data"),
]

SLACK = [
    Case("200 and ok", _http("200 OK", body="ok"), "delivered"),
    Case(
        "200 with a page in HTML",
        _http("200 OK", body=_PAGE),
        "unknown",
        "http 200 without acceptance",
    ),
    Case("200 and OK", _http("200 OK", body="OK"), "unknown", "http 200 without acceptance"),
    Case(
        "404 channel_not_found",
        _http("404 Not Found", body="channel_not_found"),
        "parked",
        "slack: channel_not_found",
        "channel",
    ),
    Case(
        "400 invalid_token",
        _http("400 Bad Request", body="invalid_token"),
        "parked",
        "slack: invalid_token",
        "channel",
    ),
    Case(
        "400 invalid_payload, plainest form too",
        _http("400 Bad Request", body="invalid_payload"),
        "parked",
        "slack: invalid_payload",
        "content",
    ),
    Case(
        "429 ratelimited",
        _http("429 Slow", "Retry-After: 30\r\n", "ratelimited"),
        "retry",
        "slack: ratelimited",
        "",
        30.0,
    ),
    Case(
        "403 with a word of its own",
        _http("403 No", body="s3cret"),
        "parked",
        "http 403",
        "channel",
    ),
]

# step of the SMTP conversation = answer
SMTP = [
    Case("acceptance", "", "delivered"),
    Case("a greeting of 421", "connect=421 busy", "retry", "smtp 421"),
    Case("a greeting of 554", "connect=554 no mail here", "parked", "smtp 554", "channel"),
    Case("a drop for a greeting", "connect=" + CLOSE, "retry", "disconnected before data"),
    Case("silence for a greeting", "connect=" + HANG, "retry", "no answer (connect)"),
    Case("silence at EHLO", "ehlo=" + HANG, "retry", "no answer (ehlo)"),
    Case("a drop at EHLO", "ehlo=" + CLOSE, "retry", "disconnected before data"),
    Case("451 at MAIL", "mail=451 later", "retry", "smtp 451"),
    Case("550 at MAIL", "mail=550 not you", "parked", "mail 550", "channel"),
    Case("552 at MAIL, plainest form too", "mail=552 too large", "parked", "mail 552", "content"),
    Case("silence at MAIL", "mail=" + HANG, "retry", "no answer (mail)"),
    Case("450 at RCPT", "rcpt=450 greylisted", "retry", "smtp 450"),
    Case("550 at RCPT", "rcpt=550 no such user", "parked", "rcpt 550", "channel"),
    Case("silence at RCPT", "rcpt=" + HANG, "retry", "no answer (rcpt)"),
    Case("a drop at RCPT", "rcpt=" + CLOSE, "retry", "disconnected before data"),
    Case("451 at DATA", "data=451 later", "retry", "smtp 451"),
    Case("554 at DATA", "data=554 no recipients", "parked", "data 554", "channel"),
    Case("silence at DATA", "data=" + HANG, "retry", "no answer (data)"),
    Case("a drop at DATA", "data=" + CLOSE, "retry", "disconnected before data"),
    Case("451 for the message", "end=451 later", "retry", "smtp 451"),
    Case("552 for the message, plainest too", "end=552 large", "parked", "data 552", "content"),
    Case("554 for the message, plainest too", "end=554 spam", "parked", "data 554", "content"),
    Case("a drop after the final dot", "end=" + CLOSE, "unknown", "disconnected after data"),
    Case("a reset after the final dot", "end=" + RESET, "unknown", "disconnected after data"),
    Case(
        "silence after the final dot",
        "end=" + HANG,
        "unknown",
        "no answer after the request was sent",
    ),
    Case("nonsense after the final dot", "end=what?", "unknown", "smtp: no plain yes"),
    Case("an endless line for a yes", "end=250 " + "x" * 9000, "unknown", "smtp: no plain yes"),
    Case("silence at QUIT", "quit=" + HANG, "delivered"),
    Case("a drop at QUIT", "quit=" + CLOSE, "delivered"),
]
