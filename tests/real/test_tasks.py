"""What fails on a real host is told once; what was well after all is taken back."""

from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from peers import Command, Mailbox, Sink
from real.lab import Lab, until

BAD_ENDS = ("failed", "killed", "killed_oom", "stopped")


@pytest.fixture(scope="module")
def river(hakuriver_python: Path) -> Iterator[Lab]:
    """One host for this module, with one node that stays."""
    with closing(Lab(hakuriver_python)) as lab:
        lab.start()
        lab.add_node("steady")
        yield lab


@pytest.fixture
def config(river: Lab, workplace: Callable[..., Path], mailbox: Mailbox, sink: Sink) -> Path:
    """A configuration that looks at the module's host and tells both channels."""
    return workplace(river.url, mail=mailbox, sink=sink)


def end(lab: Lab, task: str, status: str) -> None:
    """Lets a running task end the way that gives it this status on a real cluster."""
    if status == "killed":
        lab.kill(task)
    elif status == "killed_oom":
        lab.beat("steady", killed=[(task, "oom")])
    else:
        lab.update_status(task, status, exit_code=3, message="boom")


def test_a_first_look_is_one_summary_and_a_second_one_is_quiet(
    host: Lab, workplace: Callable[..., Path], mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    host.add_node("steady")
    host.run("steady")
    host.update_status(host.run("steady"), "failed", exit_code=1)
    config = workplace(host.url, mail=mailbox, sink=sink)
    first, second = notifier(config, "check"), notifier(config, "check")
    assert (first.code, first.err) == (0, "")
    assert (second.code, second.out, second.err) == (0, "", "")
    (mail,), (post,) = mailbox.mails, sink.requests
    said = "[river] watching 2 tasks and 1 node on river; 1 task had already failed"
    assert mail.subject.strip() == post.json()["title"] == said


def test_every_bad_ending_is_told_once_and_all_of_them_in_one_message(
    river: Lab, config: Path, mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    tasks = {status: river.run("steady", f"to-be-{status}") for status in BAD_ENDS}
    well = river.run("steady", "well")
    notifier(config, "check")
    for status, task in tasks.items():
        end(river, task, status)
    river.update_status(well, "completed", exit_code=0)
    ran, again = notifier(config, "check"), notifier(config, "check")
    assert (ran.code, len(ran.out.splitlines())) == (1, 4)
    assert (again.code, again.out) == (0, "")
    assert len(mailbox.mails) == len(sink.requests) == 2
    events = sink.requests[1].json()["events"]
    assert {event["thing"]: event["status"] for event in events} == {
        f"river/task/{task}": status for status, task in tasks.items()
    }
    assert {event["status"] for event in events if event["severity"] == "warning"} == {"killed"}
    for status in BAD_ENDS:
        assert f"to-be-{status}" in mailbox.mails[1].text


def test_a_task_that_had_failed_before_anybody_saw_it_is_told(
    river: Lab, config: Path, mailbox: Mailbox, notifier: Command
) -> None:
    notifier(config, "check")
    river.update_status(river.run("steady", "hasty"), "failed", exit_code=1)
    assert notifier(config, "check").code == 1
    assert notifier(config, "check").code == 0
    assert [mail.subject for mail in mailbox.mails[1:]] == ["[river] hasty failed on steady"]


def test_a_lost_task_that_completed_after_all_is_taken_back(
    river: Lab, config: Path, mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    river.add_node("mortal")
    task = river.run("mortal", "survivor")
    notifier(config, "check")
    river.stop_beating("mortal")
    until(lambda: river.statuses()[task] == "lost", "the task to be lost")
    assert notifier(config, "check").code == 1
    river.update_status(task, "completed", exit_code=0)
    assert notifier(config, "check").code == 1
    assert notifier(config, "check").code == 0
    assert [mail.subject for mail in mailbox.mails[1:]] == [
        "[river] mortal is offline, survivor was lost on mortal",
        "[river] survivor completed after all",
    ]
    problem, recovery = (post.json()["events"] for post in sink.requests[1:])
    handles = {event["thing"]: event["incident"] for event in problem}
    assert [(one["thing"], one["incident"]) for one in recovery] == [
        (f"river/task/{task}", handles[f"river/task/{task}"])
    ]


def test_tasks_and_nodes_looked_at_at_different_times_are_told_once_each(
    river: Lab, config: Path, mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    river.add_node("fleeting")
    tasks = [river.run("fleeting", f"part-{number}") for number in range(3)]
    notifier(config, "check", "tasks")
    notifier(config, "check", "nodes")
    river.update_status(tasks[0], "failed", exit_code=1)
    assert notifier(config, "check", "nodes").code == 0
    assert notifier(config, "check", "tasks").code == 1
    river.stop_beating("fleeting")
    until(lambda: river.statuses()[tasks[1]] == "lost", "the tasks to be lost")
    codes = [notifier(config, "check", *which).code for which in (("nodes",), ("tasks",), ())]
    assert codes == [1, 1, 0]
    told = [mail.subject for mail in mailbox.mails]
    assert told == [post.json()["title"] for post in sink.requests]
    assert [title.partition(" on river")[0] for title in told[:2]] != told[:2]
    assert told[2:] == [
        "[river] part-0 failed on fleeting",
        "[river] fleeting is offline",
        "[river] 2 tasks lost on fleeting",
    ]
