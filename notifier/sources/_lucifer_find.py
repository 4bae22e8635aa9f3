"""Finds the files that the patterns of a Lucifer source fit, and says what cannot be looked at."""

import os
import re
import stat
import time
from collections.abc import Callable, Iterator
from fnmatch import translate

import msgspec

from notifier.model import UnreadableWhy
from notifier.sources._failed import LookFailed
from notifier.sources._text import clean

# files of one source at most
FILES = 100_000
MAGIC = re.compile(r"[*?\[]")
_EVERY = 256
# such a name cannot be written into the state or a message
_UNFIT: tuple[UnreadableWhy, str] = ("refused", "its name holds what cannot be shown")


class Found(msgspec.Struct, frozen=True, gc=False):
    """A regular file that a pattern fits, and how it was then. `mtime` is in ns."""

    folder: str
    name: str
    pattern: str
    dev: int
    ino: int
    size: int
    mtime: int

    @property
    def path(self) -> str:
        """Where it is."""
        return f"{self.folder}/{self.name}"


class Finding(msgspec.Struct):
    """All that the patterns fit.

    `odd`: path or pattern -> why it cannot be looked at. Below `blocked` folders, which could not
    be listed, nothing is missing. `good` are the patterns without such a folder.
    """

    files: dict[str, Found] = {}
    odd: dict[str, tuple[UnreadableWhy, str]] = {}
    blocked: list[str] = []
    good: list[str] = []

    def hides(self, folder: str) -> bool:
        """Whether what is in the folder could not be seen."""
        return any(folder == one or folder.startswith(f"{one}/") for one in self.blocked)


def find(patterns: list[str], deadline: float) -> Finding:
    """Looks for the files of every pattern. Raises LookFailed when the deadline comes first."""
    found = Finding()
    for pattern in patterns:
        before = len(found.blocked)
        *folders, last = pattern.strip("/").split("/")
        fits = fitting(last)
        for folder in _folders("", folders, pattern, found):
            for number, entry in enumerate(_listed(folder, pattern, found), 1):
                if fits(entry.name):
                    _entry(entry, folder, pattern, found)
                if not number % _EVERY and time.monotonic() > deadline:
                    raise LookFailed("slow", "the files could not be listed in time")
            if len(found.files) > FILES:
                found.odd[pattern] = ("sick", f"more than {FILES:,} files fit")
                found.blocked.append("")
                return found
        if len(found.blocked) == before:
            found.good.append(pattern)
    return found


def fitting(glob: str) -> Callable[[str], object]:
    """Whether a name fits; one with a leading dot only where the pattern begins so, too."""
    match = re.compile(translate(glob)).match
    return match if glob.startswith(".") else lambda name: name[0] != "." and match(name)


def inodes(folder: str) -> dict[int, str]:
    """The inode of each name in a folder; nothing for one that cannot be listed."""
    try:
        with os.scandir(folder or "/") as entries:
            return {entry.inode(): entry.name for entry in entries}
    except OSError:
        return {}


def _folders(above: str, parts: list[str], pattern: str, found: Finding) -> Iterator[str]:
    """The folders that these parts of a pattern fit."""
    if not parts:
        yield above
    elif not MAGIC.search(parts[0]):
        yield from _folders(f"{above}/{parts[0]}", parts[1:], pattern, found)
    else:
        fits = fitting(parts[0])
        for entry in _listed(above, pattern, found):
            if not fits(entry.name) or not entry.is_dir(follow_symlinks=False):
                continue
            if not entry.name.isprintable():
                found.odd[clean(f"{above}/{entry.name}", line=True)] = _UNFIT
            else:
                yield from _folders(f"{above}/{entry.name}", parts[1:], pattern, found)


def _listed(folder: str, pattern: str, found: Finding) -> list["os.DirEntry[str]"]:
    """What is in a folder. One that is missing is only odd where no part of it is a pattern."""
    try:
        with os.scandir(folder or "/") as entries:
            return list(entries)
    except FileNotFoundError:
        if pattern.startswith(f"{folder}/"):
            _cannot(found, folder, "sick", "no such folder")
    except NotADirectoryError:
        if pattern.startswith(f"{folder}/"):
            _cannot(found, folder, "sick", "is no folder")
    except OSError as error:
        _cannot(found, folder, "refused", (error.strerror or "cannot be listed").lower())
    return []


def _cannot(found: Finding, folder: str, why: UnreadableWhy, reason: str) -> None:
    found.odd[folder] = (why, reason)
    found.blocked.append(folder)


_SORTS: tuple[tuple[Callable[[int], bool], str], ...] = (
    (stat.S_ISLNK, "is a symbolic link, which is not followed"),
    (stat.S_ISDIR, "is a folder, not a file"),
    (stat.S_ISFIFO, "is a FIFO, not a file"),
    (stat.S_ISSOCK, "is a socket, not a file"),
)


def _entry(entry: "os.DirEntry[str]", folder: str, pattern: str, found: Finding) -> None:
    path = f"{folder}/{entry.name}"
    try:
        there = entry.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError as error:
        found.odd[path] = ("refused", (error.strerror or "cannot be read").lower())
        return
    if not entry.name.isprintable() or entry.name.isspace():
        found.odd[clean(path, line=True)] = _UNFIT
    elif stat.S_ISREG(there.st_mode):
        if path not in found.files:
            found.files[path] = Found(
                folder, entry.name, pattern,
                there.st_dev, there.st_ino, there.st_size, there.st_mtime_ns,
            )  # fmt: skip
    else:
        sort = next(
            (said for is_one, said in _SORTS if is_one(there.st_mode)), "is a device, not a file"
        )
        found.odd[path] = ("refused", sort)
