"""A real host's nodes: one message for a death and all it took along, and one for the return."""

from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import timedelta
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


@pytest.fixture
def config(river: Lab, workplace: Callable[..., Path], mailbox: Mailbox, sink: Sink) -> Path:
    """A configuration that looks at the module's host and tells both channels."""
    return workplace(river.url, mail=mailbox, sink=sink)


def die(lab: Lab, node: str) -> None:
    """Lets a node fall silent until the host has given up on it and on its tasks."""
    lab.stop_beating(node)
    lab.wait_node(node, "offline")
    until(lambda: not {"running", "assigning"} & set(lab.statuses().values()), "lost tasks")


def come_back(lab: Lab, node: str) -> None:
    """Lets a silent node beat again until the host has noticed."""
    lab.start_beating(node)
    lab.wait_node(node, "online")


def test_a_node_that_dies_with_thirty_tasks_is_one_message_and_its_return_another(
    river: Lab, config: Path, mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    river.add_node("node-a")
    for number in range(30):
        river.run("node-a", f"part-{number}")
    notifier(config, "check")
    die(river, "node-a")
    assert [notifier(config, "check").code for _ in range(2)] == [1, 0]
    come_back(river, "node-a")
    assert [notifier(config, "check").code for _ in range(2)] == [1, 0]
    told = [mail.subject for mail in mailbox.mails[1:]]
    assert told == [post.json()["title"] for post in sink.requests[1:]]
    assert told[0] == "[river] node-a is offline, 30 tasks lost"
    assert told[1].startswith("[river] back: node-a (")
    assert len(told) == 2
    died, returned = (post.json()["events"] for post in sink.requests[1:])
    assert sorted(event["status"] for event in died) == ["lost"] * 30 + ["offline"]
    (node,) = (event for event in died if event["kind"] == "node")
    assert [(event["type"], event["incident"]) for event in returned] == [
        ("recovery", node["incident"])
    ]


def test_a_node_that_died_and_came_back_between_two_looks_leaves_its_lost_tasks(
    river: Lab, config: Path, mailbox: Mailbox, notifier: Command
) -> None:
    river.add_node("node-b")
    for number in range(2):
        river.run("node-b", f"part-{number}")
    notifier(config, "check")
    die(river, "node-b")
    come_back(river, "node-b")
    assert [notifier(config, "check").code for _ in range(2)] == [1, 0]
    assert [mail.subject for mail in mailbox.mails[1:]] == ["[river] 2 tasks lost on node-b"]


def test_a_node_that_registers_again_under_its_name_is_no_news(
    river: Lab, config: Path, mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    river.add_node("node-c", cores=8)
    notifier(config, "check")
    river.add_node("node-c", cores=16)
    again = notifier(config, "check")
    assert (again.code, again.out, again.err) == (0, "", "")
    assert len(mailbox.mails) == len(sink.requests) == 1


def test_three_hundred_tasks_lost_with_their_node_are_counted_in_one_message(
    river: Lab, config: Path, mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    river.add_node("node-d")
    lost = river.fill(300, "running", node="node-d", age=timedelta(0))
    notifier(config, "check")
    die(river, "node-d")
    assert [notifier(config, "check").code for _ in range(2)] == [1, 0]
    (mail,), (post,) = mailbox.mails[1:], sink.requests[1:]
    assert mail.subject == "[river] node-d is offline, 300 tasks lost"
    assert "300 tasks" in mail.text
    assert len(mail.text) < 10_000
    assert {event["thing"] for event in post.json()["events"]} == {
        "river/node/node-d",
        *(f"river/task/{task}" for task in lost),
    }


def test_a_node_that_comes_and_goes_is_flapping_once_and_its_calm_is_told(
    river: Lab, config: Path, mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    river.add_node("node-e")
    notifier(config, "check")
    codes = []
    for turn in (die, come_back, die, come_back, die, come_back):
        turn(river, "node-e")
        codes.append(notifier(config, "check").code)
    assert codes == [1, 1, 1, 0, 0, 0]
    types = [post.json()["events"][0]["type"] for post in sink.requests[1:]]
    assert types == ["problem", "recovery", "flapping_start"]
    # an hour without a change would end it; a second does, when the file says so
    config.write_text(config.read_text() + '[run]\nflap_window = "1s"\n')
    until(lambda: notifier(config, "check").code == 1, "the end of the flapping")
    (event,) = sink.requests[-1].json()["events"]
    assert (event["type"], event["status"]) == ("flapping_end", "online")
    assert notifier(config, "check").code == 0
    assert len(mailbox.mails) == len(sink.requests) == 5
