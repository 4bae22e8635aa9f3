"""What the events of one task come to, one after the other: its phase, its tests, its end."""

import msgspec

from notifier.sources._lucifer_events import PHASES, SILENT

# failed tests that are known by name, and that a sentence names
KNOWN, NAMED = 100, 5


class Task(msgspec.Struct, omit_defaults=True):
    """A task as far as its events were read.

    `end` is empty while it goes on, else completed, aborted, crashed or vanished. `at` is when
    its stream last grew, `ended` when it ended (seconds since 1970). `names` are the first failed
    tests. `torn`: its stream was cut, so that events may be missing. `untold`: what is to be said
    of it was not handed on yet.
    """

    phase: str = ""
    end: str = ""
    at: int = 0
    ended: int = 0
    attempt: int = 1
    passed: int = 0
    failed: int = 0
    names: list[str] = []
    harness: bool = False
    host: str = ""
    silent: bool = False
    torn: bool = False
    untold: bool = False
    past: bool = False

    @property
    def status(self) -> str:
        """Its phase or its end in one word; empty while nothing is known of it."""
        if not self.end:
            return f"{self.phase}{SILENT}" if self.silent and self.phase else self.phase
        if self.end == "completed" and self.failed:
            return "tests_failed"
        return "harness_failed" if self.end == "completed" and self.harness else self.end

    @property
    def going(self) -> bool:
        """Whether it has begun and not ended."""
        return bool(self.phase) and not self.end

    def enter(self, phase: str) -> None:
        """Its next phase. What has ended has none any more, except by `starting`."""
        if not self.end and phase in PHASES and phase != self.phase:
            self.phase = phase
            self.untold = True

    def again(self) -> None:
        """A new attempt begins: nothing of the former one counts."""
        self.attempt += 1
        self.phase = self.end = ""
        self.ended = self.passed = self.failed = 0
        self.names, self.harness, self.silent, self.torn = [], False, False, False

    def finish(self, end: str, at: int) -> None:
        """The end. What was aborted stays so; a `completed` that came late takes back a crash."""
        if self.end in ("", "crashed", "vanished"):
            self.end, self.ended, self.silent = end, at, False
            self.untold = True

    def passes(self, name: str) -> bool:
        """A test that passed; whether it had failed before."""
        self._tested()
        self.passed += 1
        return name in self.names

    def passes_many(self, count: int) -> None:
        """So many tests that passed, while none had failed."""
        self._tested()
        self.passed += count

    def fails(self, name: str) -> None:
        """A test that failed."""
        self._tested()
        self.failed += 1
        if name not in self.names and len(self.names) < KNOWN:
            self.names.append(name)

    def breaks(self) -> None:
        """The harness failed, which is no test."""
        self._tested()
        self.harness = True

    def _tested(self) -> None:
        if self.end:
            self.untold = True
        elif not self.phase:
            self.enter("running")

    def says(self) -> str:
        """What became of it, behind its name: `ended: 3 of 41 tests failed: a, b, c`."""
        if not self.end:
            return ""
        place = f" in {self.phase}" if self.phase else " before its first event"
        told = {
            "completed": "ended",
            "aborted": "was aborted",
            "crashed": f"crashed{place}: its events end without completed",
            "vanished": f"vanished{place}: its file is gone and never said completed",
        }[self.end]
        parts = [part for part in (self._tests(), self._harness()) if part]
        between = ": " if self.end == "completed" else "; "
        return between.join([told, ", ".join(parts)]) if parts else told

    def _tests(self) -> str:
        if not self.failed:
            return ""
        total = self.failed + self.passed
        least = "at least " if self.torn else ""
        more = self.failed - len(self.names[:NAMED])
        names = ", ".join(self.names[:NAMED]) + (f" and {more:,} more" if more > 0 else "")
        tests = "test" if total == 1 else "tests"
        return f"{least}{self.failed:,} of {total:,} {tests} failed: {names}"

    def _harness(self) -> str:
        if not self.harness:
            return ""
        return "the harness failed too" if self.failed else "the harness (autoserv) failed"


def title(name: str) -> str:
    """What people call a task: a number alone says little."""
    return f"job {name}" if name.isdigit() else name
