"""Services whose address cannot be bent: what is sent to them, and what their answers mean."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
import responses
from deliver.ends import PLENTY, letter, settings

from notifier.deliver import Letter, flavour, limits, send
from notifier.model import Receipt

DISCORD = "https://discord.com/api/webhooks/1234567890/abcdefghijklmnopqrstuvwxyz0123456789"
TELEGRAM = "https://api.telegram.org/bot123456789:abcdefghijklmnopqrstuvwxyz012345678/sendMessage"
PAGERDUTY = "https://events.pagerduty.com/v2/enqueue"
OPSGENIE = "https://api.opsgenie.com/v2/alerts"
# an address of theirs -> the URL of ours that leads there
URLS = {
    DISCORD: DISCORD,
    TELEGRAM: "tgram://123456789:abcdefghijklmnopqrstuvwxyz012345678/-1001234",
    PAGERDUTY: "pagerduty://integrationkey0123456789abcdefgh@apikey0123456789abcd",
    OPSGENIE: "opsgenie://8b799edf-6f98-4d3a-9be7-2862fb4e5752",
}


@pytest.fixture
def wire() -> Iterator[responses.RequestsMock]:
    with responses.RequestsMock() as mock:
        yield mock


def to(address: str, **changes: Any) -> Letter:
    return letter(settings(url=URLS[address]), **changes)


def body(wire: responses.RequestsMock, number: int = 0) -> Any:
    return json.loads(wire.calls[number].request.body)


def test_discord_gets_the_text_as_it_stands_and_mentions_nobody(wire: Any) -> None:
    wire.post(DISCORD, status=204)
    text = "a \\*b\\* :smile: @everyone\n\n<@1> &lt;"
    assert send(to(DISCORD, text=text, title="t \\_x\\_"), PLENTY).outcome == "delivered"
    assert body(wire)["content"] == f"t \\_x\\_\r\n{text}"
    assert body(wire)["allowed_mentions"] == {"parse": []}
    assert "avatar_url" not in body(wire)


def test_discord_is_asked_once_when_it_is_busy(wire: Any) -> None:
    wire.post(DISCORD, status=429, json={"retry_after": 1.5, "global": False})
    assert send(to(DISCORD), PLENTY) == Receipt(
        key="s1-7", outcome="retry", reason="http 429", retry_after=1.5
    )
    assert len(wire.calls) == 1


def test_discord_without_room_left_is_not_waited_for(wire: Any) -> None:
    head = {"X-RateLimit-Remaining": "0", "X-RateLimit-Reset": "9999999999", "Retry-After": "60"}
    wire.post(DISCORD, status=429, headers=head)
    assert send(to(DISCORD), PLENTY).retry_after == 60.0
    assert len(wire.calls) == 1


def test_telegram_gets_its_html_as_it_stands(wire: Any) -> None:
    wire.post(TELEGRAM, json={"ok": True})
    text = 'a &lt;b&gt; &amp; <b>c</b>\n\n  two "quoted"'
    assert send(to(TELEGRAM, text=text, title="t &lt;x&gt;"), PLENTY).outcome == "delivered"
    sent = body(wire)
    assert sent["parse_mode"] == "HTML"
    assert sent["text"] == f"<b>t &lt;x&gt;</b>\n{text}"


@pytest.mark.parametrize(
    ("status", "answer", "receipt"),
    [
        (
            400,
            {"ok": False, "description": "Bad Request: chat not found"},
            Receipt(
                key="s1-7", outcome="parked", reason="telegram: chat not found", blame="channel"
            ),
        ),
        (
            403,
            {"ok": False, "description": "Forbidden: bot was blocked by the user"},
            Receipt(key="s1-7", outcome="parked", reason="http 403", blame="channel"),
        ),
        (
            429,
            {"ok": False, "parameters": {"retry_after": 17}},
            Receipt(key="s1-7", outcome="retry", reason="http 429", retry_after=17.0),
        ),
    ],
)
def test_telegrams_answers(wire: Any, status: int, answer: Any, receipt: Receipt) -> None:
    wire.post(TELEGRAM, status=status, json=answer)
    assert send(to(TELEGRAM), PLENTY) == receipt


def test_markup_that_telegram_refuses_goes_out_without_any(wire: Any) -> None:
    wire.post(TELEGRAM, status=400, json={"description": "Bad Request: can't parse entities"})
    wire.post(TELEGRAM, json={"ok": True})
    sent = to(TELEGRAM, text="<b>gpu-07</b> &lt;is&gt; <i>off")
    assert send(sent, PLENTY).reason == "sent in plainest form"
    assert body(wire, 1)["text"].endswith("gpu-07 &lt;is&gt; off")


@pytest.mark.parametrize(("recovery", "action"), [(False, "trigger"), (True, "resolve")])
def test_pagerduty_is_told_by_our_key(wire: Any, recovery: bool, action: str) -> None:
    wire.post(PAGERDUTY, status=202, json={"status": "success"})
    assert send(to(PAGERDUTY, incident="s1/i-42", recovery=recovery), PLENTY).outcome == "delivered"
    assert body(wire)["event_action"] == action
    assert body(wire)["dedup_key"] == "s1/i-42"


@pytest.mark.parametrize("severity", ["critical", "warning", "info"])
def test_pagerduty_gets_the_title_as_summary_and_the_text_as_a_detail(
    wire: Any, severity: str
) -> None:
    wire.post(PAGERDUTY, status=202)
    send(to(PAGERDUTY, title="[river] gpu-07 is offline", severity=severity), PLENTY)
    assert body(wire)["payload"] == {
        "summary": "[river] gpu-07 is offline",
        "severity": severity,
        "source": "river",
        "component": "Notification",
        "custom_details": {"text": "gpu-07 is offline since 12:00 UTC"},
    }


def test_a_long_title_is_cut_to_what_pagerduty_takes(wire: Any) -> None:
    wire.post(PAGERDUTY, status=202)
    send(to(PAGERDUTY, title="[river, lake] " + "x" * 2000), PLENTY)
    assert len(body(wire)["payload"]["summary"]) == 1024
    assert body(wire)["payload"]["source"] == "notifier"
    assert len(wire.calls) == 1


def test_what_the_url_of_a_pager_says_comes_first(wire: Any) -> None:
    wire.post(PAGERDUTY, status=202)
    url = URLS[PAGERDUTY] + "/desk/racks?severity=error&+text=mine&+room=2"
    send(letter(settings(url=url)), PLENTY)
    shown = body(wire)["payload"]
    assert (shown["severity"], shown["source"], shown["component"]) == ("error", "desk", "racks")
    assert shown["custom_details"] == {"text": "mine", "room": "2"}


@pytest.mark.parametrize("address", [PAGERDUTY, OPSGENIE])
def test_an_ending_without_an_incident_closes_what_its_thread_opened(
    wire: Any, address: str
) -> None:
    wire.post(PAGERDUTY, status=202)
    wire.post(OPSGENIE + "/s1-3/close", status=202, json={"requestId": "r"})
    wire.assert_all_requests_are_fired = False
    assert send(to(address, recovery=True, thread="s1-3"), PLENTY).outcome == "delivered"
    if address == PAGERDUTY:
        assert body(wire)["dedup_key"] == "s1-3"


@pytest.mark.parametrize(
    ("severity", "more", "priority"),
    [
        ("critical", "", "P1"),
        ("warning", "", "P3"),
        ("info", "", "P5"),
        ("critical", "?priority=2", "P2"),
    ],
)
def test_opsgenie_ranks_by_severity_unless_its_url_does(
    wire: Any, severity: str, more: str, priority: str
) -> None:
    wire.post(OPSGENIE, status=202, json={"requestId": "r1"})
    send(letter(settings(url=URLS[OPSGENIE] + more), severity=severity), PLENTY)
    assert body(wire)["priority"] == priority


def test_pagerduty_without_an_incident_uses_the_messages_key(wire: Any) -> None:
    wire.post(PAGERDUTY, status=202)
    send(to(PAGERDUTY), PLENTY)
    assert body(wire)["dedup_key"] == "s1-7"


def test_opsgenie_opens_and_closes_by_alias(wire: Any) -> None:
    wire.post(OPSGENIE, status=202, json={"requestId": "r1"})
    wire.post(OPSGENIE + "/s1%2Fi-42/close", status=202, json={"requestId": "r2"})
    assert send(to(OPSGENIE, incident="s1/i-42"), PLENTY).outcome == "delivered"
    assert send(to(OPSGENIE, incident="s1/i-42", recovery=True), PLENTY).outcome == "delivered"
    assert body(wire)["alias"] == "s1/i-42"
    assert body(wire)["description"].startswith("gpu-07")
    closing = wire.calls[1].request
    assert closing.url.endswith("/close?identifierType=alias")
    assert closing.headers["Authorization"].startswith("GenieKey ")


@pytest.mark.parametrize(
    ("said", "outcome", "blame", "reason"),
    [
        ('{"ok": true}', "delivered", "", ""),
        ("<html>OK, please log in</html>", "unknown", "", "http 200 without acceptance"),
        ('["OK"]', "unknown", "", "http 200 without acceptance"),
        ('{"ok": false, "error": "not_in_channel"}', "parked", "channel", "slack: not_in_channel"),
        ('{"ok": false, "error": "msg_too_long"}', "parked", "content", "slack: msg_too_long"),
        ('{"ok": false, "error": "ratelimited"}', "retry", "", "slack: ratelimited"),
        ('{"ok": false, "error": "s3cret"}', "unknown", "", "http 200 without acceptance"),
    ],
)
def test_a_bot_of_slack_is_believed_only_in_its_own_words(
    wire: Any, said: str, outcome: str, blame: str, reason: str
) -> None:
    wire.post("https://slack.com/api/chat.postMessage", body=said)
    bot = settings(url="slack://xoxb-1234-1234-4ddbc191d40ee098cbaae6f3523ada2d/#ops")
    receipt = send(letter(bot), PLENTY)
    assert (receipt.outcome, receipt.blame, receipt.reason) == (outcome, blame, reason)


@pytest.mark.parametrize("address", [OPSGENIE, PAGERDUTY, DISCORD, TELEGRAM])
@pytest.mark.parametrize(
    ("status", "outcome", "blame"),
    [
        (401, "parked", "channel"),
        (404, "parked", "channel"),
        (500, "retry", ""),
        (302, "parked", "channel"),
    ],
)
def test_all_of_them_earn_the_same_receipts(
    wire: Any, address: str, status: int, outcome: str, blame: str
) -> None:
    wire.post(address, status=status, headers={"Location": "https://example.org/"})
    receipt = send(to(address), PLENTY)
    assert (receipt.outcome, receipt.blame) == (outcome, blame)
    assert len(wire.calls) == 1


@pytest.mark.parametrize("address", [DISCORD, TELEGRAM, PAGERDUTY, OPSGENIE])
def test_severity_and_ending_never_stop_a_message(wire: Any, address: str) -> None:
    wire.post(address, status=200, json={"ok": True, "requestId": "r"})
    for severity in ("critical", "warning", "info"):
        assert send(to(address, severity=severity), PLENTY).outcome == "delivered"


@pytest.mark.parametrize(
    ("keys", "expected"),
    [
        ({"email": "a@x.org"}, "email"),
        ({"slack": "https://hooks.slack.com/services/T/B/X"}, "slack"),
        ({"webhook": "https://x.org/"}, "webhook"),
        ({"url": "slack://T/B/X"}, "slack"),
        ({"url": "https://hooks.slack.com/services/T/B/X"}, "slack"),
        ({"url": "mmosts://chat.x.org/token"}, "mattermost"),
        ({"url": "https://mattermost.x.org/hooks/abc"}, "mattermost"),
        ({"url": "rockets://chat.x.org/a/b"}, "mattermost"),
        ({"url": DISCORD}, "discord"),
        ({"url": "Discord://1/a"}, "discord"),
        ({"url": "tgram://1:a/2"}, "telegram"),
        ({"url": "pagerduty://a@b"}, "pagerduty"),
        ({"url": "opsgenie://a"}, "opsgenie"),
        ({"url": "gchat://a/b/c"}, "markdown"),
        ({"url": "workflows://h/a/b"}, "markdown"),
        ({"url": "mailtos://u:p@x.org"}, "email"),
        ({"url": "webhooks://x.org/in"}, "webhook"),
        ({"url": "json://x.org/"}, "plain"),
        ({"url": "ntfys://x.org/t"}, "plain"),
        ({"url": "env:PAGER"}, "plain"),
        ({"url": "file:/etc/pager"}, "plain"),
    ],
)
def test_how_text_is_written_follows_from_the_settings(keys: Any, expected: str) -> None:
    assert flavour(settings(**keys)) == expected


@pytest.mark.parametrize(
    ("url", "most"),
    [
        ("tgram://1:a/2", (120, 3878)),
        ("discord://1/a", (120, 1878)),
        ("twilio://a:b@1/2", (35, 103)),
        ("zulip://a@b/c", (60, 9938)),
        ("some://a", (120, 878)),
        ("json://x.org", (120, 29878)),
    ],
)
def test_the_room_for_title_and_text(url: str, most: tuple[int, int]) -> None:
    assert limits(settings(url=url)) == most
