"""Takes the lines of one task's stream, each once, into what is known of tasks, tests and hosts."""

import re
from collections.abc import Callable, Collection, Iterable

import msgspec

from notifier.sources._lucifer_events import EVENTS, HARNESS
from notifier.sources._lucifer_memory import Host, Memory, Owed
from notifier.sources._lucifer_task import Task, title
from notifier.sources._text import clean

# characters of a name; as many bytes of a message are looked at
NAME, BYTES = 120, 1000
# hosts, words that are no events, and things to say that are kept at most
HOSTS, ODD, OWED = 10_000, 20, 10_000
# what may be an event of a newer Lucifer; everything else is other text
_WORD = re.compile(rb"[a-z][a-z0-9_]{0,39}")
OTHER = "text that is no event"
_EVENTS = {name.encode(): name for name in EVENTS}


class Stream(msgspec.Struct):
    """The stream that lines come from: which task's, when it grew, of which host it may be."""

    id: str
    task: Task
    at: int
    host: str = ""
    past: bool = False


class Taker:
    """Takes lines. `kinds` are those that are of interest; `memory` is changed in place.

    `host` is the one of events that name none. `remarks` are sentences for people.
    """

    def __init__(
        self,
        memory: Memory,
        kinds: Collection[str],
        redact: Callable[[str], str],
        host: str = "",
    ) -> None:
        self.memory = memory
        self.host = host
        self.redact = redact
        self._tests = "test" in kinds
        self._hosts = "host" in kinds
        self.remarks: list[str] = []

    def take(self, lines: Iterable[bytes], stream: Stream) -> None:
        """Lines without their newline, in order. Never raises."""
        passed = 0
        for line in lines:
            # most lines are these, and most are of no further interest
            if line[:12] == b"test_passed " and not stream.task.names:
                passed += 1
                continue
            if passed:
                stream.task.passes_many(passed)
                passed = 0
            self._one(line, stream)
        if passed:
            stream.task.passes_many(passed)

    def _one(self, line: bytes, stream: Stream) -> None:
        word, _, rest = line.partition(b" ")
        event = _EVENTS.get(word) or _EVENTS.get(word.rstrip(b"\r"))
        if event is None:
            if line.strip():
                self._odd(word.rstrip(b"\r"), stream)
            return
        message = self._clean(rest)
        kind = EVENTS[event].kind
        if kind == "host":
            self._host(event, message or stream.host or self.host or stream.task.host, stream)
        elif kind == "test":
            self._test(event, message, stream)
        else:
            self._task(event, stream)

    def _clean(self, message: bytes) -> str:
        text = message[:BYTES].decode("utf-8", "replace")
        return clean(text, NAME, line=True, redact=self.redact)

    def _task(self, event: str, stream: Stream) -> None:
        task = stream.task
        if event == "starting":
            if task.going:
                task.finish("crashed", stream.at)
            if task.end:
                told = not task.untold
                self._owed(stream)
                task.again()
                if told:
                    # else an end like the one that is known would be taken for that
                    task.enter(event)
                    self._owed(stream)
        if event in ("aborted", "completed"):
            task.finish(event, stream.at)
        else:
            task.enter(event)

    def _owed(self, stream: Stream) -> None:
        """What was not told of an attempt so far is told before what comes next."""
        task = stream.task
        if task.untold:
            task.untold = False
            copy = msgspec.structs.replace(task, names=list(task.names))
            self._owe(Owed("task", stream.id, task.status, stream.at, past=stream.past, task=copy))

    def _test(self, event: str, name: str, stream: Stream) -> None:
        if event == "test_failed" and name == HARNESS:
            stream.task.breaks()
            return
        name = name or "(no name)"
        if event == "test_failed":
            stream.task.fails(name)
            news = name in stream.task.names
        else:
            news = stream.task.passes(name)
        if news and self._tests:
            ident = f"{stream.id}/{name}"
            self._owe(
                Owed(
                    "test", ident, event, stream.at,
                    by=stream.id, node=stream.task.host or stream.host, past=stream.past,
                )
            )  # fmt: skip

    def _host(self, event: str, name: str, stream: Stream) -> None:
        if not name:
            self._count(f"{event} without a host", stream)
            return
        stream.task.host = name
        known = self.memory.hosts.get(name)
        if not self._hosts:
            return
        if known is None and len(self.memory.hosts) >= HOSTS:
            self._count(f"host beyond the first {HOSTS:,}", stream)
            return
        # a file that was read late says less of the host than one that was written later
        if known is not None and (known.at > stream.at or known.status == event):
            known.at = max(known.at, stream.at)
            return
        self.memory.hosts[name] = Host(event, stream.at)
        self._owe(Owed("host", name, event, stream.at, by=stream.id, past=stream.past))

    def _owe(self, owed: Owed) -> None:
        self.memory.owed.append(owed)
        if len(self.memory.owed) > OWED:
            # only the kinds that nobody asks for wait that long: how each thing is now is enough
            last = {(one.kind, one.id): one for one in self.memory.owed}
            self.memory.owed = list(last.values())[-OWED // 2 :]

    def _odd(self, word: bytes, stream: Stream) -> None:
        what = word.decode() if _WORD.fullmatch(word) else OTHER
        odd = self.memory.odd
        self._count(what if what in odd or len(odd) < ODD else OTHER, stream)

    def _count(self, what: str, stream: Stream) -> None:
        """Counts a line that says nothing to us; the first of its like is shown."""
        odd = self.memory.odd
        odd[what] = odd.get(what, 0) + 1
        if odd[what] == 1:
            shown = what if " " in what else f"unknown event '{what}'"
            self.remarks.append(f"{shown} in {title(stream.id)}; such lines are only counted")
