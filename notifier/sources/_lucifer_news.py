"""What a look at Lucifer's streams hands on: observations of the kinds that were asked for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING

from msgspec.structs import replace

from notifier.model import Observation, Snapshot, Unreadable, UnreadableWhy
from notifier.sources._lucifer_memory import Memory, Owed
from notifier.sources._lucifer_seen import SHOWN, host_seen, task_seen, test_seen
from notifier.sources._lucifer_task import Task
from notifier.sources._text import clean

if TYPE_CHECKING:
    from notifier.sources.lucifer import Settings

# files that are each told as unreadable; the rest is counted. Characters of a path and a reason
SINGLE, PATH = 10, 200
OTHERS = "other files"
Odd = Mapping[str, tuple[UnreadableWhy, str]]


class News:
    """Takes out of the memory what is to be said. `changed` says whether anything was there."""

    def __init__(self, memory: Memory, settings: Settings) -> None:
        self.memory = memory
        self.settings = settings
        self.changed = False

    def snapshots(
        self, kinds: Iterable[str], remarks: tuple[str, ...] = (), notes: tuple[str, ...] = ()
    ) -> list[Snapshot]:
        """For each kind what is news, before it what had been there before anybody looked."""
        made: list[Snapshot] = []
        kinds = list(kinds)
        for kind in kinds:
            past, fresh = self._take(kind)
            if kind not in self.settings.kinds:
                continue
            begun = kind in self.memory.begun or not self.memory.known
            if past or not begun:
                made.append(Snapshot(kind=kind, changes=tuple(past), past=True))
            if not begun:
                self.memory.begun.append(kind)
                self.changed = True
            made.append(Snapshot(kind=kind, changes=tuple(fresh), rows=self._rows(kind)))
        if kinds and not made and (remarks or notes):
            made.append(Snapshot(kind=kinds[0], changes=()))
        if made:
            made[-1] = replace(made[-1], remarks=remarks, notes=notes)
        return made

    def unreadable(self, odd: Odd) -> list[Snapshot | Unreadable]:
        """Each file that cannot be read as a scope of its own, and which can be read again."""
        shown = sorted(odd)[:SINGLE]
        single = {
            _scope(path): Unreadable(
                family="tasks",
                scope=_scope(path),
                why=odd[path][0],
                reason=reasons({path: odd[path]}),
            )
            for path in shown
        }
        found = list(single.values())
        if len(odd) > SINGLE:
            rest = {path: one for path, one in odd.items() if path not in shown}
            reason = f"{len(rest):,} more cannot be read: {reasons(rest)}"
            found.append(Unreadable(family="tasks", scope=OTHERS, why="refused", reason=reason))
        scopes = [one.scope for one in found]
        again = [scope for scope in self.memory.unread if scope not in scopes]
        if scopes != self.memory.unread:
            self.memory.unread = scopes
            self.changed = True
        return [*found, *(Snapshot(kind="task", scope=one, changes=()) for one in again)]

    def _take(self, kind: str) -> tuple[list[Observation], list[Observation]]:
        past: list[Observation] = []
        fresh: list[Observation] = []
        mine = [one for one in self.memory.owed if one.kind == kind]
        if mine:
            self.changed = True
            self.memory.owed = [one for one in self.memory.owed if one.kind != kind]
        for one in mine:
            (past if one.past else fresh).append(self._owed(one))
        if kind == "task":
            for name, task in self.memory.tasks.items():
                if task.untold:
                    (past if task.past else fresh).append(self._task(name, task))
                    task.untold = task.past = False
                    if task.end:
                        del task.names[SHOWN:]
                    self.changed = True
        return past, fresh

    def _owed(self, one: Owed) -> Observation:
        if one.task is not None:
            return self._task(one.id, one.task)
        if one.kind == "host":
            return host_seen(one.id, one.status, one.at, one.by, self.settings.link)
        return test_seen(one, self.settings.link)

    def _task(self, name: str, task: Task) -> Observation:
        return task_seen(name, task, self.settings.host, self.settings.link)

    def _rows(self, kind: str) -> dict[str, Observation]:
        """How those are that may stay too long as they are."""
        limits = self.settings.stuck_after
        if kind != "task" or not limits:
            return {}
        return {
            name: self._task(name, task)
            for name, task in self.memory.tasks.items()
            if task.status in limits
        }


def notes(odd: Odd, told: Iterable[str]) -> tuple[str, ...]:
    """The same for the terminal, without the scopes that were told with the tasks."""
    new = {path: one for path, one in odd.items() if _scope(path) not in told}
    return (f"cannot be read: {reasons(new)}",) if new else ()


def reasons(odd: Odd) -> str:
    """The first of these, each with what is wrong with it."""
    said = [f"{_shown(path)}: {odd[path][1]}" for path in sorted(odd)[:3]]
    more = f" and {len(odd) - 3:,} more" if len(odd) > 3 else ""
    return "; ".join(said) + more


def _shown(path: str) -> str:
    return clean(path, PATH, line=True)


def _scope(path: str) -> str:
    """A name that fits into a sentence; the reason has the whole path."""
    return "/".join(_shown(path).strip("/").split("/")[-2:])
