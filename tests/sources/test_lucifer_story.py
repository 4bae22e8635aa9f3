"""Whatever is written, rotated, looked at and lost, in whatever order: each line counts once."""

import os
import shutil
import tempfile
from pathlib import Path

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from sources.streams import Lab, lucifer

TASKS = ("1", "2", "3")


class Story(RuleBasedStateMachine):
    """Three tasks write numbered tests. `written` counts the lines of each that are whole."""

    @initialize(glob=st.sampled_from(["*.events", "*.events*"]))
    def begin(self, glob: str) -> None:
        self.root = Path(tempfile.mkdtemp(prefix="story-"))
        self.lab = Lab(self.root, kinds=["task", "test", "host"], silent_after=0.0)
        self.lab.settings = lucifer.Settings(
            type="lucifer", paths=[f"{self.root}/{glob}"], kinds=["task", "test"], silent_after=0.0
        )
        self.lab.look()
        self.number = 0
        self.written = dict.fromkeys(TASKS, 0)
        self.half = dict.fromkeys(TASKS, b"")
        self.heard: list[str] = []
        for task in TASKS:
            self._append(task, b"running\n")
        self.lab.later().look()

    def teardown(self) -> None:
        if hasattr(self, "root"):
            shutil.rmtree(self.root)

    def _path(self, task: str) -> Path:
        return self.root / f"{task}.events"

    def _append(self, task: str, data: bytes) -> None:
        with self._path(task).open("ab") as file:
            file.write(data)
        self._now(self._path(task))

    def _now(self, path: Path) -> None:
        """Written just now: the order of times is that of the steps, on any machine."""
        self.lab.later(seconds=1).touch(path)

    def _line(self, task: str) -> bytes:
        self.number += 1
        self.written[task] += 1
        return f"test_failed t{self.number}\n".encode()

    # ---- what writes ---------------------------------------------------------------------

    @rule(task=st.sampled_from(TASKS), count=st.integers(1, 5))
    def write(self, task: str, count: int) -> None:
        data = self.half[task]
        self.half[task] = b""
        self._append(task, data + b"".join(self._line(task) for _ in range(count)))

    @rule(task=st.sampled_from(TASKS), cut=st.integers(1, 14))
    def write_half_a_line(self, task: str, cut: int) -> None:
        self.write(task, 1)
        line = self._line(task)
        self._append(task, line[:cut])
        self.half[task] = line[cut:]

    # ---- what rotates: whoever writes has ended its line ---------------------------------

    def _shift(self, task: str) -> None:
        for number in reversed(self._rotated(task)):
            old = self.root / f"{task}.events.{number}"
            old.rename(self.root / f"{task}.events.{number + 1}")

    def _rotated(self, task: str) -> list[int]:
        found = self.root.glob(f"{task}.events.[0-9]*")
        return sorted(int(path.name.rpartition(".")[2]) for path in found)

    @rule(task=st.sampled_from(TASKS))
    def let_the_oldest_be_overwritten_after_a_look(self, task: str) -> None:
        rotated = self._rotated(task)
        if len(rotated) > 1:
            self.look(())
            last = self.root / f"{task}.events.{rotated[-1]}"
            (self.root / f"{task}.events.{rotated[-2]}").rename(last)

    @rule(task=st.sampled_from(TASKS))
    def rename(self, task: str) -> None:
        self.write(task, 1)
        self._shift(task)
        self._path(task).rename(self.root / f"{task}.events.1")
        self._append(task, self._line(task))

    @rule(task=st.sampled_from(TASKS))
    def rename_and_write_to_both(self, task: str) -> None:
        self.write(task, 1)
        self._shift(task)
        with self._path(task).open("ab") as file:
            self._path(task).rename(self.root / f"{task}.events.1")
            file.write(self._line(task))
        self._now(self.root / f"{task}.events.1")
        self._append(task, self._line(task))

    @rule(task=st.sampled_from(TASKS))
    def copy_and_cut(self, task: str) -> None:
        self.write(task, 1)
        self._shift(task)
        self._now(Path(shutil.copy(self._path(task), self.root / f"{task}.events.1")))
        os.truncate(self._path(task), 0)
        self._now(self._path(task))

    @rule(task=st.sampled_from(TASKS))
    def copy_alone(self, task: str) -> None:
        self.write(task, 1)
        copy = self.root / f"{task}.events.bak{self.number}"
        self._now(Path(shutil.copy(self._path(task), copy)))

    @rule(task=st.sampled_from(TASKS))
    def move_by_copy(self, task: str) -> None:
        shutil.copy(self._path(task), self.root / "moving")
        (self.root / "moving").rename(self._path(task))
        self._now(self._path(task))

    # ---- who looks -----------------------------------------------------------------------

    @rule(kinds=st.sampled_from([(), ("host",), ("task", "test")]))
    def look(self, kinds: tuple[str, ...]) -> None:
        self.lab.later().look(*kinds)
        self.heard += [one.name for one in self.lab.seen("test")]

    @rule()
    def look_and_be_killed(self) -> None:
        self.lab.later().look(lose=True)

    @rule()
    def a_device_gets_another_number(self) -> None:
        for names in self.lab.cursor.get("files", {}).values():
            for file in names.values():
                file[2] += 1

    # ---- what holds ----------------------------------------------------------------------

    @precondition(lambda self: hasattr(self, "root"))
    @invariant()
    def nothing_is_counted_that_was_not_written(self) -> None:
        for task in TASKS:
            assert self._counted(task) <= self.written[task]

    @rule()
    def at_last_each_line_was_counted_once(self) -> None:
        for task in TASKS:
            self.write(task, 1)
        self.look(())
        for task in TASKS:
            assert self._counted(task) == self.written[task]
        assert sorted(self.heard) == sorted(f"t{n + 1}" for n in range(self.number))

    def _counted(self, task: str) -> int:
        found: int = self.lab.cursor.get("tasks", {}).get(task, {}).get("failed", 0)
        return found


TestStory = Story.TestCase
TestStory.settings = settings(max_examples=40, stateful_step_count=25, deadline=None)
