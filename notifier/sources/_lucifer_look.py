"""One look at the files of a Lucifer source: reads on in each, and sees what fell silent."""

from notifier.model import BAD, UnreadableWhy
from notifier.sources._failed import LookFailed
from notifier.sources._lucifer_events import classify
from notifier.sources._lucifer_find import Found, find
from notifier.sources._lucifer_lines import Stream, Taker
from notifier.sources._lucifer_match import Match
from notifier.sources._lucifer_memory import File
from notifier.sources._lucifer_same import Entry
from notifier.sources._lucifer_tail import CHUNK, Budget, opened, read_on
from notifier.sources._lucifer_task import Task
from notifier.sources._text import clean

# while others wait, one file may take a quarter of the bytes of a look
SHARE = 4
# files that a sentence names, and characters of each
NAMES, PATH = 3, 200


class FilesLook:
    """One look. `memory` is changed in place; `changed` says whether it was.

    `blind`: no pattern could be followed. `odd`: path -> why it could not be read. `remarks` are
    for people, `notes` for the terminal.
    """

    def __init__(self, taker: Taker, budget: Budget, now: int) -> None:
        self.memory = taker.memory
        self.taker = taker
        self.budget = budget
        self.now = now
        self.changed = False
        self.blind = False
        self.odd: dict[str, tuple[UnreadableWhy, str]] = {}
        self.remarks = taker.remarks
        self.notes: list[str] = []

    def look(self, patterns: list[str], shape: str, silent_after: float, max_age: float) -> None:
        """Finds the files and reads on. Raises LookFailed when they cannot even be listed."""
        finding = find(patterns, self.budget.deadline)
        self.odd = finding.odd
        self.blind = not finding.good
        old = self.now - int(max_age)
        match = Match(self.memory, finding, shape, self.now, old)
        match.compare()
        waiting = self._read_all([one for one in match.kept if one.grew])
        for name in match.gone:
            self._gone(name)
        self._silent(silent_after)
        self._say(match.cut, waiting)
        self._forget(match, old)
        known = [one for one in patterns if one in finding.good or one in self.memory.known]
        if known != self.memory.known:
            self.memory.known = known
            self.changed = True

    def told(self) -> None:
        """What there was to say has been handed on."""
        self.changed = False
        self.remarks.clear()
        self.notes.clear()

    def _read_all(self, grown: list[Entry]) -> list[str]:
        """Reads on in these, in the order in which they were written; gives what waits."""
        for entry in grown:
            task = self.memory.tasks.get(entry.file.task)
            if task is not None and entry.found and entry.found.size != entry.file.size:
                task.at = max(task.at, self._time(entry.found.mtime))
        # of a rotation x.events.2 comes before x.events.1, and this before x.events
        grown.sort(key=lambda one: one.path, reverse=True)
        grown.sort(key=lambda one: (one.found.mtime if one.found else 0, one.new))
        most = max(CHUNK, self.budget.left // (SHARE if len(grown) > 1 else 1))
        return [entry.path for entry in grown if self.budget.spent or not self._read(entry, most)]

    def _read(self, entry: Entry, most: int) -> bool:
        """Reads on in one file; whether to its end, as far as it can be read at all."""
        file = entry.file
        try:
            with opened(entry.path) as (handle, there):
                if (there.st_dev, there.st_ino) != (file.dev, file.ino):
                    return False
                self.changed = True
                file.mtime = there.st_mtime_ns
                stream = self._stream(file)
                whole = read_on(
                    handle, file, lambda lines: self.taker.take(lines, stream), self.budget, most
                )
        except FileNotFoundError:
            return False
        except LookFailed as failed:
            self.odd[entry.path] = (failed.why, failed.reason)
            return True
        file.past &= not whole
        return whole

    def _stream(self, file: File) -> Stream:
        at = self._time(file.mtime)
        task = self.memory.tasks.setdefault(file.task, Task(at=at))
        task.past = file.past
        task.host = task.host or file.host
        return Stream(file.task, task, at, file.host, file.past)

    def _time(self, mtime: int) -> int:
        """A file's time in seconds; one from the future is now."""
        return min(mtime // 1_000_000_000, self.now)

    def _gone(self, name: str) -> None:
        task = self.memory.tasks.get(name)
        if task is not None and task.going:
            task.past = False
            task.finish("vanished", self.now)

    def _silent(self, silent_after: float) -> None:
        """What goes on and was not written to for so long is silent; 0: nothing ever is."""
        for task in self.memory.tasks.values():
            if task.end and not task.silent:
                continue
            silent = 0 < silent_after <= self.now - task.at and task.going
            if silent != task.silent:
                task.silent = silent
                task.untold = self.changed = True

    def _say(self, cut: list[str], waiting: list[str]) -> None:
        if cut:
            files, were = ("a file", "was") if len(cut) == 1 else (f"{len(cut):,} files", "were")
            self.remarks.append(
                f"{files} of running tasks {were} cut or replaced: what was written between the "
                f"last look and that cannot be known ({_some(cut)})"
            )
        if waiting:
            self.notes.append(
                f"{_some(waiting)}: read on at the next look (max_bytes, or the deadline)"
            )

    # ---- what is kept --------------------------------------------------------------------

    def _forget(self, match: Match, old: int) -> None:
        """Lets go of files and tasks that are over, and of hosts that nobody speaks of any more."""
        same = [one for one in match.same if not self._is_over(one[2], one[3], old)]
        kept = [
            one for one in match.kept if not (one.found and self._is_over(one.file, one.found, old))
        ]
        memory = self.memory
        if match.changed or len(same) + len(kept) < len(match.same) + len(match.kept):
            self.changed = True
            memory.files = {}
            for folder, name, file, _ in same:
                memory.files.setdefault(folder, {})[name] = file
            for one in kept:
                memory.files.setdefault(one.folder, {})[one.name] = one.file
        named = {file.task for names in memory.files.values() for file in names.values()}
        for name in [name for name in memory.tasks if name not in named]:
            if not memory.tasks[name].untold:
                del memory.tasks[name]
                self.changed = True
        for name, host in list(memory.hosts.items()):
            if host.at < old and classify("host", host.status)[0] not in BAD:
                del memory.hosts[name]
                self.changed = True

    def _is_over(self, file: File, there: Found, old: int) -> bool:
        """Whether a file need not be followed: it was read, its task ended, and that is long ago.

        One that no pattern fits any more is let go of as soon as its task has ended.
        """
        if not file.loose and there.mtime >= old * 1_000_000_000:
            return False
        task = self.memory.tasks.get(file.task)
        return file.size == there.size and not (task is not None and task.going)


def _some(paths: list[str]) -> str:
    names = [clean(path, PATH, line=True) for path in paths[:NAMES]]
    return ", ".join(names) + (f" and {len(paths) - NAMES:,} more" if len(paths) > NAMES else "")
