"""Files that are replaced whole or not at all, in a folder that is ours alone."""

import contextlib
import errno
import os
import pwd
import stat
from collections.abc import Iterable
from pathlib import Path

from notifier.errors import StateError

# file systems without hard links, and such that cannot sync a folder, say one of these
_CANNOT = (errno.EPERM, errno.ENOTSUP, errno.EINVAL, errno.ENOSYS, errno.EMLINK)


def beside(path: Path, ending: str) -> Path:
    """The file of that name with an ending more."""
    return path.with_name(path.name + ending)


def prepare(folder: Path, files: Iterable[Path]) -> None:
    """Makes sure that `folder` is there and that it and `files` are ours to write.

    Raises StateError in one line, which names the owner where they are somebody else's.
    """
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with contextlib.suppress(FileExistsError):
            folder.mkdir(mode=0o700)
            folder.chmod(0o700)
        found = folder.stat()
        if not stat.S_ISDIR(found.st_mode):
            raise StateError(f"{folder}: is no folder")
        if found.st_mode & stat.S_IWOTH:
            raise StateError(f"{folder}: everybody may write here; chmod o-w it first")
        for path in files:
            with contextlib.suppress(FileNotFoundError):
                _ours(path, path.lstat())
        writable = os.access(folder, os.W_OK | os.X_OK)
        if os.geteuid() == 0 or not writable:
            # root may write everywhere, but then the owner could read nothing of it
            _ours(folder, found)
        if not writable:
            raise StateError(f"{folder}: is read-only")
    except OSError as error:
        what = f"{error.filename or folder}: cannot be made or used: {error.strerror}"
        raise StateError(what) from None


def _ours(path: Path, found: os.stat_result) -> None:
    if stat.S_ISLNK(found.st_mode):
        raise StateError(f"{path}: is a symbolic link, and the state never follows one")
    if found.st_uid != os.geteuid():
        raise StateError(f"{path} {_belongs(found.st_uid)}")


def _belongs(uid: int) -> str:
    return (
        f"belongs to {owner(uid)}, and this is {owner(os.geteuid())}: "
        f"run as that user (sudo -u {owner(uid, '#')} notifier ...)"
    )


def owner(uid: int, nameless: str = "user ") -> str:
    """What a user is called."""
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"{nameless}{uid}"


def read(path: Path) -> bytes:
    """The whole of it; no symbolic link is followed.

    Raises FileNotFoundError, and StateError for everything else.
    """
    try:
        handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK)
        with os.fdopen(handle, "rb") as file:
            return file.read()
    except FileNotFoundError:
        raise
    except OSError as error:
        raise StateError(_unreadable(path, error)) from None


def _unreadable(path: Path, error: OSError) -> str:
    if error.errno == errno.ELOOP:
        return f"{path}: is a symbolic link, and the state never follows one"
    with contextlib.suppress(OSError):
        owner = path.parent.stat().st_uid
        if error.errno == errno.EACCES and owner != os.geteuid():
            return f"{path} {_belongs(owner)}"
    return f"{path}: cannot be read: {error.strerror}"


def write(
    path: Path, raw: bytes, *, former: Path | None = None, sync: bool = True, mode: int = 0o600
) -> None:
    """Replaces `path`: all of it or nothing, with `sync` also when power fails.

    Write beside it, fsync, keep what is there as `former`, rename, fsync the folder. Raises
    OSError; the file is then as it was (or new, where only the last of these steps failed).
    """
    fresh = beside(path, ".new")
    try:
        _create(fresh, raw, sync=sync, mode=mode)
        if former:
            keep(path, former)
        fresh.replace(path)
        if sync:
            _sync(path.parent)
    except OSError:
        with contextlib.suppress(OSError):
            fresh.unlink(missing_ok=True)
        raise


def _create(path: Path, raw: bytes, *, sync: bool, mode: int = 0o600) -> None:
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(path, flags, 0o600)
    with os.fdopen(handle, "wb") as file:
        os.fchmod(handle, mode)
        file.write(raw)
        if sync:
            file.flush()
            os.fsync(handle)


def keep(path: Path, former: Path) -> None:
    """What is at `path` is also `former` from now on: another name for it, or a copy.

    Raises OSError.
    """
    fresh = beside(former, ".new")
    fresh.unlink(missing_ok=True)
    try:
        os.link(path, fresh, follow_symlinks=False)
    except FileNotFoundError:
        return
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
        _create(fresh, read(path), sync=True)
    fresh.replace(former)


def _sync(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        sync_names(handle)
    finally:
        os.close(handle)


def sync_names(folder: int) -> None:
    """Makes the names in an open folder durable, where the file system can do that."""
    try:
        os.fsync(folder)
    except OSError as error:
        if error.errno not in _CANNOT:
            raise
