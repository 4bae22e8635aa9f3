"""What people read, whole: kept as pictures in text, and looked at on the wire."""

import html
import json
import re
from typing import Any
from urllib.parse import parse_qs
from zoneinfo import ZoneInfo

import markdown
import pytest
import responses
from hostile import CORPUS
from peers import Mailbox, Sink
from scenes import SCENES, Scene, config, destination, event, message, scene, seen
from syrupy.assertion import SnapshotAssertion

from notifier.deliver import Letter, flavour, limits, send
from notifier.escape import BREAK, clean
from notifier.render import letter
from notifier.settings import Destination, Route

BERLIN = ZoneInfo("Europe/Berlin")
PICTURED = ("one_failure", "node_death", "recovery", "baseline", "mixed")

# what each service is sent to, and where in its request title and text stand
SERVICES = {
    "slack": ("slack", "https://hooks.slack.com/services/T1JJ3T3L2/A1BRTD4JD/TIiajkdnlazkcOXrIdev"),
    "mattermost": ("url", "mmost://chat.example/3ccdd113474722377935511fc85d3dd4"),
    "rocket": ("url", "rockets://token1/token2@chat.example/#ops"),
    "discord": ("url", "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"),
    "discord embeds": ("url", "discord://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV?format=markdown"),
    "guilded": ("url", "guilded://4174216298/JHMHI8qBe7bk2ZwO5U711o3dV_js"),
    "telegram": ("url", "tgram://123456789:abcdefg_hijklmnop/12315544/"),
    "google chat": ("url", "gchat://workspace/key/token"),
    "teams": ("url", "workflows://teams.example:443/643442343543545435434545/aaaa/"),
    "webex": ("url", "wxteams://" + "a" * 80),
    "zulip": ("url", "zulip://bot@org/" + "a" * 32 + "/ops"),
    "ntfy": ("url", "ntfy://ntfy.example/topic"),
    "nextcloud": ("url", "nctalk://user:word@localhost/room"),
    "pagerduty": ("url", "pagerduty://A1BRTD4JDTIiajkdnlazkcOXrIdevi7F@" + "A" * 32),
    "opsgenie": ("url", "opsgenie://8b3ab4c5-2b4c-4cd4-8f7a-8b3ab4c52b4c"),
}
# what would be live in a request to each
ANY_NAME = rf"@(?!{BREAK})[\w*]|<[^\s{BREAK}]|\]\(|\]\["
LONE_NAME = rf"(?<![A-Za-z0-9])@(?!{BREAK})[\w*]"
LIVE = {
    "slack": r"<|>|[@!](channel|here|everyone)",
    "mattermost": LONE_NAME + r"|<|>|\]\(",
    "rocket": LONE_NAME + r"|<|>|\]\(",
    "discord": ANY_NAME,
    "discord embeds": ANY_NAME,
    "guilded": ANY_NAME,
    "telegram": LONE_NAME + r"|<(?!/?b>)",
    "google chat": r"@(?!\u200b)[\w*]|<(users|https?:|at>|!|@)",
    "teams": r"@(?!\u200b)[\w*]|<at>|\]\(",
    "webex": r"@(?!\u200b)[\w*]|<[@a-z!]|\]\(",
    "zulip": ANY_NAME,
    "ntfy": LONE_NAME,
    "nextcloud": LONE_NAME,
    "pagerduty": ANY_NAME,
    "opsgenie": ANY_NAME,
}


def written(what: Scene, there: Destination, room: int = 0, **route: object) -> Letter:
    """The letter as a run makes it; with `room` characters whatever its destination takes."""
    there = Destination("ops", "ops", there.settings, there.address)
    done, warnings = letter(
        *what, there, route=Route(channels=["ops"], **route),  # type: ignore[arg-type]
        config=config(), zone=BERLIN, flavour=flavour(there.settings),
        limits=(120, room) if room else limits(there.settings),
    )  # fmt: skip
    assert warnings == []
    return Letter(
        key=what.message.key, destination=there, title=done.title, text=done.text, html=done.html,
        payload=done.payload, severity=done.severity, recovery=done.recovery,
        incident=done.incident, thread=done.thread, at=what.message.at,
        events=what.message.events, state_id="k7v2",
    )  # fmt: skip


def strings(value: Any) -> list[str]:
    """All text in a decoded request."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for one in value.values() for text in strings(one)]
    return [text for one in value for text in strings(one)] if isinstance(value, list) else []


def on_the_wire(service: str, what: Scene, room: int = 0, **route: object) -> str:
    """All text of the request that a service gets, addresses of pictures and pages left out."""
    kind, target = SERVICES[service]
    with responses.RequestsMock(assert_all_requests_are_fired=False) as wire:
        for method in (responses.POST, responses.PUT, responses.GET):
            wire.add(method, re.compile(".*"), body="ok", status=200)
        send(written(what, destination(**{kind: target}), room, **route), 5.0)
        requests = [call.request for call in wire.calls]
    assert requests, "nothing was sent"
    found = []
    for request in requests:
        body = request.body
        text = body.decode() if isinstance(body, bytes) else str(body)
        kind = request.headers.get("content-type", "")
        form = "form-urlencoded" in kind
        found += strings(parse_qs(text) if form else json.loads(text) if "json" in kind else text)
    return "\n".join(one for one in found if not re.fullmatch(r"https?://\S+", one))


@pytest.mark.parametrize("name", PICTURED)
def test_a_mail_reads_like_this(name: str, snapshot: SnapshotAssertion) -> None:
    done = written(SCENES[name](), destination(email="ops@example.org"))
    assert {"subject": done.title, "text": done.text, "html": done.html} == snapshot


@pytest.mark.parametrize("name", PICTURED)
def test_a_chat_reads_like_this(name: str, snapshot: SnapshotAssertion) -> None:
    done = written(SCENES[name](), destination(slack=SERVICES["slack"][1]))
    assert f"{done.title}\n\n{done.text}" == snapshot


@pytest.mark.parametrize("name", ["one_failure", "recovery", "baseline"])
def test_a_webhook_gets_this(name: str, snapshot: SnapshotAssertion) -> None:
    done = written(SCENES[name](), destination(webhook="http://hook.example/"))
    assert json.loads(done.payload) == snapshot


def test_a_digest_of_ten_thousand_reads_like_this(snapshot: SnapshotAssertion) -> None:
    mail = written(SCENES["storm"](), destination(email="ops@example.org"), max_items=3)
    assert f"{mail.title}\n\n{mail.text}" == snapshot


def test_a_hostile_message_reads_like_this(snapshot: SnapshotAssertion) -> None:
    what = SCENES["hostile"]()
    picked = [what.events[number] for number in (0, 13, 47, 62, 90, 120, 145, 160, 180)]
    few = Scene(message(picked), picked, what.incidents)
    assert written(few, destination(email="ops@example.org")).text == snapshot(name="mail")
    assert written(few, destination(slack=SERVICES["slack"][1])).text == snapshot(name="slack")
    assert written(few, destination(url=SERVICES["zulip"][1])).text == snapshot(name="markdown")


# --- on the wire


@pytest.mark.parametrize("service", SERVICES)
def test_nothing_from_a_cluster_is_live_in_a_request(service: str) -> None:
    for start in range(0, len(CORPUS), 50):
        what = SCENES["hostile"]()
        events = what.events[start : start + 50]
        some = Scene(message(events), events, what.incidents)
        sent = on_the_wire(service, some, room=100_000, max_items=50)
        assert len(re.findall(r" failed (on .*)?at ", sent)) >= len(events)
        assert not re.findall(LIVE[service], sent, re.IGNORECASE), sent


@pytest.mark.parametrize("service", SERVICES)
def test_odd_but_honest_text_arrives_readable_and_escaped_once(service: str) -> None:
    honest = "if a < b && c > d: x[1] = *y* # __init__.py"
    what = event(1, "problem", seen("task", "1", "failed", name="train_a.py", message=honest))
    sent = on_the_wire(service, scene([what]))
    assert "train_a.py" in sent
    assert "\\\\" not in sent
    assert not re.search(r"&amp;(amp|lt|gt);", sent)
    read = html.unescape(re.sub(r"\\([\\`*~|\[\]_#>+=.)-])", r"\1", sent)).replace(BREAK, "")
    assert honest in read


@pytest.mark.parametrize("service", SERVICES)
def test_the_lines_of_a_message_stay_lines(service: str) -> None:
    sent = on_the_wire(service, SCENES["mixed"]())
    assert len(re.findall(r"(?m)^\W*(gpu-11 is offline|sweep-17 is stuck)", sent)) == 2


@pytest.mark.parametrize("service", ["google chat", "teams", "webex", "zulip"])
def test_a_reader_of_markdown_finds_only_lines(service: str) -> None:
    sent = on_the_wire(service, SCENES["mixed"]())
    page = markdown.markdown(sent[sent.index("•") :])
    assert not re.search(r"<(em|strong|code|a|h\d|img)\b", page)


def test_a_mail_arrives_as_it_was_written(mailbox: Mailbox) -> None:
    there = destination(email="ops@example.org", smtp=mailbox.address, smtp_tls="none")
    there = Destination("ops", "ops", there.settings, "ops@example.org")
    for name in ("one_failure", "hostile"):
        done = written(SCENES[name](), there)
        assert send(done, 10.0).outcome == "delivered"
        mail = mailbox.mails[-1]
        assert mail.subject.split() == done.title.split()
        assert mail.text.replace("\r\n", "\n").strip() == done.text.strip()
        part = mail.message.get_body(("html",))
        assert part is not None
        assert part.get_content().replace("\r\n", "\n").strip() == done.html.strip()


def test_a_subject_forges_no_header(mailbox: Mailbox) -> None:
    there = destination(email="ops@example.org", smtp=mailbox.address, smtp_tls="none")
    there = Destination("ops", "ops", there.settings, "ops@example.org")
    plain = written(SCENES["recovery"](), there)
    send(plain, 10.0)
    usual = {name.lower() for name in mailbox.mails[-1].message}
    for text in (text for text in CORPUS if "\n" in text or "\r" in text or "\u2028" in text):
        what = event(1, "problem", seen("task", "1", "failed", name=text[:500]))
        assert send(written(scene([what]), there), 10.0).outcome == "delivered"
        names = {name.lower() for name in mailbox.mails[-1].message}
        assert names - {"in-reply-to", "references"} == usual - {"in-reply-to", "references"}


def test_a_webhook_arrives_as_it_was_written(sink: Sink) -> None:
    done = written(SCENES["hostile"](), destination(webhook=sink.url))
    assert send(done, 10.0).outcome == "delivered"
    told = json.loads(sink.requests[-1].body)
    assert [one["name"] for one in told["events"]] == [clean(text[:5000]) for text in CORPUS]
