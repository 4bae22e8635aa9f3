"""What people decide about a real cluster's troubles: silences, acknowledgements, escalation."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from peers import Command, Mailbox, Sink
from real.lab import Lab, until


@pytest.fixture(scope="module")
def river(hakuriver_python: Path) -> Iterator[Lab]:
    """One host for this module."""
    with closing(Lab(hakuriver_python)) as lab:
        lab.start()
        yield lab


def die(lab: Lab, *nodes: str) -> None:
    """Lets nodes fall silent until the host has given up on them."""
    for node in nodes:
        lab.stop_beating(node)
    for node in nodes:
        lab.wait_node(node, "offline")


def come_back(lab: Lab, node: str) -> None:
    """Lets a silent node beat again until the host has noticed."""
    lab.start_beating(node)
    lab.wait_node(node, "online")


def events(sink: Sink) -> list[list[str]]:
    """`type name` of all events, by request, after the summary."""
    return [
        [f"{event['type']} {event['name']}" for event in post.json()["events"]]
        for post in sink.requests[1:]
    ]


def test_what_died_and_came_back_in_a_silence_is_never_spoken_of(
    river: Lab, workplace: Callable[..., Path], mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    config = workplace(river.url, mail=mailbox, sink=sink)
    for node in ("node-a", "node-b"):
        river.add_node(node)
    notifier(config, "check")
    added = notifier(config, "silence", "add", "node-[ab]", "--for", "1h", "-m", "new switch")
    assert (added.code, added.out.startswith("s-1: silent until ")) == (0, True)
    die(river, "node-a", "node-b")
    silent = notifier(config, "check")
    assert (silent.code, len(silent.out.splitlines())) == (1, 2)
    come_back(river, "node-a")
    assert notifier(config, "check").code == 1
    assert notifier(config, "check").code == 0
    assert events(sink) == []
    assert notifier(config, "silence", "expire", "s-1").code == 0
    assert notifier(config, "check").code == 0
    assert events(sink) == [["problem node-b"]]
    come_back(river, "node-b")
    assert notifier(config, "check").code == 1
    assert events(sink) == [["problem node-b"], ["recovery node-b"]]
    assert [mail.subject for mail in mailbox.mails[1:]] == [
        post.json()["title"] for post in sink.requests[1:]
    ]


def test_reminders_come_until_somebody_has_it_in_hand(
    river: Lab, workplace: Callable[..., Path], sink: Sink, notifier: Command
) -> None:
    route = '[[routes]]\nchannels = ["hook"]\nremind = ["1s"]\n'
    config = workplace(river.url, sink=sink, more=route)
    for node in ("node-c", "node-d"):
        river.add_node(node)
    notifier(config, "check")
    die(river, "node-c", "node-d")
    assert notifier(config, "check").code == 1
    until(lambda: notifier(config, "check").code or len(sink.requests) >= 3, "the first reminder")
    assert events(sink) == [
        ["problem node-c", "problem node-d"],
        ["reminder node-c", "reminder node-d"],
    ]
    (handle,) = (
        event["incident"]
        for event in sink.requests[1].json()["events"]
        if event["name"] == "node-c"
    )
    assert notifier(config, "ack", handle, "-m", "on my way").code == 0
    until(lambda: notifier(config, "check").code or len(sink.requests) >= 5, "two more reminders")
    assert events(sink)[2:] == [["reminder node-d"], ["reminder node-d"]]
    come_back(river, "node-c")
    assert notifier(config, "check").code == 1
    assert "recovery node-c" in events(sink)[-1]


def test_what_nobody_takes_in_hand_is_escalated_and_the_rest_is_not(
    river: Lab, workplace: Callable[..., Path], mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    routes = """
[[routes]]
channels = ["hook"]
[[routes]]
channels = ["ops"]
match = { kind = "node" }
escalate_after = "1s"
"""
    config = workplace(river.url, mail=mailbox, sink=sink, more=routes)
    for node in ("node-e", "node-f"):
        river.add_node(node)
    notifier(config, "check")
    die(river, "node-e", "node-f")
    assert notifier(config, "check").code == 1
    assert events(sink) == [["problem node-e", "problem node-f"]]
    assert mailbox.mails == []
    handle = sink.requests[1].json()["events"][0]["incident"]
    assert notifier(config, "ack", handle, "-m", "on my way").code == 0
    until(lambda: notifier(config, "check").code or mailbox.mails, "the escalation")
    for node in ("node-e", "node-f"):
        come_back(river, node)
    assert notifier(config, "check").code == 1
    escalated, ended = (mail.subject for mail in mailbox.mails)
    assert escalated == "[river] node-f is offline"
    assert ended.startswith("[river] back: node-f (")
    assert sorted(events(sink)[1]) == ["recovery node-e", "recovery node-f"]
