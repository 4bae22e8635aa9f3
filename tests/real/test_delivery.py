"""Real news for channels that are down, and for six runs that all want to tell it."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest
from peers import Command, Mailbox, Sink
from real.lab import Lab


@pytest.fixture(scope="module")
def river(hakuriver_python: Path) -> Iterator[Lab]:
    """One host for this module, with one node that stays."""
    with closing(Lab(hakuriver_python, silence=120)) as lab:
        lab.start()
        lab.add_node("node-a")
        yield lab


@pytest.fixture
def config(river: Lab, workplace: Callable[..., Path], mailbox: Mailbox, sink: Sink) -> Path:
    """A configuration that looks at the module's host and tells both channels."""
    return workplace(river.url, mail=mailbox, sink=sink)


def fail(lab: Lab, name: str) -> str:
    """A task of this name that has failed; its thing."""
    task = lab.run("node-a", name)
    lab.update_status(task, "failed", exit_code=1)
    return f"river/task/{task}"


def test_mail_that_was_down_for_two_runs_gets_one_message_and_the_webhook_no_repeat(
    river: Lab, config: Path, mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    notifier(config, "check")
    mailbox.stop()
    first = fail(river, "first")
    failed = notifier(config, "check")
    second = fail(river, "second")
    waits = notifier(config, "check")
    quiet = notifier(config, "check")
    assert [ran.code for ran in (failed, waits, quiet)] == [4, 4, 4]
    assert "[told hook; ops not yet: connection refused]" in failed.out
    assert len(notifier(config, "outbox", "list").out.splitlines()) == 3
    mailbox.start()
    retried = notifier(config, "outbox", "retry")
    assert (retried.code, retried.out) == (0, "1 delivered; 0 waiting\n")
    assert notifier(config, "outbox", "list").code == 0
    assert notifier(config, "check").code == 0
    (mail,) = mailbox.mails[1:]
    assert mail.subject == "[river] 2 tasks failed on node-a"
    assert first in mail.text
    assert second in mail.text
    things = [[event["thing"] for event in post.json()["events"]] for post in sink.requests[1:]]
    assert things == [[first], [second]]


def test_a_failure_that_only_the_outbox_knows_outlives_its_own_end(
    river: Lab, config: Path, mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    notifier(config, "check")
    mailbox.refuse("451 4.3.0 later")
    lost = river.run("node-a", "shaky")
    notifier(config, "check")
    river.update_status(lost, "lost", exit_code=-1)
    assert notifier(config, "check").code == 4
    river.update_status(lost, "completed", exit_code=0)
    assert notifier(config, "check").code == 4
    mailbox.accept()
    assert notifier(config, "outbox", "retry").code == 0
    # mail never heard of the problem, so it gets one line for both
    assert mailbox.mails[-1].subject == "[river] shaky was lost, then completed"
    assert len(mailbox.mails) == 2
    assert [post.json()["events"][0]["type"] for post in sink.requests[1:]] == [
        "problem",
        "recovery",
    ]


def test_six_runs_at_once_tell_each_news_once(
    river: Lab, config: Path, mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    notifier(config, "check")
    thing = fail(river, "wanted by six")
    with ThreadPoolExecutor(6) as pool:
        runs = list(pool.map(lambda _: notifier(config, "check"), range(6)))
    assert sorted(ran.code for ran in runs) == [0, 0, 0, 0, 0, 1]
    assert [ran.err for ran in runs] == [""] * 6
    assert mailbox.mails[-1].subject == "[river] wanted by six failed on node-a"
    assert len(mailbox.mails) == 2
    (post,) = sink.requests[1:]
    assert [event["thing"] for event in post.json()["events"]] == [thing]
    assert notifier(config, "check").code == 0


def test_a_run_that_may_not_wait_says_that_another_holds_the_lock(
    river: Lab, config: Path, sink: Sink, notifier: Command
) -> None:
    config.write_text(config.read_text() + '[state]\nlock_wait = "0s"\n')
    notifier(config, "check")
    fail(river, "wanted by four")
    with ThreadPoolExecutor(4) as pool:
        runs = list(pool.map(lambda _: notifier(config, "check"), range(4)))
    codes = [ran.code for ran in runs]
    assert codes.count(1) == 1
    assert set(codes) <= {0, 1, 75}
    assert all("another run holds" in ran.err for ran in runs if ran.code == 75)
    assert len(sink.requests) == 2
