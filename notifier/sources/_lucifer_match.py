"""Which of the files that are there are known, which moved, were copied or cut, and which are new.

A file is known again by device and inode, or by its path and the bytes before the place where it
was left. What was renamed is followed; of what was cut a copy is looked for, to be read first.
"""

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator

from notifier.sources._lucifer_find import Finding, Found, inodes
from notifier.sources._lucifer_memory import File, Memory
from notifier.sources._lucifer_names import namer
from notifier.sources._lucifer_same import (
    Entry,
    device,
    differs,
    holds,
    marked,
    related,
    stem,
    there_is,
    twin,
)

# what is packed cannot be read on
PACKED = (".gz", ".xz", ".bz2", ".zst", ".lz4")


class Match:
    """One comparison. Files in `memory` are changed in place; `changed` says whether any was.

    What is new and was written before `old` is left alone. `cut` are the paths of files whose last
    lines may be missed, `gone` the tasks that have no file any more.
    """

    def __init__(self, memory: Memory, finding: Finding, shape: str, now: int, old: int) -> None:
        self.memory = memory
        self.finding = finding
        self.shape = shape
        self.now = now
        self.old = old
        self.changed = False
        self.cut: list[str] = []
        self.gone: list[str] = []
        # files at their places and as they were, those to be looked at, and those not known
        self.same: list[tuple[str, str, File, Found]] = []
        self.kept: list[Entry] = []
        self._free = dict(finding.files)
        self._inodes: dict[str, dict[int, str]] = {}
        self._sorted: dict[str, list[str]] = {}
        self._rotated: list[Entry] = []
        self._by_task: dict[str, list[Entry]] | None = None

    def compare(self) -> None:
        """Sorts all files to be followed from now on into `same` and `kept`."""
        lost = self._known()
        if lost:
            self._lost(lost)
        for entry in [one for one in self.kept if one.grew or one.moved]:
            if entry.found and entry.file.offset and differs(entry.found, entry.file):
                self._was_cut(entry)
            elif entry.file.size == 0:
                # it was empty, and may have been written, copied and cut since then
                self._rotated.append(entry)
            self._is_on(entry)
        for entry in self._rotated:
            self._between(entry)
        if self._free:
            self._new()

    def _known(self) -> list[Entry]:
        """Those that are not where they were."""
        lost = []
        for folder, names in self.memory.files.items():
            for name, file in names.items():
                path = f"{folder}/{name}"
                there = self._free.get(path)
                if there is None or there.ino != file.ino:
                    lost.append(Entry(folder, name, file, None))
                    continue
                del self._free[path]
                if (file.size, file.mtime, file.dev) == (there.size, there.mtime, there.dev):
                    self.same.append((folder, name, file, there))
                else:
                    self.kept.append(Entry(folder, name, file, there))
        return lost

    # ---- what is not where it was --------------------------------------------------------

    def _lost(self, lost: Iterable[Entry]) -> None:
        by_inode: dict[int, list[Found]] = defaultdict(list)
        for one in self._free.values():
            by_inode[one.ino].append(one)
        missing: list[Entry] = []
        for entry in lost:
            there = (
                self._renamed(entry.file, by_inode[entry.file.ino])
                or self._elsewhere(entry)
                or self._copied(entry)
            )
            if there is None:
                missing.append(entry)
            else:
                self._follow(entry, there)
        tasks = {self._names(there)[0] for there in self._free.values()}
        tasks |= {entry.file.task for entry in self.kept}
        tasks |= {file.task for _, _, file, _ in self.same}
        for entry in missing:
            still = self._beside(entry).get(entry.file.ino) == entry.name
            hidden = still or self.finding.hides(entry.folder)
            copy = None if hidden else self._copy_of(entry)
            if copy is not None:
                self._torn(entry)
                self._follow(entry, copy)
            elif self._waits(entry, tasks):
                self._keep(entry)

    def _follow(self, entry: Entry, there: Found) -> None:
        """The file goes on there, under another name or with another inode."""
        file = entry.file
        self.changed |= there.path != entry.path or there.ino != file.ino
        self._free.pop(there.path, None)
        file.ino, file.missing, file.loose = there.ino, 0, not there.pattern
        self._keep(Entry(there.folder, there.name, file, there))
        if file.loose and there.path != entry.path:
            self._rotated.append(entry)

    def _renamed(self, file: File, there: list[Found]) -> Found | None:
        """The same file under another name that a pattern fits, of the same task."""
        for one in there:
            # an inode is given out again: what was read has to be there
            if self._names(one)[0] == file.task and holds(one, file):
                return one
        return None

    def _is_on(self, entry: Entry) -> None:
        """A device may get another number when it is mounted again; what is on it is the same."""
        if entry.found and entry.moved:
            entry.file.dev = entry.found.dev
            self.changed = True

    def _elsewhere(self, entry: Entry) -> Found | None:
        """The same file under another name in its folder, which no pattern need fit."""
        file = entry.file
        name = self._beside(entry).get(file.ino) or ""
        if not related(entry, name) or f"{entry.folder}/{name}" in self.finding.files:
            return None
        if name == entry.name and not file.loose:
            return None
        found = there_is(entry.folder, name)
        if found is None or found.ino != file.ino:
            return None
        return found if holds(found, file) else None

    def _beside(self, entry: Entry) -> dict[int, str]:
        """The names in its folder by their inodes."""
        if entry.folder not in self._inodes:
            self._inodes[entry.folder] = inodes(entry.folder)
        return self._inodes[entry.folder]

    def _copied(self, entry: Entry) -> Found | None:
        """Another file in its place that holds all that was read: a copy of it, or a new mount."""
        there = self._free.get(entry.path)
        return there if there is not None and holds(there, entry.file) else None

    def _waits(self, entry: Entry, tasks: set[str]) -> bool:
        """Whether to go on waiting for a file that is not there; what is gone is noted."""
        file, inode = entry.file, self._beside(entry)
        if self.finding.hides(entry.folder):
            return True
        if not inode and device(entry.folder) not in (None, file.dev):
            reason = "is empty and on another device; is it mounted?"
            self.finding.odd[entry.folder] = ("sick", reason)
            return True
        if inode.get(file.ino) == entry.name and entry.path in self.finding.odd:
            return True
        self.changed = True
        if inode.get(file.ino) == entry.name:
            # no pattern fits it any more
            return False
        if entry.path in self._free:
            # another file has its name; the last lines of this one are gone with it
            self._torn(entry)
            return False
        if entry.path in self.finding.files or (file.loose and entry.name in inode.values()):
            # the oldest of a rotation, in whose place is now the one before it
            return False
        # a file that is being renamed is nowhere for a moment: gone is what a later look misses
        file.missing = min(file.missing or self.now, self.now)
        if file.missing == self.now:
            return True
        if file.task not in tasks:
            self.gone.append(file.task)
        return False

    def _torn(self, entry: Entry) -> None:
        task = self.memory.tasks.get(entry.file.task)
        if task is not None and task.going:
            task.torn = True
            self.cut.append(entry.path)

    # ---- what was cut, copied, or is new -------------------------------------------------

    def _was_cut(self, entry: Entry) -> None:
        """A file that holds no more what was read of it is read anew, and its copy before it."""
        self.changed = True
        copy = self._copy_of(entry)
        if copy is not None:
            self._free.pop(copy.path, None)
            file = File(**{name: getattr(entry.file, name) for name in File.__struct_fields__})
            file.dev, file.ino, file.size = copy.dev, copy.ino, -1
            file.loose = not copy.pattern
            self._rotated.append(entry)
            self._keep(Entry(copy.folder, copy.name, file, copy))
        self._torn(entry)
        file = entry.file
        file.offset, file.size, file.hash, file.skip = 0, -1, "", False
        entry.new = True

    def _copy_of(self, entry: Entry) -> Found | None:
        """A file beside it whose name begins with its own and that holds what was read of it."""
        if not entry.file.offset:
            return None
        held = [there for there in self._siblings(entry) if holds(there, entry.file)]
        # of several copies the newest is the longest
        return max(held, key=lambda one: (one.size, one.mtime), default=None)

    def _siblings(self, entry: Entry) -> Iterator[Found]:
        """Files beside it whose names are like its own and that are not followed."""
        # what is missing is followed no more where its name was
        followed = {one.path for one in self._of(entry.file.task) if one.found}
        if entry.folder not in self._sorted:
            self._sorted[entry.folder] = sorted(self._beside(entry).values())
        names, start = self._sorted[entry.folder], stem(entry)
        for number in range(bisect_left(names, start), len(names)):
            name = names[number]
            if not name.startswith(start):
                break
            path = f"{entry.folder}/{name}"
            if name != entry.name and related(entry, name) and path not in followed:
                there = self._free.get(path) or there_is(entry.folder, name)
                if there is not None:
                    yield there

    def _between(self, entry: Entry) -> None:
        """What was written and rotated away since the last look, where no pattern fits it."""
        file = entry.file
        for there in list(self._siblings(entry)):
            if there.path in self._free or there.mtime < file.mtime:
                continue
            if there.name.endswith(PACKED):
                self._torn(entry)
            else:
                new = File(file.task, file.host, there.dev, there.ino, past=file.past, loose=True)
                self._add(there, new)

    def _new(self) -> None:
        """Files that are seen for the first time."""
        # a second name of a file that is followed is not another file
        inodes = {(one.found.dev, one.found.ino) for one in self.kept if one.found}
        inodes |= {(there.dev, there.ino) for _, _, _, there in self.same}
        for there in sorted(self._free.values(), key=lambda one: (one.mtime, one.path)):
            if (there.dev, there.ino) in inodes or there.mtime // 1_000_000_000 < self.old:
                continue
            inodes.add((there.dev, there.ino))
            task, host = self._names(there)
            past = there.pattern not in self.memory.known
            self._add(there, File(task, host, there.dev, there.ino, past=past))

    def _add(self, there: Found, file: File) -> None:
        """Follows another file. What is a mere copy of a known one has been read already."""
        self.changed = True
        # of several that it may be a copy of, the longest counts
        copied = max((twin(there, other) for other in self._of(file.task)), default=0)
        if copied:
            file.offset, file.size, file.mtime = copied, copied, there.mtime
            file.hash = marked(there, copied)
        entry = Entry(there.folder, there.name, file, there)
        entry.new = True
        self._keep(entry)

    def _keep(self, entry: Entry) -> None:
        self.kept.append(entry)
        if self._by_task is not None:
            self._by_task[entry.file.task].append(entry)

    def _of(self, task: str) -> list[Entry]:
        """The files of a task that are followed."""
        if self._by_task is None:
            self._by_task = defaultdict(list)
            same = (Entry(*one) for one in self.same)
            for entry in (*same, *self.kept):
                self._by_task[entry.file.task].append(entry)
        return self._by_task[task]

    def _names(self, there: Found) -> tuple[str, str]:
        return namer(self.shape, there.pattern)(there)
