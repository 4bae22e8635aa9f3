"""Kills a run at each of its file and network calls, and counts what that did to the messages."""

import json
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from typing import NamedTuple

from chaos.ends import Told
from chaos.scenarios import Scenario
from chaos.stage import Stage, Thread

CALLS = "trace=%file,%desc,%network"
# the main thread of a run in an interpreter of its own
COLD: Thread = ("cold", 1)


class Point(NamedTuple):
    """Before the `number`-th `call` of a thread. `shown` is the call as strace writes it."""

    thread: Thread
    call: str
    number: int
    shown: str


class Result(NamedTuple):
    """What came of a kill, or of several together.

    `lost`: how often a channel was not told an event, or one still waits, or a run that had to
    put things right failed. `repeated`: messages beyond the first of their key; `worst` of them
    on one channel after one kill. `strange`: events that a channel got under two keys, messages
    that said something else under the same key. `unreadable`: states that no run could go on from.
    `unexplained`: events that a channel got and the journal does not know.
    """

    points: int = 0
    reached: int = 0
    lost: int = 0
    repeated: int = 0
    worst: int = 0
    strange: int = 0
    unreadable: int = 0
    unexplained: int = 0

    def __add__(self, other: "Result") -> "Result":  # type: ignore[override]
        both = [one + two for one, two in zip(self, other, strict=True)]
        return Result(*both)._replace(worst=max(self.worst, other.worst))

    @property
    def good(self) -> bool:
        """Whether the promises held."""
        return (
            not (self.lost or self.strange or self.unreadable or self.unexplained)
            and self.worst <= 1
        )


class Act:
    """A scenario on its stage, ready to be played, and killed, again and again."""

    def __init__(self, stage: Stage, scenario: Scenario) -> None:
        self.stage = stage
        self.scenario = scenario
        self.log = stage.folder / "log"
        self._watch = ("-y", "-o", str(self.log), "-e", CALLS)
        scenario.before(stage)
        stage.keep()
        stage.run(*scenario.command, rehearse=True)
        stage.restore()
        stage.run(*scenario.command)
        self._rest()
        self.whole = stage.heard()

    def points(self) -> list[Point]:
        """Every call that the run makes after it has read the configuration, by thread."""
        stage, names = self.stage, self.stage.folder / "threads"
        stage.restore()
        stage.run(*self.scenario.command, threads=names)
        found: list[Point] = []
        for line in names.read_text().splitlines():
            name, number = json.loads(line)
            stage.restore()
            stage.run(*self.scenario.command, thread=(name, number), strace=self._watch)
            found += _calls((name, number), self.log.read_text().splitlines())
        return found

    def cold_points(self) -> list[Point]:
        """The calls of the main thread where the interpreter begins with nothing: its imports."""
        self.stage.restore()
        self.stage.cold(*self.scenario.command, strace=self._watch)
        return list(_calls(COLD, self.log.read_text().splitlines()))

    def kill(self, point: Point) -> Result:
        """Kills the run there, lets the scenario's other runs follow, and counts."""
        stage = self.stage
        stage.restore()
        inject = f"inject={point.call}:signal=SIGKILL:when={point.number}"
        strace = ("-e", f"trace={point.call}", "-e", inject)
        if point.thread == COLD:
            code = stage.cold(*self.scenario.command, strace=strace)
        else:
            code = stage.run(*self.scenario.command, thread=point.thread, strace=strace)
        unreadable = stage.state() is None
        failed = self._rest()
        state = stage.state()
        waits = len(state.events) + len(state.messages) if state else 0
        told, heard = stage.told(), stage.heard()
        lost = sum(len(events - heard[row]) for row, events in self.whole.items())
        repeated = [len(said) - len({one.key for one in said}) for said in told.values()]
        return Result(
            points=1,
            reached=code == -9,
            lost=lost + waits + failed,
            repeated=sum(repeated),
            worst=max(repeated),
            strange=sum(_strange(said) for said in told.values()),
            unreadable=unreadable + (state is None),
            unexplained=len(
                {event for said in told.values() for one in said for event in one.events}
                - stage.explained()
            ),
        )

    def _rest(self) -> int:
        """What comes after the run; how many of these runs failed."""
        self.scenario.after(self.stage)
        codes = [self.stage.run(*command) for command in self.scenario.rest]
        # 4 may come before the last one: what waits is shown as waiting
        return sum(code not in (0, 1, 4) for code in codes) + (codes[-1] != 0)


def _strange(told: Sequence[Told]) -> int:
    keys = {(one.key, event) for one in told for event in one.events}
    several = Counter(event for _, event in keys)
    differing = len(set(told)) - len({one.key for one in told})
    return sum(count > 1 for count in several.values()) + differing


def _calls(thread: Thread, lines: Sequence[str]) -> Iterator[Point]:
    last = max((number for number, line in enumerate(lines) if "config.toml" in line), default=-1)
    counts: Counter[str] = Counter()
    for place, line in enumerate(lines):
        if call := re.match(r"[a-z_0-9]+(?=\()", line):
            counts[call[0]] += 1
            if place > last:
                yield Point(thread, call[0], counts[call[0]], line)
