"""Puts into the spool what scripts and units push: for the next check, without its lock.

A file is written and synced, and only then has its name, by which they are ordered. Whoever
pushes asks nobody. The other end is `notifier.intake`.
"""

import os
import re
import stat
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from notifier import files
from notifier.errors import StateError
from notifier.model import Observation
from notifier.pushed import Batch, Parcel

# bytes of one file
LARGEST = 1 << 20
NAME = re.compile(r"[0-9]{20}-[0-9a-f]{8}\.json")
FOLDER = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
SOURCE = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def parcels(source: str, batches: Iterable[Batch], now: datetime) -> Iterator[Parcel]:
    """As few files as hold all of it: none is larger than what is taken in."""
    held: list[Batch] = []
    size = 0
    for batch in batches:
        changes: list[Observation] = []
        for seen in batch.changes:
            more = len(msgspec.json.encode(seen)) + 1
            if size + more > LARGEST // 2:
                held.append(replace(batch, changes=tuple(changes)))
                yield Parcel(at=now, source=source, batches=tuple(held))
                held, changes, size = [], [], 0
            changes.append(seen)
            size += more
        held.append(replace(batch, changes=tuple(changes)))
    if held:
        yield Parcel(at=now, source=source, batches=tuple(held))


def put(folder: Path, parcels: Sequence[Parcel], stamp: int) -> list[Path]:
    """Writes these into the spool, in order, and durably. Returns the files.

    `stamp` is the time in nanoseconds; what lies there already comes before. Raises StateError:
    then nothing was spooled, or (where only the last sync failed) all of it perhaps.
    """
    # a run that only takes in has no use for it
    import secrets

    raws = [msgspec.json.encode(parcel) for parcel in parcels]
    try:
        with _opened(folder) as handle:
            found = os.fstat(handle)
            stamp = max([stamp, *(int(name[:20]) + 1 for name in _names(handle))])
            names = [
                f"{stamp + number:020d}-{secrets.token_hex(4)}.json" for number in range(len(raws))
            ]
            try:
                for name, raw in zip(names, raws, strict=True):
                    _write(handle, _fresh(name), raw, found)
                for name in names:
                    os.rename(_fresh(name), name, src_dir_fd=handle, dst_dir_fd=handle)
            finally:
                for name in names:
                    with suppress(OSError):
                        os.unlink(_fresh(name), dir_fd=handle)
            files.sync_names(handle)
    except OSError as error:
        raise StateError(f"{folder}: cannot be written: {error.strerror}") from None
    return [folder / name for name in names]


def _fresh(name: str) -> str:
    return f".{name}.new"


def _names(handle: int) -> list[str]:
    return sorted(name for name in os.listdir(handle) if NAME.fullmatch(name))


@contextmanager
def _opened(folder: Path) -> Iterator[int]:
    """The spool's folder, made where it is missing; no symbolic link is followed.

    Raises OSError, and StateError where what is written here would never be read.
    """
    try:
        handle = os.open(folder, FOLDER)
    except FileNotFoundError:
        _make(folder)
        handle = os.open(folder, FOLDER)
    except PermissionError:
        raise StateError(_closed(folder)) from None
    try:
        found = os.fstat(handle)
        if found.st_mode & stat.S_IWOTH:
            raise StateError(f"{folder}: everybody may write here; chmod o-w it first")
        if not os.access(folder, os.W_OK | os.X_OK):
            raise StateError(_closed(folder))
        if os.geteuid() not in (0, found.st_uid) and not found.st_mode & stat.S_ISGID:
            raise StateError(
                f"{folder}: {files.owner(found.st_uid)} could not read what is written here; "
                "chmod g+s it first"
            )
        yield handle
    finally:
        os.close(handle)


def _closed(folder: Path) -> str:
    with suppress(OSError):
        uid = folder.parent.stat().st_uid
        if uid != os.geteuid():
            return (
                f"{folder}: not open to {files.owner(os.geteuid())}: emit as root or as "
                f"{files.owner(uid)}, or let a group in (docs/emit.md)"
            )
    return f"{folder}: is read-only"


def _make(folder: Path) -> None:
    """The spool in the state's folder, which root does not make: it would be root's."""
    if not folder.parent.exists():
        if os.geteuid() == 0:
            raise StateError(
                f"{folder.parent}: no such folder; whoever runs `notifier check` makes it there"
            )
        files.prepare(folder.parent, ())
    home = os.open(folder.parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with suppress(FileExistsError):
            os.mkdir(folder.name, 0o700, dir_fd=home)
            made = os.open(folder.name, FOLDER, dir_fd=home)
            try:
                _give(made, os.fstat(home))
            finally:
                os.close(made)
        files.sync_names(home)
    finally:
        os.close(home)


def _write(handle: int, name: str, raw: bytes, there: os.stat_result) -> None:
    """One file that the spool's owner can read, whoever we are."""
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    with os.fdopen(os.open(name, flags, 0o600, dir_fd=handle), "wb") as file:
        _give(file.fileno(), there)
        theirs = os.geteuid() not in (0, there.st_uid)
        os.fchmod(file.fileno(), 0o640 if theirs else 0o600)
        file.write(raw)
        file.flush()
        os.fsync(file.fileno())


def _give(made: int, there: os.stat_result) -> None:
    """What root made belongs to whoever has the folder around it."""
    found = os.fstat(made)
    if os.geteuid() == 0 and (found.st_uid, found.st_gid) != (there.st_uid, there.st_gid):
        os.fchown(made, there.st_uid, there.st_gid)
