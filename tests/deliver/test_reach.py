"""Whether a channel's server answers, and that nothing is ever sent to find that out."""

import socket
import time

import pytest
from deliver.conftest import Authority
from deliver.ends import HttpEnd, MailEnd, settings
from peers import Mailbox, Sink

from notifier import deliver
from notifier.deliver.reachable import Reached
from notifier.settings import ChannelSettings, Destination


def reach(
    chosen: ChannelSettings, address: str = "ops@example.org", within: float = 5.0
) -> Reached:
    return deliver.reach(Destination("ops", "ops", chosen, address), within)


def test_a_mail_server_is_greeted_and_no_mail_begun(mailbox: Mailbox) -> None:
    found = reach(settings(email="ops@example.org", smtp=mailbox.address))
    assert found == Reached(True, f"{mailbox.address}: answers, without TLS")
    assert mailbox.mails == []


def test_what_a_mail_server_hears_ends_before_a_sender() -> None:
    with MailEnd() as end:
        assert reach(settings(email="ops@example.org", smtp=end.address)).well
        heard = [line.split()[0].decode().upper() for line in end.seen]
    assert "MAIL" not in heard
    assert heard[0] == "EHLO"


def test_a_mail_server_that_is_gone_or_says_no_is_said(mailbox: Mailbox) -> None:
    mailbox.stop()
    gone = reach(settings(email="ops@example.org", smtp=mailbox.address))
    assert gone == Reached(False, f"{mailbox.address}: connection refused")
    with MailEnd("connect=554 no") as end:
        assert reach(settings(email="a@b.c", smtp=end.address)).said.endswith(": smtp 554")


def test_a_login_is_tried_and_a_wrong_one_is_said() -> None:
    chosen = {"email": "a@b.c", "smtp_user": "u", "smtp_password": "hunter2"}
    with MailEnd("auth=535 no", offers="AUTH PLAIN LOGIN") as end:
        found = reach(settings(smtp=end.address, **chosen))
    assert not found.well
    assert "auth" in found.said
    assert "hunter2" not in found.said


def test_a_webhook_is_connected_to_and_hears_no_request(sink: Sink) -> None:
    found = reach(settings(webhook=f"{sink.url}hook/hunter2"), "")
    assert found == Reached(True, f"127.0.0.1:{sink.port} answers")
    assert sink.requests == []
    sink.stop()
    assert reach(settings(webhook=sink.url), "").said.endswith(": connection refused")


@pytest.mark.parametrize("url", ["json://127.0.0.1:{}/x", "mmost://127.0.0.1:{}/abcdefghijklmnop"])
def test_a_service_of_apprise_is_found_without_a_request(url: str, sink: Sink) -> None:
    found = reach(settings(url=url.format(sink.port)), "")
    assert found == Reached(True, f"127.0.0.1:{sink.port} answers")
    assert sink.requests == []


def test_a_service_that_speaks_past_requests_is_left_alone() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as ear:
        ear.bind(("127.0.0.1", 0))
        ear.setblocking(False)
        found = reach(settings(url=f"rsyslog://127.0.0.1:{ear.getsockname()[1]}/"), "")
        with pytest.raises(BlockingIOError):
            ear.recv(1)
    assert found == Reached(None, "only a message can tell: notifier channel test")


def test_a_certificate_is_looked_at(authority: Authority) -> None:
    with HttpEnd("HTTP/1.1 204 X", tls=authority.contexts["good"]) as end:
        bad = reach(settings(webhook=end.url), "")
        good = reach(settings(webhook=end.url, ca_file=authority.ca_file), "")
    assert (bad.well, bad.said.partition(": ")[2]) == (False, "tls: certificate is not trusted")
    assert good.said.endswith("answers, and its certificate is good")


def test_a_proxy_is_what_is_looked_at(sink: Sink, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", sink.url)
    found = reach(settings(webhook="https://hooks.example.org/hunter2"), "")
    assert found.well
    assert "(the proxy 127.0.0.1; hooks.example.org lies behind it)" in found.said
    assert sink.requests == []


def test_settings_that_cannot_work_are_said_without_a_secret() -> None:
    found = reach(settings(url="nosuch://hunter2"), "")
    assert (found.well, "hunter2" in found.said) == (False, False)


def test_a_server_that_says_nothing_costs_the_time_it_is_given() -> None:
    with MailEnd("connect=<silence>") as end:
        began = time.monotonic()
        found = reach(settings(email="a@b.c", smtp=end.address), within=0.3)
        assert time.monotonic() - began < 3
    assert found.said.endswith("no answer (connect)")
