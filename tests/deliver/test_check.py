"""Settings that can never work are said in a sentence, and the sentence holds no secret."""

from typing import Any

import pytest
from deliver.ends import PLENTY, letter, settings

from notifier.deliver import DeliverError, check, send
from notifier.errors import Exit

GOOD = [
    {"email": "ops@example.org"},
    {"email": ["ops@example.org", "root@localhost"], "smtp": "mail:587"},
    {"slack": "https://hooks.slack.com/services/T0/B0/xyz"},
    {"slack": "http://127.0.0.1:9/services/T0/B0/xyz/"},
    {"webhook": "https://hooks.example.org/n", "secret": ["one", "whsec_AAAA"]},
    {"webhook": "http://ann:pw@localhost/n"},
    {"url": "json://ann:pw@127.0.0.1/n"},
    {"url": "jsons://ann:pw@example.org/n?+X-Team=hpc&-k=v&method=put"},
    {"url": "tgram://123456789:abcdefghijklmnopqrstuvwxyz012345678/-100"},
    {"url": "slack://T12345678/B12345678/abcdefghijklmnopqrstuvwx"},
    {"url": "slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#ops"},
    {"url": "https://discord.com/api/webhooks/123/abc?footer=no"},
    {"url": "pagerduty://intkey0123456789@apikey0123456789?region=eu&severity=warning"},
    {"url": "opsgenie://8b799edf-6f98-4d3a-9be7-2862fb4e5752/#a/#b?batch=yes&priority=p1"},
    {"url": "ntfys://tok@ntfy.sh/topic?tags=x&priority=high"},
    {"url": "json://example.org/?rto=5&cto=x&retry=3&optional=yes&format=html&overflow=split"},
    {"url": "env:PAGER_URL"},
    {"slack": "credential:slack"},
    {"webhook": "file:/etc/hook"},
]

BAD = [
    ({"url": "nosuch://S3CRET@S3CRET"}, "unknown service 'nosuch'"),
    ({"url": "discrod://123/S3CRET"}, "did you mean 'discord'"),
    ({"url": "S3CRET"}, "not an Apprise URL"),
    ({"url": "syslog://S3CRET"}, "this machine"),
    ({"url": "dbus://"}, "this machine"),
    ({"url": "json://a.example/S3CRET,json://b.example/"}, "more than one URL"),
    ({"url": "json://a.example/S3CRET json://b.example/"}, "more than one URL"),
    ({"url": "tgram://123456789:abcdefghijklmnopqrstuvwxyzS3CRET/"}, "no target"),
    ({"url": "tgram://123456789:abcdefghijklmnopqrstuvwxyzS3CRET/1/2"}, "2 targets"),
    ({"url": "tgram://S3CRET/1"}, "missing or not valid"),
    ({"url": "slack://T1/B1/S3CRET%21"}, "missing or not valid"),
    ({"url": "slack://xoxb-1-1-S3CRET/#a/#b"}, "2 targets"),
    ({"url": "json://example.org/S3CRET?rtoo=3"}, "unknown parameter 'rtoo'"),
    ({"url": "discord://123/S3CRET?fotter=no"}, "did you mean 'footer'"),
    ({"url": "json://ann:S3CRET@example.org/"}, "clear text"),
    ({"url": "https://example.org/S3CRET"}, "a `webhook`"),
    ({"url": "opsgenie://S3CRET/#a/#b"}, "2 targets"),
    ({"slack": "https://hooks.slack.com/workflows/T/S3CRET"}, "expected https://hooks.slack.com"),
    ({"slack": "S3CRET"}, "expected https://hooks.slack.com"),
    ({"webhook": "ftp://S3CRET"}, "expected an http"),
    ({"webhook": "http://ann:S3CRET@example.org/"}, "clear text"),
    ({"webhook": "https://example.org/", "secret": "whsec_S3CRET!"}, "base64"),
    ({"webhook": "https://example.org/", "ca_file": "/nowhere/S3CRET.pem"}, "ca_file"),
    ({"email": "a@x.org", "ca_file": __file__}, "ca_file"),
    ({"email": "no address"}, "email: not an address"),
    ({"email": "a@x.org", "sender": "S3CRET"}, "from: not an address"),
    ({"url": "json://example.org/?+X=abc&S3CRET"}, "unknown parameter$"),
    ({}, "exactly one of"),
]


@pytest.mark.parametrize("keys", GOOD, ids=str)
def test_settings_that_can_work_are_let_be(keys: Any) -> None:
    check(settings(**keys))


@pytest.mark.parametrize(("keys", "sentence"), BAD, ids=str)
def test_settings_that_cannot_work_are_said(keys: Any, sentence: str, ear: Any) -> None:
    with pytest.raises(DeliverError, match=sentence) as caught:
        check(settings(**keys))
    assert caught.value.code is Exit.USAGE
    assert "S3CRET" not in str(caught.value) + "".join(ear.lines)
    assert caught.value.__cause__ is None and caught.value.__suppress_context__ is (
        caught.value.__context__ is not None
    )


@pytest.mark.parametrize(("keys", "sentence"), BAD, ids=str)
def test_what_cannot_work_parks_its_channel_and_sends_nothing(keys: Any, sentence: str) -> None:
    receipt = send(letter(settings(**keys)), PLENTY)
    assert (receipt.outcome, receipt.blame) == ("parked", "channel")
    assert receipt.reason.startswith("settings: ") and "S3CRET" not in receipt.reason


@pytest.mark.parametrize(
    ("keys", "reference"),
    [
        ({"url": "env:PAGER_URL"}, "env:PAGER_URL"),
        ({"slack": "credential:slack"}, "credential:slack"),
        ({"webhook": "https://x.org/", "secret": ["a", "file:/etc/hook"]}, "file:/etc/hook"),
        ({"email": "a@x.org", "smtp_password": "env:SMTP"}, "env:SMTP"),
    ],
)
def test_a_secret_that_is_still_a_reference_parks_its_channel(keys: Any, reference: str) -> None:
    receipt = send(letter(settings(**keys)), PLENTY)
    assert (receipt.outcome, receipt.blame) == ("parked", "channel")
    assert receipt.reason == f"secret: {reference} not set"


def test_a_message_that_cannot_be_built_parks_itself_alone() -> None:
    url = "json://127.0.0.1:1/?+X-Team=日本"
    receipt = send(letter(settings(url=url)), PLENTY)
    assert (receipt.outcome, receipt.blame) == ("parked", "content")
    assert receipt.reason == "could not be built: UnicodeEncodeError"
