"""A real host that stops, restarts or is slow: what could not be read is said, never guessed."""

import json
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from peers import LOOPBACK, Command, Mailbox, Sink
from real.lab import Lab


@pytest.fixture(scope="module")
def river(hakuriver_python: Path) -> Iterator[Lab]:
    """One host for this module, that is patient with its nodes while it is away itself."""
    with closing(Lab(hakuriver_python, silence=120)) as lab:
        lab.start()
        lab.add_node("node-a")
        yield lab


class Proxy:
    """Stands before a host. What is asked at `stuck` gets no answer, at `sick` a 500."""

    def __init__(self, lab: Lab) -> None:
        self.stuck, self.sick, self._over = "", "", threading.Event()
        proxy = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                path = self.path.partition("?")[0]
                if path == proxy.stuck:
                    proxy._over.wait(60)
                    return
                answer = lab.request("GET", self.path)
                self.send_response(500 if path == proxy.sick else answer.status_code)
                self.send_header("content-length", str(len(answer.content)))
                self.end_headers()
                self.wfile.write(answer.content)

            def log_message(self, *args: object) -> None:
                pass

        self._server = ThreadingHTTPServer((LOOPBACK, 0), Handler)
        self.url = f"http://{LOOPBACK}:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.02,), daemon=True).start()

    def close(self) -> None:
        """Ends it, and whatever hangs in it."""
        self._over.set()
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def proxy(river: Lab) -> Iterator[Proxy]:
    """A proxy before the module's host."""
    with closing(Proxy(river)) as one:
        yield one


def long_ago(config: Path) -> None:
    """Lets ten minutes pass for the looks: all that they remember is as much older."""
    path = config.with_name("looks.json")
    looks = json.loads(path.read_text())
    for look in looks.values():
        for key in ("started", "rest_until"):
            if key in look:
                earlier = datetime.fromisoformat(look[key]) - timedelta(minutes=10)
                look[key] = earlier.isoformat()
    path.write_text(json.dumps(looks))


def test_a_host_that_is_gone_is_told_at_the_second_look_and_its_return_once(
    river: Lab,
    workplace: Callable[..., Path],
    mailbox: Mailbox,
    sink: Sink,
    notifier: Command,
) -> None:
    config = workplace(river.url, mail=mailbox, sink=sink)
    river.run("node-a")
    notifier(config, "check")
    river.stop_host()
    gone = [notifier(config, "check") for _ in range(3)]
    assert [ran.code for ran in gone] == [3, 3, 3]
    assert all("river: nodes cannot be read: connection refused" in ran.err for ran in gone)
    assert [len(ran.out.splitlines()) for ran in gone] == [0, 1, 0]
    assert "could not be read: connection refused" in notifier(config, "status").out
    river.start()
    river.wait_node("node-a", "online")
    back = [notifier(config, "check") for _ in range(2)]
    assert [ran.code for ran in back] == [1, 0]
    told = [mail.subject for mail in mailbox.mails[1:]]
    assert told == [post.json()["title"] for post in sink.requests[1:]]
    assert told[0] == "[river] river is unreachable"
    assert told[1].startswith("[river] back: river (")
    assert len(told) == 2


def test_a_host_that_was_restarted_on_its_database_is_no_news(
    river: Lab, workplace: Callable[..., Path], mailbox: Mailbox, sink: Sink, notifier: Command
) -> None:
    config = workplace(river.url, mail=mailbox, sink=sink)
    river.run("node-a")
    river.update_status(river.run("node-a"), "failed", exit_code=1)
    notifier(config, "check")
    river.stop_host()
    river.start()
    ran = notifier(config, "check")
    assert (ran.code, ran.out, ran.err) == (0, "", "")
    assert len(mailbox.mails) == len(sink.requests) == 1


def test_a_host_without_answer_rests_is_told_at_the_second_look_and_then_its_return(
    river: Lab,
    proxy: Proxy,
    workplace: Callable[..., Path],
    mailbox: Mailbox,
    sink: Sink,
    notifier: Command,
) -> None:
    config = workplace(proxy.url, mail=mailbox, sink=sink)
    river_keys = '[sources.river]\ntimeout = "5s"\nkinds = ["node", "task"]'
    config.write_text(config.read_text().replace("[sources.river]", river_keys))
    notifier(config, "check")
    task = river.run("node-a", "unseen")
    river.update_status(task, "failed", exit_code=1)
    proxy.stuck = "/tasks"
    slow, resting = (notifier(config, "check") for _ in range(2))
    assert (slow.code, resting.code) == (3, 3)
    assert "river: tasks cannot be read: no answer within 5 s" in slow.err
    assert "river: tasks took 5 s; not asked again before" in slow.err
    assert "river: tasks not asked before" in resting.err
    assert len(mailbox.mails) == len(sink.requests) == 1
    long_ago(config)
    still = notifier(config, "check")
    assert (still.code, len(still.out.splitlines())) == (3, 1)
    proxy.stuck = ""
    long_ago(config)
    assert [notifier(config, "check").code for _ in range(2)] == [1, 0]
    problem, recovery = (post.json() for post in sink.requests[1:])
    assert problem["title"] == "[river] river (tasks) is too slow to read"
    assert [(one["type"], one["name"]) for one in recovery["events"]] == [
        ("recovery", "river (tasks)"),
        ("problem", "unseen"),
    ]
    assert len(mailbox.mails) == 3


def test_tasks_that_could_not_be_read_for_a_while_are_told_when_they_can(
    river: Lab,
    proxy: Proxy,
    workplace: Callable[..., Path],
    mailbox: Mailbox,
    notifier: Command,
) -> None:
    config = workplace(proxy.url, mail=mailbox)
    notifier(config, "check")
    task = river.run("node-a", "unseen")
    river.update_status(task, "failed", exit_code=1)
    proxy.sick = "/tasks"
    once, twice = (notifier(config, "check") for _ in range(2))
    assert (once.code, twice.code) == (3, 3)
    assert "river: tasks cannot be read: http 500" in once.err
    proxy.sick = ""
    assert [notifier(config, "check").code for _ in range(2)] == [1, 0]
    problem, recovery = (mail.subject for mail in mailbox.mails[1:])
    assert problem == "[river] river (tasks) is giving broken answers"
    assert recovery.startswith("[river] unseen failed on node-a, back: river (tasks) (")


def test_a_list_of_vps_that_cannot_be_read_is_told_by_itself_and_so_is_its_return(
    river: Lab, proxy: Proxy, workplace: Callable[..., Path], sink: Sink, notifier: Command
) -> None:
    config = workplace(proxy.url, sink=sink)
    notifier(config, "check")
    proxy.sick = "/vps"
    river.update_status(river.run("node-a", "seen"), "failed", exit_code=1)
    assert [notifier(config, "check").code for _ in range(3)] == [3, 3, 3]
    proxy.sick = ""
    assert [notifier(config, "check").code for _ in range(2)] == [1, 0]
    told = [[f"{e['type']} {e['name']}" for e in post.json()["events"]] for post in sink.requests]
    assert told[1:] == [
        ["problem seen"],
        ["problem river (tasks/vps)"],
        ["recovery river (tasks/vps)"],
    ]
