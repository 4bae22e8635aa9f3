"""What the room's only way out promises: bounded, never following, every failure in words."""

import errno
import gzip
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import requests
from sources import hosts
from sources.hosts import Reply, Script, Stub

from notifier.sources._failed import LookFailed
from notifier.sources._http import Answer, Http

Connect = Callable[..., Http]


def soon(seconds: float = 20.0) -> float:
    return time.monotonic() + seconds


def failure(http: Http, path: str = "/x", seconds: float = 20.0) -> LookFailed:
    with pytest.raises(LookFailed) as found:
        http.get(path, soon(seconds))
    return found.value


def told(http: Http, path: str = "/x", seconds: float = 20.0) -> tuple[str, str]:
    failed = failure(http, path, seconds)
    return failed.why, failed.reason


def test_an_answer_is_its_bytes_and_the_servers_clock(stub: Stub, connect: Connect) -> None:
    stub.routes["/x"] = Reply(b"[1]")
    answer = connect(stub.url).get("/x", soon())
    assert answer.body == b"[1]"
    assert answer.date is not None
    assert answer.date.isoformat() == "2026-11-22T04:08:01+00:00"
    assert stub.heads[0]["accept-encoding"] == "identity"


@pytest.mark.parametrize("date", ["", "yesterday", "Sun, 99 Nov 2026 04:08:01 GMT", "1", "\x80"])
def test_an_odd_date_is_no_date(stub: Stub, connect: Connect, date: str) -> None:
    stub.routes["/x"] = Reply(headers={"Date": date})
    assert connect(stub.url).get("/x", soon()).date is None


def test_a_path_in_the_url_is_kept(stub: Stub, connect: Connect) -> None:
    stub.routes["/river/x"] = Reply()
    assert connect(f"{stub.url}/river/").get("/x", soon()).body == b"[]"


@pytest.mark.parametrize(
    "route", [hosts.drips, hosts.drips_headers, hosts.drips_chunk_sizes, hosts.endless_chunks]
)
def test_no_drip_outlasts_the_deadline(stub: Stub, connect: Connect, route: Script) -> None:
    stub.routes["/x"] = route
    why, reason = told(connect(stub.url, timeout=10.0), seconds=0.4)
    assert (why, reason) == ("slow", "not finished before the time of this run was over")


def test_a_silent_server_is_slow_after_the_timeout(stub: Stub, connect: Connect) -> None:
    stub.routes["/x"] = hosts.silent
    failed = failure(connect(stub.url, timeout=0.2))
    assert (failed.why, failed.reason) == ("slow", "no answer within 0.2 s")
    assert failed.took > 0


def test_a_server_that_was_too_slow_is_not_asked_again(stub: Stub, connect: Connect) -> None:
    stub.routes["/x"] = hosts.silent
    http = connect(stub.url, timeout=0.2)
    failure(http)
    assert told(http)[0] == "slow"
    assert stub.asked == ["/x"]


def test_nothing_is_asked_when_the_time_is_over(stub: Stub, connect: Connect) -> None:
    assert told(connect(stub.url), seconds=-1) == (
        "slow",
        "not asked: the time of this run is over",
    )
    assert stub.asked == []


def test_a_failed_request_is_not_repeated(stub: Stub, connect: Connect) -> None:
    stub.routes["/x"] = hosts.hangs_up
    assert told(connect(stub.url)) == ("unreachable", "connection closed without an answer")
    assert stub.asked == ["/x"]


@pytest.mark.parametrize("route", [hosts.cut_body, hosts.cut_chunks])
def test_a_cut_body_is_sick_and_never_the_part_that_came(
    stub: Stub, connect: Connect, route: Script
) -> None:
    stub.routes["/x"] = route
    assert told(connect(stub.url)) == ("sick", "the answer was cut short")


def test_a_cut_body_is_sick_where_the_library_would_let_it_pass(
    stub: Stub, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    http = connect(stub.url)
    ask = http._session.get

    def lenient(*args: Any, **more: Any) -> requests.Response:
        response = ask(*args, **more)
        response.raw.enforce_content_length = False  # as urllib3 before 2.0 is
        return response

    monkeypatch.setattr(http._session, "get", lenient)
    stub.routes["/x"] = hosts.cut_body
    assert told(http) == ("sick", "the answer was cut short")


def test_what_does_not_speak_http_is_sick(stub: Stub, connect: Connect) -> None:
    stub.routes["/x"] = hosts.babbles
    assert told(connect(stub.url)) == ("sick", "the answer is not HTTP")


@pytest.mark.parametrize("length", [-1, None], ids=["announced", "unannounced"])
def test_a_body_over_the_limit_is_sick(stub: Stub, connect: Connect, length: int | None) -> None:
    stub.routes["/x"] = Reply(b" " * 5000, length=length)
    assert told(connect(stub.url, max_bytes=4096)) == ("sick", "the answer is larger than 4 kB")


def test_a_body_that_is_announced_over_the_limit_is_not_waited_for(
    stub: Stub, connect: Connect
) -> None:
    stub.routes["/x"] = Reply(b" ", length=10**9)
    assert told(connect(stub.url)) == ("sick", "the answer is larger than 512 MB")


def test_a_body_of_the_limit_is_read_and_the_person_told(stub: Stub, connect: Connect) -> None:
    stub.routes["/x"] = Reply(b" " * 4096)
    answer = connect(stub.url, max_bytes=4096).get("/x?secret=1", soon())
    assert answer.notes == ("the answer to /x is 4 kB; at most 4 kB are read (max_bytes)",)


def test_a_body_well_below_the_limit_needs_no_note(stub: Stub, connect: Connect) -> None:
    stub.routes["/x"] = Reply(b" " * 3000)
    assert connect(stub.url, max_bytes=4096).get("/x", soon()).notes == ()


def test_a_gzip_bomb_is_not_unpacked(stub: Stub, connect: Connect) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    stub.routes["/x"] = Reply(bomb, headers={"Content-Encoding": "gzip"})
    why, reason = told(connect(stub.url, max_bytes=10_000_000))
    assert (why, reason) == ("sick", "the answer is compressed, though none such was asked for")


@pytest.mark.parametrize(
    ("to", "shown"),
    [
        ("https://user:secret@other.example/a?token=secret", "https://other.example/a"),
        ("/login?next=x", "{url}/login"),
        ("/x/ghp_0123456789abcdefghij/y", "{url}/x/[redacted]/y"),
        ("http://[::1", "an address that is not valid"),
    ],
)
def test_a_redirect_is_told_and_not_followed(
    stub: Stub, connect: Connect, to: str, shown: str
) -> None:
    stub.routes["/x"] = Reply(status=307, headers={"Location": to})
    stub.routes["/login"] = Reply()
    why, reason = told(connect(stub.url))
    shown = shown.format(url=stub.url)
    assert (why, reason) == (
        "refused",
        f"the address redirects (http 307) to {shown}: put that into url",
    )
    assert stub.asked == ["/x"]


def test_the_body_of_a_redirect_is_not_read(stub: Stub, connect: Connect) -> None:
    stub.routes["/x"] = hosts.endless_redirect
    why, reason = told(connect(stub.url))
    assert (why, reason.split(" (")[0]) == ("refused", "the address redirects")


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (401, b'{"detail":"Not authenticated"}', ("refused", "http 401: Not authenticated")),
        (403, b"", ("refused", "http 403")),
        (404, b'{"detail":[{"msg":"x"}]}', ("refused", "http 404")),
        (429, b"slow down", ("sick", "http 429: slow down")),
        (500, b"Internal Server Error", ("sick", "http 500: Internal Server Error")),
        (502, b"<html>Bad gateway</html>", ("sick", "http 502")),
        (503, b"password=hunter2\nmore", ("sick", "http 503: password=[redacted]")),
        (503, b"\x1b[2J\xff" + b"x" * 500, ("sick", "http 503: \ufffd" + "x" * 118 + "…")),
        (500, b"[" * 3000, ("sick", "http 500: " + "[" * 119 + "…")),
        (500, b'["x"]', ("sick", "http 500")),
        (204, b"", ("sick", "http 204")),
    ],
)
def test_every_other_status_is_a_failure_with_a_short_clean_reason(
    stub: Stub, connect: Connect, status: int, body: bytes, expected: tuple[str, str]
) -> None:
    stub.routes["/x"] = Reply(body, status)
    failed = failure(connect(stub.url))
    assert (failed.why, failed.reason) == expected
    assert failed.status == status


@pytest.mark.parametrize(
    "answer",
    [
        Reply(b"gone", 500, length=3000),
        Reply(b"gone", 500, {"Content-Encoding": "gzip"}),
        Reply(b"gone", 500, {"Transfer-Encoding": "chunked"}, length=None),
    ],
    ids=["cut", "packed", "no chunks"],
)
def test_an_error_with_an_odd_body_is_still_that_error(
    stub: Stub, connect: Connect, answer: Reply
) -> None:
    stub.routes["/x"] = answer
    assert failure(connect(stub.url)).reason.split(":")[0] == "http 500"


def test_a_refused_port_is_unreachable(connect: Connect) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    assert told(connect(f"http://127.0.0.1:{port}")) == ("unreachable", "connection refused")


def test_an_unknown_name_is_unreachable(connect: Connect, monkeypatch: pytest.MonkeyPatch) -> None:
    def unknown(*_: object, **__: object) -> None:
        raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")

    monkeypatch.setattr(socket, "getaddrinfo", unknown)
    assert told(connect("http://user:secret@river.invalid")) == ("unreachable", "name not found")


def test_a_net_without_a_way_there_is_unreachable(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def nowhere(*_: object) -> None:
        raise OSError(errno.EHOSTUNREACH, "No route to host")

    monkeypatch.setattr(socket.socket, "connect", nowhere)
    assert told(connect("http://127.0.0.1:9")) == ("unreachable", "no route to host")


@pytest.mark.parametrize(
    "url", ["", "river", "ftp://river", "http://", "http://[::1", "file:///etc/passwd", "http://:9"]
)
def test_a_url_that_is_none_is_refused(connect: Connect, url: str) -> None:
    assert told(connect(url)) == ("refused", "the url is not a valid http(s) address")


@pytest.mark.parametrize("token", ["a\nb", "ünder", "a\x00"])
def test_a_token_that_no_header_may_hold_is_refused_unseen(
    stub: Stub, connect: Connect, token: str
) -> None:
    why, reason = told(connect(stub.url, token=token))
    assert (why, reason) == ("refused", "the token holds characters that no header may hold")


def test_a_self_signed_certificate_is_a_tls_failure(tls_stub: Stub, connect: Connect) -> None:
    tls_stub.routes["/x"] = Reply()
    why, reason = told(connect(tls_stub.url))
    assert (why, reason.replace("-", " ")) == ("tls", "tls: self signed certificate")
    assert tls_stub.asked == []


def test_a_certificate_of_the_ca_file_is_trusted(
    tls_stub: Stub, connect: Connect, certificate: Path
) -> None:
    tls_stub.routes["/x"] = Reply()
    assert connect(tls_stub.url, ca_file=str(certificate)).get("/x", soon()).body == b"[]"


def test_a_certificate_for_another_name_is_a_tls_failure(
    tls_stub: Stub, connect: Connect, certificate: Path
) -> None:
    url = tls_stub.url.replace("127.0.0.1", "localhost")
    why, reason = told(connect(url, ca_file=str(certificate)))
    assert why == "tls"
    assert reason.startswith("tls: Hostname mismatch")


def test_the_ca_file_counts_more_than_the_environment(
    tls_stub: Stub,
    connect: Connect,
    certificate: Path,
    monkeypatch: pytest.MonkeyPatch,
    tmp_path: Path,
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    tls_stub.routes["/x"] = Reply()
    assert connect(tls_stub.url, ca_file=str(certificate)).get("/x", soon()).body == b"[]"


def test_missing_authorities_of_the_environment_are_a_tls_failure(
    tls_stub: Stub, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(tmp_path / "none.pem"))
    assert told(connect(tls_stub.url)) == (
        "tls",
        "tls: $REQUESTS_CA_BUNDLE or $CURL_CA_BUNDLE names no file",
    )


def test_a_missing_ca_file_is_a_tls_failure(tls_stub: Stub, connect: Connect) -> None:
    assert told(connect(tls_stub.url, ca_file="/nowhere.pem")) == (
        "tls",
        "tls: ca_file does not exist",
    )


def test_https_to_a_port_without_tls_is_a_tls_failure(stub: Stub, connect: Connect) -> None:
    stub.greeting = b"HTTP/1.1 400 Bad Request\r\n\r\n"
    why, reason = told(connect(stub.url.replace("http:", "https:"), timeout=10.0))
    assert why == "tls"
    assert reason.startswith("tls: ")


def test_the_token_goes_out_as_a_bearer_token(stub: Stub, connect: Connect) -> None:
    stub.routes["/x"] = Reply()
    connect(stub.url, token="s3cret").get("/x", soon())
    assert stub.heads[0]["authorization"] == "Bearer s3cret"


def test_user_and_password_of_the_url_go_out_as_basic_authentication(
    stub: Stub, connect: Connect
) -> None:
    stub.routes["/x"] = Reply()
    url = stub.url.replace("http://", "http://anna:p%40%C3%BC@")
    connect(url).get("/x", soon())
    assert stub.heads[0]["authorization"] == "Basic YW5uYTpwQMO8"


def test_a_netrc_is_not_read(
    stub: Stub, connect: Connect, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("machine 127.0.0.1 login anna password hunter2\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(netrc))
    stub.routes["/x"] = Reply()
    connect(stub.url).get("/x", soon())
    assert "authorization" not in stub.heads[0]


def test_a_proxy_of_the_environment_is_used(
    stub: Stub, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", stub.url)
    stub.routes["/x"] = Reply()
    assert connect("http://river.example").get("/x", soon()).body == b"[]"
    assert stub.asked == ["http://river.example/x"]


def test_a_dead_proxy_is_told_as_the_proxy(
    connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    monkeypatch.setenv("http_proxy", f"http://anna:hunter2@127.0.0.1:{port}")
    assert told(connect("http://river.example")) == (
        "unreachable",
        "the proxy gives no connection",
    )


def test_a_bug_of_ours_is_not_taken_for_a_failure_of_the_server(
    stub: Stub, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object) -> Answer:
        raise KeyError("bug")

    http = connect(stub.url)
    monkeypatch.setattr(http, "_fetch", broken)
    with pytest.raises(KeyError):
        http.get("/x", soon())


def test_headers_go_out_with_every_request_and_ours_stay_ours(stub: Stub, connect: Connect) -> None:
    stub.routes["/x"] = Reply()
    more = {"X-Proxy": "s3cret", "accept": "text/html", "User-Agent": "me"}
    http = connect(stub.url, headers=more)
    for _ in range(2):
        http.get("/x", soon())
    for head in stub.heads:
        assert (head["x-proxy"], head["accept"]) == ("s3cret", "application/json")


@pytest.mark.parametrize("value", ["a\r\nEvil: 1", "ünder", "a\x00", " padded"])
def test_a_header_that_cannot_be_sent_is_refused_unseen(
    stub: Stub, connect: Connect, value: str
) -> None:
    why, reason = told(connect(stub.url, headers={"X-Proxy": value}))
    assert (why, reason) == ("refused", "the X-Proxy holds characters that no header may hold")
    assert stub.asked == []


JAR = """# Netscape HTTP Cookie File

#HttpOnly_127.0.0.1\tFALSE\t/\tFALSE\t{}\thydra_session\tabc123
elsewhere.example\tFALSE\t/\tFALSE\t0\tother\tsecret
"""


@pytest.mark.parametrize("expires", ["0", "1", "4102444800"])
def test_the_cookies_of_a_file_go_to_their_host_alone_whatever_their_date(
    stub: Stub, connect: Connect, tmp_path: Path, expires: str
) -> None:
    stub.routes["/x"] = Reply(headers={"Set-Cookie": "more=1; path=/"})
    jar = tmp_path / "jar"
    jar.write_text(JAR.format(expires))
    before = jar.read_bytes()
    http = connect(stub.url, cookie_jar=str(jar))
    for _ in range(2):
        http.get("/x", soon())
    assert stub.heads[0]["cookie"] == "hydra_session=abc123"
    # what the server sets is sent back while the session lives, and never written
    assert sorted(stub.heads[1]["cookie"].split("; ")) == ["hydra_session=abc123", "more=1"]
    assert jar.read_bytes() == before


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (None, "cookie_jar: no such file or directory"),
        (b"{}", "cookie_jar: not a cookie file (as curl -c writes it)"),
        (b"# Netscape HTTP Cookie File\nnonsense", "cookie_jar: not a cookie file"),
        (b"# Netscape HTTP Cookie File\n\xff\xfe", "cookie_jar: not text"),
    ],
)
def test_a_file_of_cookies_that_is_none_is_refused_each_time(
    stub: Stub, connect: Connect, tmp_path: Path, content: bytes | None, reason: str
) -> None:
    jar = tmp_path / "jar"
    if content is not None:
        jar.write_bytes(content)
    http = connect(stub.url, cookie_jar=str(jar))
    for _ in range(2):
        why, said = told(http)
        assert (why, said.startswith(reason)) == ("refused", True)
    assert stub.asked == []
