"""A webhook is verified with the reference library, over the bytes that came in."""

import base64
import json
import textwrap
from pathlib import Path
from typing import Any

import pytest
from deliver.ends import PLENTY, HttpEnd, letter, settings
from jsonschema import Draft202012Validator
from standardwebhooks import Webhook, WebhookVerificationError

from notifier.deliver import DeliverError, check, flavour, send
from notifier.deliver.outcome import CONTENT, PASSING

OK = "HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
DOCS = Path(__file__).parents[2] / "docs"
NEW = "whsec_" + base64.b64encode(b"new key of thirty-two bytes long").decode()
OLD = "an old secret as it stands"
DOCUMENT = b'{"version": 1, "key": "s1-7", "events": [{"id": "e1"}]}'


def posted(**channel: object) -> tuple[dict[str, str], bytes]:
    with HttpEnd(OK) as end:
        sent = letter(settings(webhook=end.url + "/in?team=hpc", **channel), payload=DOCUMENT)
        assert send(sent, PLENTY).outcome == "delivered"
    head, _, body = end.seen[0].partition(b"\r\n\r\n")
    first, *rest = head.decode().split("\r\n")
    assert first == "POST /in?team=hpc HTTP/1.1"
    return {k.lower(): v for k, v in (line.split(": ", 1) for line in rest)}, body


def test_the_body_is_the_payload_to_the_byte_and_its_id_the_key() -> None:
    headers, body = posted()
    assert body == DOCUMENT
    assert headers["content-type"] == "application/json"
    assert headers["webhook-id"] == "s1-7"
    assert "webhook-signature" not in headers


@pytest.mark.parametrize("secret", [NEW, OLD, [NEW, OLD]])
def test_the_signature_verifies_with_every_secret(secret: str | list[str]) -> None:
    headers, body = posted(secret=secret)
    for one in [secret] if isinstance(secret, str) else secret:
        key = one if one.startswith("whsec_") else one.encode()
        assert Webhook(key).verify(body, headers) == json.loads(DOCUMENT)


def test_the_example_in_the_documentation_verifies_it() -> None:
    page = (DOCS / "webhook.md").read_text("utf-8")
    _, found, rest = page.partition("    import base64")
    code, _, _ = rest.partition("\n\nTo change")
    scope: dict[str, Any] = {}
    exec(textwrap.dedent(found + code), scope)
    headers, body = posted(secret=[OLD, NEW])
    key = b"new key of thirty-two bytes long"
    assert scope["verified"](body, headers, key)
    assert not scope["verified"](body + b" ", headers, key)
    assert not scope["verified"](body, headers | {"webhook-timestamp": "1"}, key)


def test_the_documentation_names_every_answer_that_is_not_the_channels_fault() -> None:
    page = (DOCS / "webhook.md").read_text("utf-8")
    assert f"| {', '.join(str(status) for status in sorted(PASSING))}, 5xx |" in page
    assert f"| {', '.join(str(status) for status in sorted(CONTENT))} |" in page


def test_a_changed_body_does_not_verify() -> None:
    headers, body = posted(secret=NEW)
    with pytest.raises(WebhookVerificationError):
        Webhook(NEW).verify(body.replace(b"e1", b"e2"), headers)


def test_a_secret_that_is_no_base64_is_said() -> None:
    with pytest.raises(DeliverError, match="not base64") as caught:
        check(settings(webhook="https://example.org/", secret="whsec_§§"))
    assert "§" not in str(caught.value)


def test_the_schemas_of_the_plug_in_are_the_same_webhook() -> None:
    with HttpEnd(OK) as end:
        channel = settings(url=end.url.replace("http", "webhook"), secret=NEW)
        assert flavour(channel) == "webhook"
        assert send(letter(channel, payload=DOCUMENT), PLENTY).outcome == "delivered"
    assert end.seen[0].endswith(DOCUMENT) and b"webhook-signature: v1," in end.seen[0]


def test_the_password_of_the_url_goes_as_basic_auth() -> None:
    with HttpEnd(OK) as end:
        url = end.url.replace("http://", "http://ann:p%40ss@")
        assert send(letter(settings(webhook=url)), PLENTY).outcome == "delivered"
    assert b"Authorization: Basic " + base64.b64encode(b"ann:p@ss") in end.seen[0]


def test_netrc_is_never_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    netrc = tmp_path / ".netrc"
    netrc.write_text("default login ann password s3cret\n")
    netrc.chmod(0o600)
    monkeypatch.setenv("NETRC", str(netrc))
    with HttpEnd(OK) as end:
        for channel in (
            settings(webhook=end.url),
            settings(url=end.url.replace("http", "json")),
            settings(slack=end.url + "/services/T0/B0/xyz"),
        ):
            send(letter(channel), PLENTY)
    assert len(end.seen) == 3
    assert not any(b"Authorization" in one for one in end.seen)


def test_a_proxy_of_the_environment_is_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with HttpEnd(OK) as proxy:
        monkeypatch.setenv("http_proxy", proxy.url)
        assert (
            send(letter(settings(webhook="http://hook.invalid/x")), PLENTY).outcome == "delivered"
        )
    assert proxy.seen[0].startswith(b"POST http://hook.invalid/x HTTP/1.1")


def test_a_proxy_that_does_not_answer_is_certain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("https_proxy", "http://127.0.0.1:1")
    receipt = send(letter(settings(webhook="https://hook.invalid/x")), PLENTY)
    assert (receipt.outcome, receipt.reason) == ("retry", "proxy: no connection")


def test_a_payload_that_is_refused_comes_once_more_as_ids_and_plain_text() -> None:
    with HttpEnd("HTTP/1.1 413 Large\r\nContent-Length: 0\r\n\r\n", OK) as end:
        receipt = send(letter(settings(webhook=end.url, secret=NEW), payload=DOCUMENT), PLENTY)
    assert receipt.reason == "sent in plainest form"
    plain = json.loads(end.seen[1].partition(b"\r\n\r\n")[2])
    assert plain == {
        "version": 1,
        "key": "s1-7",
        "at": "2026-11-22T12:00:00Z",
        "repeat": False,
        "plain": True,
        "title": "river: gpu-07 is offline",
        "text": "gpu-07 is offline since 12:00 UTC\n",
        "events": [{"id": "e1"}, {"id": "e2"}],
    }
    schema = json.loads((DOCS / "webhook.schema.json").read_text("utf-8"))
    Draft202012Validator(schema).validate(plain)
