"""What answers over HTTP mean: real servers that answer well, badly, or not at all."""

import json
import socket

import pytest
from deliver.ends import PLENTY, STEP, End, HttpEnd, letter, patience, settings
from deliver.outcomes import CLOSE, HANG, HTTP, SLACK, Case

from notifier.deliver import send
from notifier.model import Receipt
from notifier.tables import Duration


def expected(case: Case) -> Receipt:
    return Receipt(
        key="s1-7",
        outcome=case.outcome,  # type: ignore[arg-type]
        reason=case.reason,
        blame=case.blame,  # type: ignore[arg-type]
        retry_after=case.retry_after,
    )


@pytest.mark.parametrize("case", HTTP, ids=lambda case: case.situation)
def test_a_webhook_earns_the_receipt_that_its_answer_means(case: Case) -> None:
    with HttpEnd(case.answer) as end:
        hook = settings(webhook=end.url, timeout=Duration(patience(case.answer)))
        assert send(letter(hook), 2 * patience(case.answer)) == expected(case)


@pytest.mark.parametrize("case", HTTP, ids=lambda case: case.situation)
def test_a_service_of_apprise_earns_the_same_receipts(case: Case) -> None:
    with HttpEnd(case.answer) as end:
        url = end.url.replace("http", "json")
        service = settings(url=url, timeout=Duration(patience(case.answer)))
        assert send(letter(service), 2 * patience(case.answer)) == expected(case)


@pytest.mark.parametrize("case", SLACK, ids=lambda case: case.situation)
def test_slack_earns_the_receipt_that_its_word_means(case: Case) -> None:
    with HttpEnd(case.answer) as end:
        hook = settings(slack=f"{end.url}/services/T0/B0/xyz")
        assert send(letter(hook), PLENTY) == expected(case)


@pytest.mark.parametrize("kind", ["webhook", "url", "slack"])
@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed_anywhere(kind: str, status: int) -> None:
    with HttpEnd("HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok") as away:
        moved = f"HTTP/1.1 {status} X\r\nLocation: {away.url}/\r\nContent-Length: 0\r\n\r\n"
        with HttpEnd(moved) as end:
            address = {
                "webhook": end.url,
                "slack": f"{end.url}/services/T0/B0/xyz",
                "url": end.url.replace("http", "json") + "/?redirect=yes",
            }
            receipt = send(letter(settings(**{kind: address[kind]})), PLENTY)
    assert receipt.reason == f"redirect {status} not followed"
    assert away.connections == 0 and end.connections == 1


def test_a_refused_connection_is_certain() -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    receipt = send(letter(settings(webhook=f"http://127.0.0.1:{port}/")), STEP)
    assert receipt == Receipt(key="s1-7", outcome="retry", reason="connection refused")


def test_a_name_that_nobody_has_is_certain() -> None:
    receipt = send(letter(settings(webhook="http://hook.invalid/")), PLENTY)
    assert receipt == Receipt(key="s1-7", outcome="retry", reason="name not found")


def test_a_connection_that_nobody_takes_is_certain() -> None:
    # a full backlog: the kernel drops what would come next
    with socket.create_server(("127.0.0.1", 0), backlog=0) as full:
        address = full.getsockname()
        waiting = [socket.socket() for _ in range(3)]
        for one in waiting:
            one.setblocking(False)
            one.connect_ex(address)
        receipt = send(letter(settings(webhook=f"http://127.0.0.1:{address[1]}/")), STEP)
        for one in waiting:
            one.close()
    assert receipt == Receipt(key="s1-7", outcome="retry", reason="no answer (connect)")


def test_a_server_that_drips_its_body_ends_with_the_attempt() -> None:
    class Drip(HttpEnd):
        def serve(self, connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            while not self.over.wait(STEP / 10):
                connection.sendall(b"x")

    with Drip("") as end:
        slack = letter(settings(slack=f"{end.url}/services/T0/B0/xyz"))
        assert send(slack, STEP).reason == "http 200 without acceptance"


@pytest.mark.parametrize(
    ("shown", "reason"),
    [
        ("good", ""),
        ("expired", "tls: certificate has expired"),
        ("elsewhere", "tls: hostname mismatch"),
        ("stranger", "tls: certificate is not trusted"),
    ],
)
@pytest.mark.parametrize("kind", ["webhook", "url"])
def test_certificates_are_verified_against_the_authority(
    authority: object, shown: str, reason: str, kind: str
) -> None:
    ca_file, contexts = authority  # type: ignore[misc]
    answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with HttpEnd(answer, tls=contexts[shown]) as end:
        address = end.url if kind == "webhook" else end.url.replace("https", "jsons")
        receipt = send(letter(settings(ca_file=ca_file, **{kind: address})), PLENTY)
        assert receipt.reason == reason
        assert (receipt.outcome, receipt.blame) == (
            ("parked", "channel") if reason else ("delivered", "")
        )
        assert len(end.seen) == (0 if reason else 1)


def test_without_a_ca_file_a_private_authority_is_not_trusted(authority: object) -> None:
    with HttpEnd("", tls=authority.contexts["good"]) as end:  # type: ignore[attr-defined]
        receipt = send(letter(settings(webhook=end.url)), PLENTY)
    assert receipt.reason == "tls: certificate is not trusted"


class Greeter(End):
    """Answers whatever begins with the same words."""

    def __init__(self, words: str) -> None:
        super().__init__()
        self.words = words

    def serve(self, connection: socket.socket) -> None:
        connection.recv(65536)
        self.answer(connection, self.words)


@pytest.mark.parametrize(
    ("words", "outcome", "blame", "reason"),
    [
        ("HTTP/1.1 400 Bad\r\n\r\n", "parked", "channel", "tls: the server does not speak it"),
        (HANG, "retry", "", "no answer (connect)"),
        (CLOSE, "retry", "", "disconnected before data"),
    ],
)
def test_a_handshake_that_fails_is_certain(
    words: str, outcome: str, blame: str, reason: str
) -> None:
    with Greeter(words) as end:
        hook = settings(webhook=f"https://127.0.0.1:{end.port}/")
        receipt = send(letter(hook), patience(words))
    assert (receipt.outcome, receipt.blame, receipt.reason) == (outcome, blame, reason)


def test_a_refused_content_is_sent_once_more_in_plainest_form() -> None:
    bad = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"
    good = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
    with HttpEnd(bad, good) as end:
        hook = settings(slack=f"{end.url}/services/T0/B0/xyz")
        many = "größer &lt;b&gt; " + "\N{FIRE}" * 5000
        receipt = send(letter(hook, title="Zürich", text=many), PLENTY)
    assert receipt == Receipt(key="s1-7", outcome="delivered", reason="sent in plainest form")
    first, second = (
        json.loads(one.partition(b"\r\n\r\n")[2])["attachments"][0] for one in end.seen
    )
    assert first["text"] == many.rstrip()
    assert second["title"] == "Zurich"
    assert second["text"].startswith("gro?er &lt;b&gt; ???") and second["text"].endswith(" [cut]")
    assert len(second["text"]) <= 500


def test_when_the_plainest_form_finds_a_busy_server_the_whole_is_sent_again_later() -> None:
    bad = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"
    busy = "HTTP/1.1 503 Busy\r\nRetry-After: 5\r\nContent-Length: 0\r\n\r\n"
    with HttpEnd(bad, busy) as end:
        receipt = send(letter(settings(webhook=end.url)), PLENTY)
    assert receipt == Receipt(key="s1-7", outcome="retry", reason="http 503", retry_after=5.0)


def test_a_pause_that_is_asked_for_ends_the_attempt() -> None:
    slow = "HTTP/1.1 429 Slow\r\nRetry-After: 3\r\nContent-Length: 0\r\n\r\n"
    with HttpEnd(slow) as end:
        send(letter(settings(webhook=end.url)), PLENTY)
    assert len(end.seen) == 1
