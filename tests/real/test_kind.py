"""A host with very many tasks, and three runs at once: it is asked once, and nobody suffers.

The table, beside what three loops of curl do: `PYTHONPATH=tests python -m real.test_kind 100000`
"""

import contextlib
import signal
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import pytest
import requests
from peers import Command, Sink
from real.conftest import CACHE, install
from real.lab import Lab

# the host's own limit: five seconds between beats, and six of these
SILENCE = 30.0
NODES = ("node-a", "node-b", "node-c")
# a look reads two lists of tasks: the second one is that of the vps
ONE_LOOK = 2
# a little more than what Notifier calls a slow answer
SLOW = 5.5


class Harm(NamedTuple):
    """What befell a cluster whose nodes all beat and whose tasks all run."""

    offline: int
    lost: int
    worst_beat: float


class Watch:
    """Looks at the host's database, and times heartbeats, while something else goes on."""

    def __init__(self, lab: Lab) -> None:
        self._lab = lab
        self._over = threading.Event()
        self._gone: set[str] = set()
        self._worst = 0.0
        self._threads = [threading.Thread(target=one) for one in (self._look, self._beat)]
        for thread in self._threads:
            thread.start()

    def harm(self) -> Harm:
        """Ends the watch; what was seen."""
        self._over.set()
        for thread in self._threads:
            thread.join()
        lost = _ask(self._lab, "select task_id from task where status = 'lost'")
        return Harm(len(self._gone), len(lost), self._worst)

    def _look(self) -> None:
        while not self._over.wait(0.2):
            self._gone |= _ask(self._lab, "select hostname from node where status = 'offline'")

    def _beat(self) -> None:
        while not self._over.wait(0.2):
            began = time.monotonic()
            # one that the host does not answer within a minute was no beat
            with contextlib.suppress(requests.RequestException):
                self._lab.beat(NODES[0])
            self._worst = max(self._worst, time.monotonic() - began)


def _ask(lab: Lab, question: str) -> set[str]:
    with closing(sqlite3.connect(lab.database, timeout=30)) as database:
        return {str(row[0]) for row in database.execute(question)}


def _questions(lab: Lab) -> int:
    """How often the host was asked for a list of tasks."""
    return (lab.root / "host.log").read_text().count("Received request to fetch tasks list")


def fill(lab: Lab, count: int) -> None:
    """Nodes that beat, each with a task that runs, and `count` tasks that ended long ago."""
    for node in NODES:
        lab.add_node(node)
        lab.run(node)
    lab.fill(count, node=NODES[0])


@contextlib.contextmanager
def frozen(lab: Lab, seconds: float) -> Iterator[None]:
    """The host stands still, as when it is busy with one long answer."""
    assert lab.process
    lab.process.send_signal(signal.SIGSTOP)
    try:
        yield
        threading.Event().wait(seconds)
    finally:
        lab.process.send_signal(signal.SIGCONT)


@pytest.fixture
def river(make_host: Callable[..., Lab]) -> Lab:
    """A host with twenty thousand tasks, three nodes and the limits it comes with."""
    lab = make_host(silence=SILENCE)
    fill(lab, 20_000)
    return lab


def test_three_runs_at_once_ask_a_slow_host_once_harm_nobody_and_say_why_they_rest(
    river: Lab, workplace: Callable[..., Path], sink: Sink, notifier: Command
) -> None:
    config = workplace(river.url, sink=sink)
    assert notifier(config, "check", "nodes").code == 0
    asked, watch = _questions(river), Watch(river)
    with ThreadPoolExecutor(3) as pool:
        with frozen(river, SLOW):
            begun = [pool.submit(notifier, config, "check", "tasks") for _ in range(3)]
        runs = [one.result() for one in begun]
    after = notifier(config, "check", "tasks")
    assert watch.harm()[:2] == (0, 0)
    assert _questions(river) - asked == ONE_LOOK
    assert [ran.code for ran in (*runs, after)] == [0, 0, 0, 0]
    rest, *more, slow = sorted(ran.err for ran in (*runs, after))
    assert "river: tasks took " in slow
    assert "s; not asked again before " in slow
    assert rest.startswith("notifier: river: tasks not asked before ")
    assert "UTC: the last answer took " in rest
    assert more == [rest, rest]
    assert len(sink.requests) == 2


def test_three_runs_at_once_look_one_after_the_other_and_share_what_they_can(
    river: Lab, workplace: Callable[..., Path], sink: Sink, notifier: Command
) -> None:
    config = workplace(river.url, sink=sink)
    notifier(config, "check", "nodes")
    asked, watch = _questions(river), Watch(river)
    with ThreadPoolExecutor(3) as pool:
        runs = [pool.submit(notifier, config, "check", "tasks", "--now") for _ in range(3)]
    assert [one.result().code for one in runs] == [0, 0, 0]
    assert watch.harm()[:2] == (0, 0)
    # the second began after the first had asked, so it asks again; the third need not
    assert _questions(river) - asked in (ONE_LOOK, 2 * ONE_LOOK)


# ---- the table ----------------------------------------------------------------------------------


def _plain(lab: Lab) -> list[float]:
    """What a cron job of curl does: the same three lists, whatever else is under way."""

    def get() -> float:
        began = time.monotonic()
        for path in ("tasks", "nodes", "vps"):
            command = ["curl", "-fsS", "-o", "/dev/null", "--noproxy", "*", "--max-time", "600"]
            subprocess.run([*command, f"{lab.url}/{path}"], check=True)
        return time.monotonic() - began

    with ThreadPoolExecutor(3) as pool:
        return [one.result() for one in [pool.submit(get) for _ in range(3)]]


def _ours(lab: Lab) -> list[float]:
    with TemporaryDirectory() as folder, contextlib.ExitStack() as stack:
        sink = Sink()
        sink.start()
        stack.callback(sink.stop)
        config = Path(folder) / "config.toml"
        config.write_text(
            f'[sources.river]\ntype = "hakuriver"\nurl = "{lab.url}"\n'
            f'[channels.hook]\nwebhook = "{sink.url}"\n'
        )
        config.chmod(0o600)

        def run() -> float:
            began = time.monotonic()
            ran = Command(Path(folder))(config, "check")
            for line in ran.err.splitlines():
                print(f"  exit {ran.code}: {line}")
            return time.monotonic() - began

        with ThreadPoolExecutor(3) as pool:
            return [one.result() for one in [pool.submit(run) for _ in range(3)]]


def main(count: int) -> int:
    """Prints what three overlapping runs, and as many of curl, do to a host with so many tasks."""
    python = install(CACHE.absolute() / "hakuriver-0.3.0")
    rows = []
    for name, work in (("three runs of ours", _ours), ("three loops of curl", _plain)):
        with closing(Lab(python, silence=SILENCE)) as lab:
            lab.start()
            fill(lab, count)
            watch = Watch(lab)
            try:
                took = work(lab)
            finally:
                harm = watch.harm()
            rows.append((name, _questions(lab), max(took), *harm))
    print("| | lists of tasks asked | slowest | nodes offline | tasks lost | slowest heartbeat |")
    print("| --- | --- | --- | --- | --- | --- |")
    for name, asked, slowest, offline, lost, beat in rows:
        print(f"| {name} | {asked} | {slowest:.1f} s | {offline} | {lost} | {beat:.1f} s |")
    return 1 if rows[0][3] or rows[0][4] else 0


if __name__ == "__main__":
    sys.exit(main(int(sys.argv[1])))
