"""Hostile text, escaped for its destination, is harmless in the bytes that leave this machine."""

import html
import json
import re
from typing import Any

import pytest
import responses
from deliver.ends import PLENTY, HttpEnd, letter, settings

from notifier.deliver import flavour, send
from notifier.escape import escape

OK = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOSTILE = [
    "<!channel>",
    "<!here|here>",
    "<@U12345678>",
    "<!subteam^S1|x>",
    "<https://evil.example|https://bank.example>",
    "if (a !here> b)",
    "@U12345678>",
    "&lt;!channel&gt;",
    "&amp;lt;!here&amp;gt;",
    "```<!everyone>```",
    "@channel @all @here @everyone",
    "[bank](https://evil.example)",
    "<users/all> <at>all</at>",
    "https://evil.example|x>",
]
LIVE = re.compile(r"<[!@#]|<https?:|<users/|<at>|(?<![A-Za-z0-9])@(channel|all|here|everyone)\b")


def written(keys: dict[str, str], hostile: str) -> Any:
    channel = settings(**keys)
    way = flavour(channel)
    return letter(channel, title=escape(hostile, way), text=f"a\n\n  {escape(hostile, way)} z")


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_is_live_in_slack_and_nothing_is_escaped_twice(hostile: str) -> None:
    with HttpEnd(OK) as end:
        sent = written({"slack": f"{end.url}/services/T0/B0/xyz"}, hostile)
        assert send(sent, PLENTY).outcome == "delivered"
    said = json.loads(end.seen[0].partition(b"\r\n\r\n")[2])
    assert said["mrkdwn"] is False and list(said) == ["mrkdwn", "attachments"]
    (attachment,) = said["attachments"]
    assert attachment["title"] == sent.title and attachment["text"] == sent.text
    for shown in (attachment["title"], attachment["text"]):
        assert not re.search("[<>]", shown)
    # what a reader sees is what was meant, but for what breaks a bare word
    assert html.unescape(attachment["title"]).replace("\u200b", "") == hostile


def test_a_title_for_slack_is_harmless_even_if_nobody_escaped_it() -> None:
    with HttpEnd(OK) as end:
        hook = settings(slack=f"{end.url}/services/T0/B0/xyz")
        send(letter(hook, title="<!channel> & <@U1>"), PLENTY)
    said = json.loads(end.seen[0].partition(b"\r\n\r\n")[2])
    assert said["attachments"][0]["title"] == "&lt;!channel&gt; &amp; &lt;@U1&gt;"


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("schema", ["mmost", "rocket"])
def test_nothing_is_live_in_mattermost_and_its_like(hostile: str, schema: str) -> None:
    path = "/token" if schema == "mmost" else "/a/b/#c"
    with HttpEnd(OK) as end:
        url = end.url.replace("http", schema) + path
        if schema == "rocket":
            url = url.replace("//", "//aaa/bbb@").removesuffix("/a/b/#c") + "/#c"
        sent = written({"url": url}, hostile)
        assert send(sent, PLENTY).outcome == "delivered"
    text = json.loads(end.seen[0].partition(b"\r\n\r\n")[2])["text"]
    assert not LIVE.search(text)
    assert text.endswith(sent.text)


@pytest.mark.parametrize("hostile", HOSTILE)
def test_nothing_is_live_in_discord(hostile: str) -> None:
    url = "https://discord.com/api/webhooks/123/abc"
    sent = written({"url": url}, hostile)
    with responses.RequestsMock() as wire:
        wire.post(url, status=204)
        assert send(sent, PLENTY).outcome == "delivered"
        said = json.loads(wire.calls[0].request.body)
    assert said["allowed_mentions"] == {"parse": []}
    assert not LIVE.search(said["content"]) and said["content"].endswith(sent.text)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize(
    "url",
    ["gchat://room/key/token", "workflows://example.org:443/643e/s1g/", "webex://" + "a" * 80],
)
def test_nothing_is_live_where_markdown_is_read(url: str, hostile: str) -> None:
    with responses.RequestsMock() as wire:
        wire.post(re.compile("https://"), status=200)
        assert send(written({"url": url}, hostile), PLENTY).outcome == "delivered"
        said = json.loads(wire.calls[0].request.body)
    shown = said["text"] if "text" in said else said.get("markdown") or json.dumps(said)
    assert not LIVE.search(shown)
    assert not re.search(r"\]\(https?:", shown)


@pytest.mark.parametrize("hostile", HOSTILE)
@pytest.mark.parametrize("schema", ["json", "ntfy", "gotify"])
def test_plain_text_is_not_converted(hostile: str, schema: str) -> None:
    with HttpEnd(OK) as end:
        sent = written({"url": end.url.replace("http", schema) + "/token"}, hostile)
        assert send(sent, PLENTY).outcome == "delivered"
    said = json.loads(end.seen[0].partition(b"\r\n\r\n")[2])
    assert said["message"] == sent.text and said["title"] == sent.title


@pytest.mark.parametrize("hostile", HOSTILE)
def test_the_plainest_form_is_harmless_too(hostile: str) -> None:
    bad = "HTTP/1.1 400 Bad\r\nContent-Length: 0\r\n\r\n"
    with HttpEnd(bad, OK) as end:
        sent = written({"slack": f"{end.url}/services/T0/B0/xyz"}, hostile * 60)
        assert send(sent, PLENTY).reason == "sent in plainest form"
    said = json.loads(end.seen[1].partition(b"\r\n\r\n")[2])["attachments"][0]
    for shown in (said["title"], said["text"]):
        assert shown.isascii() and not re.search("[<>]", shown)
        assert not re.search(r"&(?!lt;|gt;|amp;)", shown)
