"""Whether two files are the same one: by the bytes before the place where one was left."""

import os
import stat
from pathlib import Path

from notifier.sources._failed import LookFailed
from notifier.sources._lucifer_find import Found
from notifier.sources._lucifer_memory import File
from notifier.sources._lucifer_tail import mark, opened


class Entry:
    """A file that is followed: how far it was read, and what is there now (None: not seen)."""

    def __init__(self, folder: str, name: str, file: File, found: Found | None) -> None:
        self.folder = folder
        self.name = name
        self.file = file
        self.found = found
        # a new one is read after those that are known, if both were written at the same time
        self.new = False

    @property
    def path(self) -> str:
        """Where it is."""
        return f"{self.folder}/{self.name}"

    @property
    def grew(self) -> bool:
        """Whether it is other than when it was read."""
        there, file = self.found, self.file
        return there is not None and (there.size != file.size or there.mtime != file.mtime)

    @property
    def moved(self) -> bool:
        """Whether it is on another device than it was."""
        return self.found is not None and self.found.dev != self.file.dev


def there_is(folder: str, name: str) -> Found | None:
    """A regular file as it is now, whether a pattern fits it or not."""
    try:
        there = Path(folder, name).lstat()
    except (OSError, ValueError):
        return None
    if not stat.S_ISREG(there.st_mode):
        return None
    return Found(folder, name, "", there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns)


def stem(entry: Entry) -> str:
    """What stays of its name whatever becomes of it: all up to its task."""
    before, found, _ = entry.name.partition(entry.file.task)
    return before + entry.file.task if found else entry.name


def related(entry: Entry, name: str) -> bool:
    """Whether a name is that of the file, or one that it or a copy of it gets when it rotates.

    An inode is given out again, and all streams begin alike: the name has to fit as well.
    """
    behind = name.removeprefix(stem(entry))
    return len(behind) < len(name) and not behind[:1].isalnum() and name.isprintable()


def device(folder: str) -> int | None:
    """The number of the device that a folder is on."""
    try:
        return os.stat(folder or "/").st_dev  # noqa: PTH116 - as everywhere here, text
    except OSError:
        return None


def holds(there: Found, file: File) -> bool:
    """Whether the bytes before the place where `file` was left are in this file, too."""
    if there.size < file.offset:
        return False
    return not file.offset or marked(there, file.offset) == file.hash


def differs(there: Found, file: File) -> bool:
    """Whether they surely are not; of a file that cannot be read nothing is sure."""
    return there.size < file.offset or marked(there, file.offset) not in ("", file.hash)


def marked(there: Found, offset: int) -> str:
    """The mark of the bytes before an offset; nothing where it cannot be read."""
    try:
        with opened(there.path) as (handle, _):
            return mark(handle, offset)
    except (LookFailed, FileNotFoundError):
        return ""


def twin(there: Found, other: Entry) -> int:
    """How many bytes of a new file are a mere copy of one that is known; 0 for another file."""
    if other.found is None:
        return 0
    size = min(there.size, other.found.size)
    same = size and marked(there, size) == marked(other.found, size)
    return size if same else 0
