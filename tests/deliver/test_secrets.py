"""No secret of ours comes out anywhere: not in a log at DEBUG, a receipt, an error or a repr."""

import logging
import ssl
from typing import Any

import pytest
import requests
from deliver.conftest import Ear
from deliver.ends import PLENTY, HttpEnd, MailEnd, letter, patience, settings
from deliver.outcomes import CLOSE, HANG, RESET

from notifier.deliver import DeliverError, check, send
from notifier.settings import ChannelSettings

CANARY = "CANARY7f3a"
ANSWERS = [
    "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok",
    "HTTP/1.1 400 Bad\r\nContent-Length: 10\r\n\r\nCANARY7f3a",
    "HTTP/1.1 404 No\r\nContent-Length: 10\r\n\r\nCANARY7f3a",
    "HTTP/1.1 302 X\r\nLocation: http://127.0.0.1:1/CANARY7f3a\r\nContent-Length: 0\r\n\r\n",
    "HTTP/1.1 503 X\r\nRetry-After: CANARY7f3a\r\nContent-Length: 0\r\n\r\n",
    # urllib3 warns of such headers, with the whole URL
    "HTTP/1.1 500 X\r\nno header at all CANARY7f3a\r\n\r\n",
    HANG,
    CLOSE,
    RESET,
]


def everywhere(port: int) -> list[ChannelSettings]:
    """Every kind of channel, with a canary in each setting that can be secret."""
    host = f"127.0.0.1:{port}"
    return [
        settings(webhook=f"http://ann:{CANARY}@{host}/{CANARY}?k={CANARY}", secret=CANARY),
        settings(slack=f"http://{host}/services/{CANARY}/{CANARY}/{CANARY}"),
        settings(url=f"json://ann:{CANARY}@{host}/{CANARY}?+Authorization={CANARY}&-k={CANARY}"),
        settings(url=f"mmost://{host}/{CANARY}"),
        settings(url=f"gotify://{host}/{CANARY}"),
        settings(url=f"ntfy://tk_{CANARY}@{host}/{CANARY}"),
        settings(url=f"rocket://{CANARY}/{CANARY}@{host}/#c"),
        settings(email=f"{CANARY}@example.org", smtp=host, smtp_user=CANARY, smtp_password=CANARY),
        settings(url=f"mailto://{CANARY}:{CANARY}@{host}/?from=a@example.org&to=b@example.org"),
    ]


def is_mail(channel: ChannelSettings) -> bool:
    return bool(channel.email) or "mailto" in channel.url


def heard(ear: Ear, capfd: pytest.CaptureFixture[str]) -> str:
    out, err = capfd.readouterr()
    return "\n".join(ear.lines) + out + err


@pytest.mark.parametrize("answer", ANSWERS)
def test_no_answer_makes_us_tell_a_secret(
    answer: str, ear: Ear, capfd: pytest.CaptureFixture[str]
) -> None:
    receipts = []
    with HttpEnd(answer) as end:
        speaking = [one for one in everywhere(end.port) if not is_mail(one)]
        receipts += [send(letter(one), patience(answer)) for one in speaking]
    assert CANARY not in repr(receipts)
    assert CANARY not in heard(ear, capfd)


@pytest.mark.parametrize(
    "script", ["", "auth=535 CANARY7f3a", "rcpt=550 CANARY7f3a", f"end={HANG}"]
)
def test_no_mail_server_makes_us_tell_a_secret(
    script: str, ear: Ear, capfd: pytest.CaptureFixture[str]
) -> None:
    with MailEnd(script, offers="AUTH PLAIN LOGIN") as end:
        mails = [one for one in everywhere(end.port) if is_mail(one)]
        receipts = [send(letter(one), 3 * patience(script)) for one in mails]
    assert len(receipts) == 2 and CANARY not in repr(receipts)
    assert CANARY not in heard(ear, capfd)


def test_a_host_that_is_not_there_and_a_tls_error_tell_no_secret(
    authority: Any, ear: Ear, capfd: pytest.CaptureFixture[str]
) -> None:
    context: ssl.SSLContext = authority.contexts["stranger"]
    with HttpEnd("", tls=context) as end:
        gone = [f"https://{CANARY}.invalid/{CANARY}", f"https://127.0.0.1:{end.port}/{CANARY}"]
        receipts = [send(letter(settings(webhook=url)), PLENTY) for url in gone]
    assert [receipt.reason for receipt in receipts] == [
        "name not found",
        "tls: certificate is not trusted",
    ]
    assert CANARY not in heard(ear, capfd)


def test_checking_settings_tells_no_secret(ear: Ear, capfd: pytest.CaptureFixture[str]) -> None:
    wrong = [
        settings(url=f"slack://{CANARY}/{CANARY}%21/x"),
        settings(url=f"nosuch://{CANARY}:{CANARY}@host/{CANARY}"),
        settings(url=f"pagerduty://{CANARY}"),
        settings(slack=f"https://{CANARY}/{CANARY}"),
        settings(webhook=f"{CANARY}"),
        settings(webhook="https://example.org", secret=f"whsec_{CANARY}"),
        settings(email=CANARY, smtp=f"{CANARY}:x"),
    ]
    for one in [*wrong, *everywhere(9)]:
        try:
            check(one)
        except DeliverError as error:
            assert CANARY not in repr(error) + repr(error.__cause__)
    assert CANARY not in heard(ear, capfd)


def test_a_letter_shows_no_settings() -> None:
    for one in everywhere(9):
        assert CANARY not in repr(letter(one)) + str(letter(one))


def test_a_log_that_is_opened_wide_tells_no_secret(
    ear: Ear, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """`-v` may set every logger to DEBUG, after we shut them."""
    names = ["apprise", *(one for one in logging.Logger.manager.loggerDict if "urllib3" in one)]
    levels = {name: logging.getLogger(name).level for name in names}
    monkeypatch.setattr(logging.getLogger("apprise"), "propagate", True)
    for name in names:
        logging.getLogger(name).setLevel(logging.DEBUG)
    try:
        with HttpEnd(ANSWERS[5]) as end:
            for one in everywhere(end.port):
                if not is_mail(one):
                    send(letter(one), PLENTY)
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert CANARY not in heard(ear, capfd)


def test_other_uses_of_http_keep_their_log(ear: Ear) -> None:
    check(settings(webhook="https://example.org"))
    pool = logging.getLogger("urllib3.connectionpool")
    before = pool.level
    pool.setLevel(logging.DEBUG)
    with HttpEnd(ANSWERS[0]) as end:
        requests.get(end.url, timeout=PLENTY)
    pool.setLevel(before)
    assert any("GET /" in line for line in ear.lines)
