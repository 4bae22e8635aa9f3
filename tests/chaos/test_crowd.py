"""A crowd of runs, people and scripts on one state: each news once, and one question at a time.

The whole crowd: `PYTHONPATH=tests python -m chaos.test_crowd 200`
"""

import json
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from peers import Command, Mailbox, Sink
from sources.hosts import Reply, Stub, recorded

from notifier.state import Store

RUNS, SECONDS = 40, 10.0
TASKS, WAVES = 25, 5
# a healthy host and healthy channels: 0 nothing new, 1 news, 75 another run holds the lock
DOCUMENTED = {0, 1, 75}


class Host:
    """A HakuRiver host that counts how many questions it is asked at once."""

    def __init__(self) -> None:
        self.stub = Stub()
        self.most = 0
        self._now = 0
        self._lock = threading.Lock()
        self._row = json.loads(recorded("m05_tasks"))[0]
        self.failed: set[str] = set()
        for path in ("/nodes", "/vps", "/tasks"):
            self.stub.routes[path] = self._one_at_a_time(path)

    def _one_at_a_time(self, path: str) -> Callable[[object], Reply]:
        def answer(_: object) -> Reply:
            with self._lock:
                self._now += 1
                self.most = max(self.most, self._now)
            # as long as a host of this size takes; two that overlap are seen
            self.stub.over.wait(0.01)
            with self._lock:
                self._now -= 1
            return Reply(self._body(path))

        return answer

    def _body(self, path: str) -> bytes:
        if path == "/nodes":
            return recorded("m01_nodes")
        if path == "/vps":
            return b"[]"
        rows = [
            {**self._row, "task_id": name, "command": name, "status": self._status(name)}
            for name in names()
        ]
        return json.dumps(rows).encode()

    def _status(self, name: str) -> str:
        return "failed" if name in self.failed else "running"


def names() -> list[str]:
    """The ids of all tasks."""
    return [str(7530119858105614336 + number * 2**22) for number in range(TASKS)]


@dataclass
class Seen:
    """How the processes of a crowd ended, and what arrived."""

    codes: Counter[int] = field(default_factory=Counter)
    strange: list[str] = field(default_factory=list)
    hook: list[tuple[str, str]] = field(default_factory=list)
    mail: list[tuple[str, str]] = field(default_factory=list)
    keys: list[str] = field(default_factory=list)
    most: int = 0
    waits: int = 0
    decided: int = 0
    pushed: list[str] = field(default_factory=list)
    forgotten: set[str] = field(default_factory=set)


def crowd(command: Command, config: Path, host: Host, mail: Mailbox, sink: Sink, runs: int) -> Seen:
    """Many runs within `SECONDS`, news in the middle of them, and two people who decide."""
    begun: list[subprocess.Popen[str]] = []
    decided: set[str] = set()
    pushed: list[str] = []
    pause = threading.Event()

    def begin(*arguments: str) -> None:
        line = [sys.executable, "-m", "notifier", "-c", str(config), *arguments]
        pipe = subprocess.PIPE
        begun.append(
            subprocess.Popen(
                line, cwd="/", env=command.clean(), stdout=pipe, stderr=pipe, text=True
            )
        )

    assert command(config, "check").code == 0
    host.failed = set(names()[:1])
    assert command(config, "check").code == 1
    for number in range(runs):
        if number * WAVES % runs < WAVES:
            host.failed = set(names()[: TASKS * (number * WAVES // runs + 1) // WAVES])
        begin("check")
        if number % 8 == 3:
            begin("silence", "add", f"river/node/gpu-{number}", "--for", "1h", "-m", "elsewhere")
            decided.add(f"gpu-{number}")
        if number % 8 == 6:
            handles = _handles(sink)
            handle = handles[number % len(handles)]
            begin("ack", handle, "-m", "in hand")
            decided.add(handle)
        if number % 8 == 1:
            pushed.append(f"job-{number}")
            begin("emit", "--source", "backup", "--kind", "job", "--id", pushed[-1], "--failed")
        pause.wait(min(SECONDS, runs / 10) / runs)
    seen = Seen()
    for one in begun:
        out, err = one.communicate(timeout=240)
        seen.codes[one.returncode] += 1
        if one.returncode not in DOCUMENTED or (err and one.returncode != 75):
            seen.strange.append(f"{one.args!r}: {one.returncode} {out} {err}")
    for _ in range(2):
        last = command(config, "check")
    seen.strange += [last.err] if last.code else []
    people = Store(config.with_name("state.json")).people()
    silenced = {one.things[0].rpartition("/")[2] for one in people.silences.values()}
    seen.forgotten = decided - people.acks.keys() - silenced
    seen.decided = len(decided)
    seen.pushed = pushed
    return _counted(seen, config, host, mail, sink)


def _handles(sink: Sink) -> list[str]:
    events = [event for post in list(sink.requests) for event in post.json()["events"]]
    return [event["incident"] for event in events if event["incident"]]


def _counted(seen: Seen, config: Path, host: Host, mail: Mailbox, sink: Sink) -> Seen:
    things = {}
    for post in sink.requests:
        seen.keys.append(post.headers["webhook-id"])
        for event in post.json()["events"]:
            things[event["id"]] = event["thing"].rpartition("/")[2]
            seen.hook.append((event["id"], things[event["id"]]))
    for one in mail.mails:
        ids = str(one.message["x-notifier-events"]).split()
        seen.mail += [(name, things.get(name, "?")) for name in ids]
    state, _ = Store(config.with_name("state.json")).load()
    seen.waits = len(state.events) + len(state.messages)
    seen.most = host.most
    return seen


def wrong(seen: Seen, expected: Sequence[str]) -> list[str]:
    """Which promises this crowd saw broken."""
    found = list(seen.strange)
    for row, told in (("hook", seen.hook), ("ops", seen.mail)):
        twice = [name for name, count in Counter(name for name, _ in told).items() if count > 1]
        things = Counter(thing for _, thing in told)
        found += [f"{row} was told {name} twice" for name in twice]
        found += [
            f"{row} heard {things[one]} times of {one}" for one in expected if things[one] != 1
        ]
    if len(set(seen.keys)) < len(seen.keys):
        found.append("a message was sent twice")
    if seen.most != 1:
        found.append(f"the host was asked {seen.most} questions at once")
    if seen.forgotten:
        found.append(f"what people decided was lost: {seen.forgotten}")
    if seen.waits:
        found.append(f"{seen.waits} still wait")
    return found


def test_a_crowd_of_runs_tells_each_news_once_and_asks_one_question_at_a_time(
    workplace: Callable[..., Path], notifier: Command, mailbox: Mailbox, sink: Sink
) -> None:
    host = Host()
    config = workplace(host.stub.url, mail=mailbox, sink=sink)
    seen = crowd(notifier, config, host, mailbox, sink, RUNS)
    host.stub.stop()
    assert wrong(seen, [*names(), *seen.pushed]) == []
    # some of them found the news, and some of them nothing to do
    assert min(seen.codes[0], seen.codes[1]) > 0
    assert seen.decided > RUNS // 8
    assert len(seen.pushed) >= RUNS // 8


def main(runs: int) -> int:
    """Plays a crowd of that size and prints what came of it; 1 when a promise was broken."""
    with TemporaryDirectory() as folder, ExitStack() as stack:
        place, host, mail, sink = Path(folder), Host(), Mailbox(), Sink()
        for one in (mail, sink):
            one.start()
            stack.callback(one.stop)
        stack.callback(host.stub.stop)
        config = place / "config.toml"
        config.write_text(
            f'[sources.river]\ntype = "hakuriver"\nurl = "{host.stub.url}"\n'
            f'[channels.ops]\nemail = "ops@example.org"\nsmtp = "{mail.address}"\n'
            f'[channels.hook]\nwebhook = "{sink.url}"\n'
        )
        config.chmod(0o600)
        seen = crowd(Command(place), config, host, mail, sink, runs)
    found = wrong(seen, [*names(), *seen.pushed])
    codes = ", ".join(f"{count} x {code}" for code, count in sorted(seen.codes.items()))
    print(f"{runs} runs: ended with {codes}; {len(seen.keys)} webhooks, {len(mail.mails)} mails,")
    print(f"{len(seen.hook)} events, {len(seen.pushed)} of them pushed, {seen.decided} decisions")
    print(f"of people, and at most {seen.most} question to the host at a time.")
    print(f"Broken: {'; '.join(found) or 'nothing'}.")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
