"""The mail server and the webhook receiver that other tests rely on."""

import smtplib
import threading
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
import requests
from peers import Answer, Mailbox, Sink

from notifier.config import load
from notifier.settings import SourceSettings


def send(mailbox: Mailbox, *to: str) -> dict[str, tuple[int, bytes]]:
    message = EmailMessage()
    message["Subject"] = "37 tasks lost – gpu-07"
    message["To"] = ", ".join(to)
    message.set_content("since 12:00\n")
    with smtplib.SMTP("127.0.0.1", mailbox.port, timeout=10) as smtp:
        return smtp.send_message(message, "notifier@example.org", to)


def test_the_mailbox_keeps_envelope_subject_and_text(mailbox: Mailbox) -> None:
    send(mailbox, "ops@example.org", "anna@example.org")
    (mail,) = mailbox.mails
    assert mail.sender == "notifier@example.org"
    assert mail.recipients == ("ops@example.org", "anna@example.org")
    assert mail.subject == "37 tasks lost – gpu-07"
    assert mail.text == "since 12:00\n"


def test_the_mailbox_refuses_one_address_and_takes_the_other(mailbox: Mailbox) -> None:
    mailbox.refuse("550 5.1.1 no such user", at="anna@example.org")
    refused = send(mailbox, "ops@example.org", "anna@example.org")
    assert refused == {"anna@example.org": (550, b"5.1.1 no such user")}
    assert mailbox.mails[0].recipients == ("ops@example.org",)


def test_the_mailbox_refuses_the_content_until_it_accepts_again(mailbox: Mailbox) -> None:
    mailbox.refuse("452 4.3.1 disk full", at="DATA")
    with pytest.raises(smtplib.SMTPDataError, match="disk full"):
        send(mailbox, "ops@example.org")
    assert mailbox.mails == []
    mailbox.accept()
    send(mailbox, "ops@example.org")
    assert len(mailbox.mails) == 1


def test_a_stopped_mailbox_comes_back_on_its_port_with_its_mails(mailbox: Mailbox) -> None:
    send(mailbox, "ops@example.org")
    mailbox.stop()
    with pytest.raises(ConnectionRefusedError):
        send(mailbox, "ops@example.org")
    mailbox.start()
    send(mailbox, "ops@example.org")
    assert len(mailbox.mails) == 2


def test_the_sink_keeps_requests_and_gives_its_answers_in_order(sink: Sink) -> None:
    sink.answers += [Answer(503, {"Retry-After": "7"}, b"later"), Answer(hang_up=True)]
    first = requests.post(sink.url + "n?x=1", json={"a": 1}, headers={"X-Key": "k"}, timeout=10)
    assert (first.status_code, first.headers["retry-after"], first.text) == (503, "7", "later")
    with pytest.raises(requests.ConnectionError):
        requests.post(sink.url, json={}, timeout=10)
    assert requests.post(sink.url, json={}, timeout=10).status_code == 204
    assert [request.path for request in sink.requests] == ["/n?x=1", "/", "/"]
    assert (sink.requests[0].headers["x-key"], sink.requests[0].json()) == ("k", {"a": 1})


def test_a_stopped_sink_comes_back_on_its_port(sink: Sink) -> None:
    sink.stop()
    with pytest.raises(requests.ConnectionError):
        requests.get(sink.url, timeout=10)
    sink.start()
    assert requests.get(sink.url, timeout=10).status_code == 204


def test_peers_that_are_gone_leave_no_thread_behind() -> None:
    before = threading.active_count()
    mailbox, sink = Mailbox(), Sink()
    for peer in (mailbox, sink):
        peer.start()
        peer.stop()
    assert threading.active_count() == before


def test_the_workplace_is_a_configuration_without_fault_or_warning(
    workplace: Callable[..., Path], mailbox: Mailbox, sink: Sink
) -> None:
    class Settings(SourceSettings, frozen=True, kw_only=True):
        url: str

    top = 'default_channels = ["ops", "hook"]'
    path = workplace("http://127.0.0.1:1", mail=mailbox, sink=sink, top=top)
    config = load(path, lambda kind: Settings, {})
    assert list(config.channels) == ["ops", "hook"]
    assert config.warnings == ()
    assert config.state_path.parent == path.parent
