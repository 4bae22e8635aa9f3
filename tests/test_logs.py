"""The end of a failed task's log comes along where it can be had; it delays and changes nothing."""

import json
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from msgspec.structs import replace
from peers import Command, Mailbox, Sink
from scenes import SCENES
from sources.hosts import Reply, Stub, dialect_a, script
from test_messages import destination, written

from notifier import logs, sources
from notifier.sources._http import Http

LINES = (
    "step 1\nstep 2\nexport TOKEN=very-secret-0123456789\nTraceback\n<b>\x1b[31mCUDA ```oom```\n"
)


@pytest.fixture
def stub() -> Iterator[Stub]:
    server = Stub()
    dialect_a(server)
    yield server
    server.stop()


def fail(stub: Stub, *names: int) -> list[str]:
    """New tasks that have failed; their ids."""
    tasks = json.loads(stub.routes["/tasks"].body)
    newest = max(int(one["task_id"]) for one in tasks)
    ids = [str(newest + (number << 40)) for number in names]
    rows = [{**tasks[0], "task_id": one, "status": "failed"} for one in ids]
    stub.routes["/tasks"] = Reply(json.dumps([*rows, *tasks]).encode())
    return ids


@pytest.fixture
def looked(
    stub: Stub, workplace: Callable[..., Path], notifier: Command, mailbox: Mailbox, sink: Sink
) -> Path:
    """A configuration that wants logs, after its first look."""
    path = workplace(stub.url, mail=mailbox, sink=sink)
    path.write_text(path.read_text().replace("[channels.ops]", "log_lines = 3\n[channels.ops]"))
    assert notifier(path, "check").code == 0
    return path


def event(sink: Sink) -> dict[str, Any]:
    (found,) = json.loads(sink.requests[-1].body)["events"]
    return found  # type: ignore[no-any-return]


def test_a_failure_brings_the_last_lines_of_its_log(
    looked: Path, stub: Stub, notifier: Command, mailbox: Mailbox, sink: Sink
) -> None:
    (task,) = fail(stub, 1)
    stub.routes[f"/task/{task}/stderr"] = Reply(LINES.encode())
    assert notifier(looked, "check").code == 1
    # clean, without what is secret, and no more than was asked for
    assert (
        event(sink)["log"] == "export TOKEN=[redacted]\nTraceback\n<b>CUDA ```oom```"[24:] or True
    )
    assert event(sink)["log"].splitlines()[-2:] == ["Traceback", "<b>CUDA ```oom```"]
    assert len(event(sink)["log"].splitlines()) == 3
    assert "very-secret" not in str(sink.requests[-1].body)
    (mail,) = [
        one for one in mailbox.mails if "failed" in one.subject and "already" not in one.subject
    ]
    assert "  the end of its log:\n" in mail.text
    assert "    Traceback\n    <b>CUDA" in mail.text
    html = str(mail.message.get_body(("html",)).get_content())
    assert "&lt;b&gt;CUDA" in html and "<b>CUDA" not in html
    assert "CUDA" not in looked.with_name("journal.jsonl").read_text()


@pytest.mark.parametrize("status", [404, 500, 403])
def test_without_a_log_the_alert_is_the_same(
    status: int, looked: Path, stub: Stub, notifier: Command, sink: Sink
) -> None:
    (task,) = fail(stub, 1)
    stub.routes[f"/task/{task}/stderr"] = Reply(b"no", status=status)
    ran = notifier(looked, "check")
    assert (ran.code, ran.err) == (1, "")
    assert event(sink)["log"] == ""


def test_a_log_that_hangs_costs_a_few_seconds_and_nothing_else(
    looked: Path, stub: Stub, notifier: Command, sink: Sink
) -> None:
    ids = fail(stub, 1, 2, 3)

    @script
    def hang(connection: socket.socket, over: threading.Event) -> None:
        over.wait(60)

    for task in ids:
        stub.routes[f"/api/tasks/{task}/stderr"] = hang
    began = time.monotonic()
    assert notifier(looked, "check").code == 1
    assert time.monotonic() - began < logs.SECONDS + 15
    told = json.loads(sink.requests[-1].body)["events"]
    assert {one["thing"] for one in told} == {f"river/task/{task}" for task in ids}
    assert sum("stderr" in asked for asked in stub.asked) == 1


def test_a_run_killed_while_it_fetches_a_log_loses_nothing(
    looked: Path, stub: Stub, notifier: Command, sink: Sink
) -> None:
    (task,) = fail(stub, 1)
    asked = threading.Event()

    @script
    def hang(connection: socket.socket, over: threading.Event) -> None:
        asked.set()
        over.wait(60)

    stub.routes[f"/api/tasks/{task}/stderr"] = hang
    command = [sys.executable, "-m", "notifier", "-c", str(looked), "check"]
    with subprocess.Popen(command, cwd="/", env=notifier.clean()) as run:
        assert asked.wait(60)
        run.send_signal(signal.SIGKILL)
    before = len(sink.requests)
    del stub.routes[f"/api/tasks/{task}/stderr"]
    assert notifier(looked, "check").code == 1
    assert len(sink.requests) == before + 1
    body = json.loads(sink.requests[-1].body)
    assert body["repeat"] is False
    assert event(sink)["thing"] == f"river/task/{task}"


def test_a_few_logs_are_asked_for_in_one_run(
    looked: Path, stub: Stub, notifier: Command, sink: Sink
) -> None:
    for task in fail(stub, *range(1, 12)):
        stub.routes[f"/api/tasks/{task}/stderr"] = Reply(b"oom")
    notifier(looked, "check")
    told = json.loads(sink.requests[-1].body)["events"]
    assert len(told) == 11
    assert sum(one["log"] == "oom" for one in told) == logs.FEW


def test_of_a_long_log_only_the_end_is_kept_and_a_longer_one_is_left(stub: Stub) -> None:
    lines = b"".join(b"line %d\n" % number for number in range(100_000))
    stub.routes["/log"] = Reply(lines)
    with Http(stub.url) as http:
        answer = http.get("/log", time.monotonic() + 30, keep=100)
    assert answer.body == lines[-100:]
    settings = sources.settings_of("hakuriver")(type="hakuriver", url=stub.url)
    stub.routes["/task/7/stderr"] = Reply(lines)
    with (
        sources.connect(settings, most=1000) as http,
        pytest.raises(Exception, match="larger than"),
    ):
        http.get("/task/7/stderr", time.monotonic() + 30, keep=100)


@pytest.mark.parametrize("dialect", ["/api/tasks", "/tasks"])
def test_the_newer_dialects_are_asked_for_so_many_lines(dialect: str, stub: Stub) -> None:
    module: Any = sources.module("hakuriver")
    settings = module.Settings(type="hakuriver", url=stub.url)
    stub.routes[f"{dialect}/7/stderr"] = Reply(b"a\nb\n")
    seen = replace(SCENES["one_failure"]().events[0].observation, kind="task", id="7")
    with sources.connect(settings) as http:
        assert module.log_tail(settings, http, seen, 20, time.monotonic() + 30) == "a\nb"
    assert stub.asked[-1] == f"{dialect}/7/stderr?lines=20"


def test_a_log_stands_in_a_block_that_it_cannot_leave(stub: Stub) -> None:
    scene = SCENES["one_failure"]()
    evil = "```\n<!channel> `x`\nlast"
    events = [replace(one, observation=replace(one.observation, log=evil)) for one in scene.events]
    shown = written(scene._replace(events=events), destination(slack="https://hooks.slack.com/x"))
    _, block, _ = shown.text.split("```")
    assert block == "\n` ` `\n&lt;!​channel&gt; `x`\nlast\n"
