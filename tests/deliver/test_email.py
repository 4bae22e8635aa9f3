"""What an email looks like: one message, one Message-ID, headers that nothing can forge."""

import email
import re
from datetime import timedelta
from email.message import EmailMessage
from email.policy import default
from typing import Any

import pytest
from deliver.ends import NOON, PLENTY, MailEnd, letter, settings

from notifier.deliver import DeliverError, check, flavour, send

HOSTILE = "x\r\nBcc: evil@example.org\r\n\r\n<script>\u2028Subject: no\x00\x85"


def mailed(**changes: Any) -> tuple[EmailMessage, bytes, MailEnd]:
    """What a server gets for a letter with `changes`; keys of settings go by `channel`."""
    channel = {"email": "ops@example.org", "sender": "n@example.org"} | changes.pop("channel", {})
    with MailEnd() as end:
        sent = letter(settings(smtp=end.address, **channel), **changes)
        receipt = send(sent, PLENTY)
    assert (receipt.outcome, receipt.reason) == ("delivered", "")
    raw = next(line for line in end.seen if b"Subject" in line).removesuffix(b".\r\n")
    message = email.message_from_bytes(raw.replace(b"\r\n", b"\n"), policy=default)
    assert isinstance(message, EmailMessage)
    return message, raw, end


def test_a_message_carries_what_people_and_machines_need() -> None:
    message, _, end = mailed(
        html="<p>gpu-07 is offline</p>", thread="s1-3", severity="warning", at=NOON
    )
    assert str(message["From"]) == "Notifier <n@example.org>"
    assert str(message["To"]) == "ops@example.org"
    assert message["Subject"] == "river: gpu-07 is offline"
    assert message["Date"].datetime == NOON
    assert message["Message-ID"] == "<s1-7@notifier.s1>"
    assert message["In-Reply-To"] == message["References"] == "<s1-3@notifier.s1>"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Notifier-Key"] == "s1-7"
    assert message["X-Notifier-Events"] == "e1 e2"
    assert message["X-Notifier-Severity"] == "warning"
    assert message.get_content_type() == "multipart/alternative"
    plain, html = message.iter_parts()
    assert plain.get_content() == "gpu-07 is offline since 12:00 UTC\n"
    assert html.get_content() == "<p>gpu-07 is offline</p>\n"
    assert b"mail FROM:<n@example.org>\r\n" in end.seen


def test_a_message_without_html_is_plain_text() -> None:
    message, _, _ = mailed()
    assert message.get_content_type() == "text/plain"


def test_a_repeat_is_the_same_to_the_byte() -> None:
    first, second = (mailed(html="<p>x</p>", repeat=True)[1] for _ in range(2))
    assert first == second


def test_without_a_state_the_message_id_is_of_the_senders_domain() -> None:
    message, _, _ = mailed(state_id="", key="a b>c")
    assert message["Message-ID"] == "<a_b_c@example.org>"


@pytest.mark.parametrize(
    "title",
    [
        HOSTILE,
        "é" * 300,
        "x" * 1000,
        "\N{FIRE}" * 120,
        "a " * 500,
        '"quoted" <a@b>',
        "=?utf-8?q?x?=",
    ],
)
def test_no_title_forges_a_header_or_breaks_a_line(title: str) -> None:
    message, raw, _ = mailed(title=title, html="<p>x</p>")
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert message["Bcc"] is None and len(message.get_all("Subject", [])) == 1
    assert not message.defects and "\n" not in message["Subject"]


@pytest.mark.parametrize("title", ["[river] " + "a title " * 8 + "x" * n for n in (1, 2, 9, 40)])
def test_a_subject_begins_on_the_line_of_its_name_and_stays_there(title: str) -> None:
    _, raw, _ = mailed(title=title)
    assert f"\r\nSubject: {title}\r\n".encode() in raw


def test_encoded_words_are_as_short_as_they_have_to_be() -> None:
    _, raw, _ = mailed(title="größer als 日本語 " * 8)
    words = re.findall(rb"=\?utf-8\?[^ \r\n]*\?=", raw)
    assert len(words) > 1
    assert all(len(word) <= 75 for word in words)


def test_a_short_title_in_any_script_comes_through_whole() -> None:
    title = "größer \N{FIRE} 日本語 " * 6
    message, _, _ = mailed(title=title.strip())
    assert message["Subject"] == title.strip()


def test_text_is_sent_as_it_stands() -> None:
    text = "a <b> & c\n\n  two  spaces \N{FIRE}\n"
    message, _, _ = mailed(text=text, html="<p>&lt;b&gt;</p>")
    plain, html = message.iter_parts()
    assert plain.get_content() == text
    assert html.get_content() == "<p>&lt;b&gt;</p>\n"


def test_a_lone_surrogate_does_not_keep_a_message_back() -> None:
    message, _, _ = mailed(text="a \ud800 b", title="t \ud800")
    assert message.get_content() == "a ? b\n"
    assert message["Subject"] == "t ?"


def test_the_sender_can_have_a_name_and_defaults_to_this_host(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    named, _, _ = mailed(channel={"sender": "River Watch <w@example.org>"})
    assert str(named["From"]) == "River Watch <w@example.org>"
    monkeypatch.setattr("socket.gethostname", lambda: "monitor1")
    unnamed, _, _ = mailed(channel={"sender": ""})
    assert str(unnamed["From"]) == "Notifier <notifier@monitor1>"


def test_ten_thousand_events_are_named_in_one_short_header() -> None:
    message, raw, _ = mailed(events=tuple(f"s1-{n}" for n in range(10_000)))
    assert message["X-Notifier-Events"].endswith("s1-49 and 9950 more")
    assert len(raw) < 4000


def test_a_mailto_url_of_apprise_goes_the_same_way() -> None:
    with MailEnd() as end:
        url = f"mailto://127.0.0.1:{end.port}/?from=w@example.org&to=ops@example.org&+X-Team=hpc"
        channel = settings(url=url)
        receipt = send(letter(channel, html="<p>x</p>"), PLENTY)
    assert flavour(channel) == "email"
    assert receipt.outcome == "delivered"
    raw = next(line for line in end.seen if b"Subject" in line)
    message = email.message_from_bytes(raw, policy=default)
    assert message["X-Team"] == "hpc"
    assert message.get_all("Message-ID") == ["<s1-7@notifier.s1>"]
    assert message.get_content_type() == "multipart/alternative"


@pytest.mark.parametrize(
    ("url", "sentence"),
    [
        ("mailto://mail.example.org/?from=a@x.org&to=b@x.org,c@x.org", "2 targets"),
        ("mailto://mail.example.org/?from=a@x.org&to=b@x.org&cc=c@x.org", "exactly one recipient"),
        ("mailto://mail.example.org/?from=a@x.org&to=b@x.org&bcc=c@x.org", "exactly one recipient"),
        ("mailto://mail.example.org/?from=a@x.org&to=bad", "names no target"),
        ("mailto://mail.example.org/?from=a@x.org&to=b@x.org&pgp=sign", "pgp"),
    ],
)
def test_a_mailto_url_names_one_mailbox(url: str, sentence: str) -> None:
    with pytest.raises(DeliverError, match=sentence):
        check(settings(url=url))


def test_a_mailto_url_cannot_set_headers_that_are_ours() -> None:
    with MailEnd() as end:
        url = (
            f"mailto://127.0.0.1:{end.port}/?from=w@example.org&to=ops@example.org"
            "&+Message-ID=<forged@x>&+Subject=forged"
        )
        send(letter(settings(url=url)), PLENTY)
    raw = next(line for line in end.seen if b"Subject" in line)
    assert b"forged" not in raw


def test_a_late_message_keeps_the_time_at_which_it_was_written() -> None:
    message, _, _ = mailed(at=NOON - timedelta(days=3))
    assert message["Date"].datetime == NOON - timedelta(days=3)
