"""Streams that are garbled, cut, doubled or foreign: a run tells what some line says, and no more.

`PYTHONPATH=tests python tests/test_hostile_lucifer.py STORIES` plays so many random ones.
"""

import os
import re
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import NamedTuple

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from judging import FEW, TEXTS, Runs, channels, long_run

from notifier.errors import Exit
from notifier.model import Event
from notifier.sources._lucifer_events import PHASES, SILENT
from notifier.sources._redact import Redactor
from notifier.sources._text import clean

SUFFIX = ".events"
LINE, MESSAGE, NAME = 65536, 1000, 120
CONFIG = """
[sources.lab]
type = "lucifer"
paths = ["{folder}/*.events"]
kinds = ["task", "test", "host"]
"""
FIRST = {
    "1.events": b"starting\nrunning\nhost_running host-1\ntest_passed a\n",
    "2.events": b"starting\nhost_needs_repair host-2\ntest_failed a\ncompleted\n",
}


# ---- what was said ----------------------------------------------------------------------------


class Line(NamedTuple):
    """One line as the protocol has it: a word, and a message after the first space."""

    word: str
    message: str


def lines(data: bytes) -> list[Line]:
    """All that are whole in a file, or longer than any that is waited for."""
    *whole, rest = data.split(b"\n")
    found = []
    for one in [*whole, *([rest] if len(rest) > LINE else [])]:
        word, _, message = one[:LINE].partition(b" ")
        text = message[:MESSAGE].decode("utf-8", "replace")
        shown = clean(text, NAME, line=True, redact=Redactor())
        found.append(Line(word.rstrip(b"\r").decode("utf-8", "replace"), shown))
    return found


def task_of(name: str) -> str:
    """The task that a file's name stands for."""
    return clean(name.partition(SUFFIX)[0], NAME, line=True) or clean(name, NAME, line=True)


def ends(said: list[Line]) -> list[str]:
    """How each attempt of a task ended, and how the last one is, by the rules of the page."""
    found: list[str] = []
    phase = end = ""
    failed = harness = False
    for word, message in said:
        if word == "starting" and (phase or end):
            found.append(_end(end or "crashed", failed, harness))
            phase, end, failed, harness = "", "", False, False
        if word in PHASES and not end:
            phase = word
        elif word in ("aborted", "completed"):
            end = end or word
        elif word in ("test_passed", "test_failed"):
            phase = phase or "running"
            harness |= word == "test_failed" and message == "autoserv"
            failed |= word == "test_failed" and message != "autoserv"
    return [*found, _end(end, failed, harness)]


def _end(end: str, failed: bool, harness: bool) -> str:
    if end == "completed" and (failed or harness):
        return "tests_failed" if failed else "harness_failed"
    return end


BAD_ENDS = {"aborted", "crashed", "tests_failed", "harness_failed"}


# ---- the folder and its watcher ---------------------------------------------------------------


class Watcher(Runs):
    """Looks at a folder again and again, and judges what is told of it."""

    def __init__(self, folder: Path, config: str) -> None:
        super().__init__(folder, config)
        self.events, self.kept = folder / "events", folder / "kept"
        self.kept.mkdir()
        self.events.mkdir()
        for name in FIRST:
            (self.kept / name).touch()
        self.clear()
        assert self.run().code == Exit.OK
        assert self.run().code == Exit.OK
        self.keep()

    def clear(self) -> None:
        """The folder as it was at the first look, with the very same files in it."""
        for path in self.events.iterdir():
            remove(path)
        self.said: dict[str, list[Line]] = {}
        self.odd: set[str] = set()
        self.missing: set[str] = set()
        self.aged: set[str] = set()
        self.torn = False
        self.times = 0
        for name, data in FIRST.items():
            os.link(self.kept / name, self.events / name)
            self.write(name, data, "wb")
        self.look()

    def begin(self) -> None:
        """State and folder are as after the first looks."""
        self.again()
        self.clear()

    def write(self, name: str, data: bytes, mode: str = "ab") -> None:
        """Into a file, later than into any before it."""
        path = self.events / name
        if path.is_symlink() or path.is_dir():
            return
        if not name.isprintable():
            self.odd.add(name)
        self.times += 1
        with path.open(mode) as file:
            file.write(data)
        at = self.now.timestamp() + self.times
        os.utime(path, (at, at))

    def look(self) -> None:
        """What is there now was said; of what was there before, that it was."""
        there = {path.name for path in self.events.iterdir() if path.is_file()}
        self.missing |= {task_of(name) for name in self.said if name not in there}
        for name in there:
            new = lines((self.events / name).read_bytes())
            self.said[name] = [*self.said.get(name, []), *new]

    def of(self, task: str) -> list[Line]:
        """All that the files of a task ever said."""
        return [line for name, said in self.said.items() if task_of(name) == task for line in said]

    def judged(self) -> list[Event]:
        """One run, after which nothing false was told; its events."""
        self.look()
        events = self.news()
        for event in events:
            assert self.is_true(event), event
        return events

    def is_true(self, event: Event) -> bool:
        """Whether some line says so."""
        kind, ident = event.thing.split("/", 2)[1:]
        if event.type == "summary":
            return self.is_remark(event.text)
        if kind == "source":
            return bool(self.odd) or event.type == "recovery"
        assert event.observation
        status = event.observation.status
        match kind:
            case "task":
                return self.is_end(ident, status)
            case "test":
                task, _, name = ident.partition("/")
                return any(line == (status, name) for line in self.of(task)) or (
                    name == "(no name)" and Line(status, "") in self.of(task)
                )
            case "host":
                every = [line for said in self.said.values() for line in said]
                return any(line.word == status and line.message in (ident, "") for line in every)
        return False

    def is_end(self, task: str, status: str) -> bool:
        """Whether a task may be told to be so."""
        said = self.of(task)
        words = Counter(line.word for line in said)
        failed = {line.message for line in said if line.word == "test_failed"}
        match status:
            case "vanished":
                return task in self.missing
            case "crashed":
                return words["starting"] > 1 or bool(words["starting"] and words.keys() & BEGUN)
            case "tests_failed":
                return bool(words["completed"] and failed - {"autoserv"})
            case "harness_failed":
                return bool(words["completed"] and "autoserv" in failed)
            case _ if status.endswith(SILENT):
                # a test that comes before any phase is one of a task that runs
                phases = {line.word.replace("test_passed", "running") for line in said}
                phases |= {"running"} if failed else set()
                return status.removesuffix(SILENT) in phases and task in self.aged
        return words[status] > 0

    def is_remark(self, text: str) -> bool:
        """Whether a sentence about what is no event is true."""
        every = {line.word for said in self.said.values() for line in said}
        if unknown := re.search(r"unknown event '(\w+)'", text):
            return unknown[1] in every
        if "cut or replaced" in text:
            return self.torn
        return "no event" in text or "without a host" in text

    def play(self, story: tuple["Step", ...]) -> None:
        """What is written from look to look is told, and what is not told is not there."""
        self.begin()
        told: Counter[str] = Counter()
        for step in story:
            for act, name, data in step:
                ACTS[act](self, name, data)
            told.update(failures(self.judged()))
        told.update(failures(self.judged()))
        # what is gone is missed at the second look, and flapping is over after an hour
        self.judged()
        self.now += timedelta(hours=1)
        self.judged()
        events = self.judged()
        assert events == [], events
        if not self.torn:
            self.compare(told)
        for name in self.odd:
            remove(self.events / name)
        self.judged()
        events = self.judged()
        assert events == [], events
        assert self.run().code == Exit.OK

    def compare(self, told: Counter[str]) -> None:
        """Each bad end of what was only written to was told, and as often as it came."""
        for path in self.events.iterdir():
            if path.name in self.odd or not path.name.endswith(SUFFIX):
                continue
            said = lines(path.read_bytes())
            bad = [end for end in ends(said) if end in BAD_ENDS]
            past = path.name in FIRST and len(
                [end for end in ends(lines(FIRST[path.name])) if end in BAD_ENDS]
            )
            assert told[task_of(path.name)] == len(bad) - past, (path.name, bad, told)


def remove(path: Path) -> None:
    """A file or folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        path.rmdir()
    else:
        path.unlink(missing_ok=True)


def failures(events: list[Event]) -> list[str]:
    """The tasks that are told to have failed."""
    return [
        event.thing.split("/", 2)[2]
        for event in events
        if event.type == "problem" and event.thing.split("/", 2)[1] == "task"
        and event.observation and event.observation.health == "failed"
    ]  # fmt: skip


BEGUN = {*PHASES, "test_passed", "test_failed"}


@pytest.fixture(scope="module")
def watcher(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watcher]:
    """A watcher of a folder, with mail and webhooks, that took its first looks."""
    with watching(tmp_path_factory.mktemp("hostile")) as found:
        yield found


@contextmanager
def watching(folder: Path) -> Iterator[Watcher]:
    """The same in a folder of one's own."""
    with channels() as told:
        yield Watcher(folder, CONFIG.format(folder=folder / "events") + told)


# ---- what happens to the files ----------------------------------------------------------------

# act, file, bytes
Step = tuple[tuple[str, str, bytes], ...]


def cut(watcher: Watcher, name: str, data: bytes) -> None:
    """All but its beginning is gone."""
    path = watcher.events / name
    if path.is_file() and not path.is_symlink():
        watcher.torn = True
        watcher.write(name, path.read_bytes()[: len(data)], "wb")


def replaced(watcher: Watcher, name: str, data: bytes) -> None:
    """Another file has its name."""
    path = watcher.events / name
    if path.is_file() and not path.is_symlink():
        watcher.torn = True
        path.unlink()
        watcher.write(name, data)


def renamed(watcher: Watcher, name: str, data: bytes) -> None:
    """It is called otherwise, as after a rotation."""
    path = watcher.events / name
    if path.is_file() and not path.is_symlink():
        watcher.torn = True
        path.rename(f"{path}.1")


def removed(watcher: Watcher, name: str, data: bytes) -> None:
    """It is gone."""
    path = watcher.events / name
    if path.is_file() and not path.is_symlink():
        watcher.torn = True
        path.unlink()


def aged(watcher: Watcher, name: str, data: bytes) -> None:
    """It was written long ago."""
    path = watcher.events / name
    if path.is_file() and not path.is_symlink():
        watcher.aged.add(task_of(name))
        at = watcher.now.timestamp() - 5 * 3600
        os.utime(path, (at, at))


def linked(watcher: Watcher, name: str, data: bytes) -> None:
    """Something that is no file."""
    path = watcher.events / name
    if not path.exists() and not path.is_symlink():
        watcher.odd.add(name)
        if data:
            path.symlink_to("/etc/passwd")
        else:
            path.mkdir()


ACTS: dict[str, Callable[[Watcher, str, bytes], None]] = {
    "write": Watcher.write,
    **{one.__name__: one for one in (cut, replaced, renamed, removed, aged, linked)},
}
WORDS = [
    "starting", "provisioning", "running", "gathering", "parsing", "completed", "aborted",
    "test_passed a", "test_failed a", "test_failed b", "test_failed autoserv", "test_failed",
    "host_running host-1", "host_ready host-2", "host_needs_repair host-2", "host_ready",
    "host_needs_repair host-1", "host_needs_replacement", "host_failed_repair host-3",
    "defrosting", "TEST_FAILED a", "test_failedb", "completed with love", "", " ",
]  # fmt: skip
FOREIGN = [
    b"\xff", b"\0", b"\r", b"\r\n", b"\x1b[2J", b"\t", b" ", "\u2028".encode(), b"\xc3",
    b"\xef\xbb\xbf", b"\x85", b"\n\n", b"x" * 70_000, b"\n" + b"y" * 70_000,
]  # fmt: skip


@st.composite
def streams(draw: st.DrawFn) -> bytes:
    """Lines, some of them odd, with bytes that are lost, doubled or foreign."""
    words = st.one_of(
        st.sampled_from(WORDS),
        st.builds("{} {}".format, st.sampled_from(["test_failed", "host_needs_repair", "x"]),
                  st.sampled_from(TEXTS)),
        st.text(max_size=20),
    )  # fmt: skip
    text = "".join(f"{line}\n" for line in draw(st.lists(words, min_size=1, max_size=8)))
    data = text.encode("utf-8", "surrogatepass")
    for _ in range(draw(st.integers(0, 2))):
        begin, end = sorted(draw(st.tuples(*[st.integers(0, len(data))] * 2)))
        piece = draw(st.one_of(st.sampled_from(FOREIGN), st.binary(max_size=6)))
        data = draw(
            st.sampled_from([
                data[:end], data[begin:], data[:begin] + data[end:], data[:end] + data[begin:],
                data[:begin] + piece + data[begin:], data + piece,
            ])
        )  # fmt: skip
    return data


NAMES = [
    "1.events", "2.events", "3.events", "4.events", " .events", "a b.events", "ü.events",
    "x" * 200 + ".events", "a'\"<b>.events", "{{ 7 }}.events", "4.events.1", "-rf.events",
]  # fmt: skip
ODD_NAMES = ["\x1b[2J.events", "a\nb.events", "\udcff.events", "\u202e.events", "l.events"]
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("write"), st.sampled_from(NAMES), streams()),
        st.tuples(st.just("write"), st.sampled_from(NAMES), streams()),
        st.tuples(st.sampled_from(sorted(ACTS)), st.sampled_from(NAMES), streams()),
        st.tuples(st.sampled_from(["write", "linked"]), st.sampled_from(ODD_NAMES), streams()),
    ),
    min_size=1, max_size=4,
).map(tuple)  # fmt: skip
STORIES: st.SearchStrategy[tuple[Step, ...]] = st.lists(STEPS, min_size=1, max_size=3).map(tuple)


@given(story=STORIES)
@settings(derandomize=True, max_examples=12, **FEW)
def test_nothing_is_told_that_no_line_says_and_nothing_that_one_says_is_not(
    watcher: Watcher, story: tuple[Step, ...]
) -> None:
    watcher.play(story)


HURTS = {
    "a line of 10 MB": b"test_failed " + b"x" * 10 * 2**20 + b"\n",
    "10 MB without an end": b"test_failed " + b"x" * 10 * 2**20,
    "one event again and again": b"test_failed a\n" * 50_000,
    "many failed tests": b"".join(b"test_failed t%d\n" % n for n in range(20_000)),
    "many unknown events": b"".join(b"event_%d x\n" % n for n in range(20_000)),
    "many attempts": b"starting\nrunning\n" * 500,
    "line ends": b"\n" * 2**20,
    "no text": b"\0" * 2**20,
}


@pytest.mark.parametrize("data", HURTS.values(), ids=HURTS)
def test_a_stream_that_is_meant_to_hurt_costs_little_and_is_over_with_the_next_look(
    watcher: Watcher, data: bytes
) -> None:
    watcher.begin()
    watcher.write("3.events", data)
    tracemalloc.start()
    try:
        watcher.news()
        assert watcher.news() == []
        peak = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()
    assert peak < 24 * 2**20
    assert watcher.run().code == Exit.OK


if __name__ == "__main__":
    long_run(watching, STORIES, Watcher.play)
