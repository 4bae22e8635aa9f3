"""Where the state lives: the lock, the atomic commit, the former generation, the looks.

The only room that knows files. Everything else gets a `State` and hands one back.
"""

import contextlib
import os
import pwd
import secrets
import stat
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path

import filelock
import msgspec

from notifier.errors import LockedError, StateError
from notifier.model import Frozen, Origin, State
from notifier.people import People

VERSION = 1


class LookTime(Frozen, frozen=True, kw_only=True):
    """When a (source, family) was last looked at, how long it took, and until when it rests."""

    started: datetime
    took: float
    rest_until: datetime | None = None
    trouble: str = ""


class _Head(msgspec.Struct):
    version: int


_STATE = msgspec.json.Decoder(State)
_HEAD = msgspec.json.Decoder(_Head)
_PEOPLE = msgspec.json.Decoder(People)
_LOOKS = msgspec.json.Decoder(dict[str, LookTime])


class Store:
    """The state's folder. Reading needs no lock; writing happens under `lock()`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.parent
        self.former = self._beside(".prev")

    def _beside(self, ending: str) -> Path:
        return self.path.with_name(self.path.name + ending)

    @contextlib.contextmanager
    def lock(self, wait: float) -> Iterator[bool]:
        """Holds the lock; yields whether another run had to be waited for.

        Raises LockedError after `wait` seconds, StateError where the folder is not ours to use.
        """
        self._prepare()
        lock = filelock.FileLock(self._beside(".lock"), mode=0o600, poll_interval=0.05)
        waited = False
        try:
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                waited = True
                lock.acquire(timeout=wait)
        except filelock.Timeout:
            raise LockedError(f"another run holds {self._beside('.lock')}") from None
        except OSError as error:
            raise StateError(f"{self._beside('.lock')}: {error.strerror}") from None
        try:
            yield waited
        finally:
            lock.release()

    def _prepare(self) -> None:
        try:
            self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
            found = self.folder.stat()
            if found.st_mode & stat.S_IWOTH:
                raise StateError(f"{self.folder}: everybody may write here; chmod o-w it first")
            for path in (self.path, self._beside(".lock")):
                with contextlib.suppress(FileNotFoundError):
                    self._ours(path, path.lstat())
            if not os.access(self.folder, os.W_OK | os.X_OK):
                self._ours(self.folder, found)
                raise StateError(f"{self.folder}: is read-only")
        except OSError as error:
            raise StateError(f"{self.folder}: {error.strerror}") from None

    def _ours(self, path: Path, found: os.stat_result) -> None:
        if stat.S_ISLNK(found.st_mode):
            raise StateError(f"{path}: is a symbolic link; the state is never followed through one")
        if found.st_uid != os.geteuid():
            owner = _name(found.st_uid)
            raise StateError(
                f"{path} belongs to {owner}, and this is {_name(os.geteuid())}: "
                f"run as that user (sudo -u {owner} notifier ...)"
            )

    def load(self) -> tuple[State, Origin]:
        """The state, and where it came from.

        `former`: the current file is bad or gone, so the generation before it was taken. `lost`:
        no state, but other files of ours. Raises StateError (files untouched) when both
        generations are bad or the version is a newer one's.
        """
        current, bad = self._read(self.path)
        if current is not None:
            return current, "current"
        former, former_bad = self._read(self.former)
        if former is not None:
            return former, "former"
        if bad or former_bad:
            raise StateError(
                f"{bad or former_bad}; the former generation is no better. Look at the files, "
                "then run: notifier state reset"
            )
        others = (self.looks_path, self.folder / "operator.json", self.folder / "journal.jsonl")
        lost = any(path.exists() for path in others)
        return State(id=f"n{secrets.token_hex(4)}"), "lost" if lost else "fresh"

    def _read(self, path: Path) -> tuple[State | None, str]:
        try:
            raw = _read_plain(path)
        except FileNotFoundError:
            return None, ""
        except OSError as error:
            raise StateError(f"{path}: {error.strerror}") from None
        try:
            version = _HEAD.decode(raw).version
            if version > VERSION:
                raise StateError(
                    f"{path}: written by a newer Notifier (version {version}, this one knows "
                    f"{VERSION}); it is left untouched"
                )
            return _STATE.decode(raw), ""
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None, f"{path}: is damaged"

    def commit(self, state: State) -> None:
        """Makes `state` the current generation: all of it or nothing, also when power fails.

        Write, fsync, link the former generation, rename, fsync the folder. Raises StateError; the
        current generation is then as it was.
        """
        raw = msgspec.json.format(msgspec.json.encode(state), indent=1)
        fresh = self._beside(".new")
        try:
            _write(fresh, raw, sync=True)
            former = self._beside(".prev.new")
            former.unlink(missing_ok=True)
            with contextlib.suppress(FileNotFoundError):
                os.link(self.path, former, follow_symlinks=False)
                former.replace(self.former)
            fresh.replace(self.path)
            _sync_folder(self.folder)
        except OSError as error:
            with contextlib.suppress(OSError):
                fresh.unlink(missing_ok=True)
            raise StateError(f"{self.path}: cannot be written: {error.strerror}") from None

    def reset(self, now: datetime) -> list[Path]:
        """Moves both generations aside and begins anew. Returns where they went."""
        moved = []
        for path in (self.path, self.former):
            aside = path.with_name(f"{path.name}.{now:%Y%m%dT%H%M%SZ}")
            try:
                path.replace(aside)
                moved.append(aside)
            except FileNotFoundError:
                continue
            except OSError as error:
                raise StateError(f"{path}: {error.strerror}") from None
        self.looks_path.unlink(missing_ok=True)
        self.commit(State(id=f"n{secrets.token_hex(4)}"))
        return moved

    @property
    def looks_path(self) -> Path:
        """`looks.json`: times of looks. Losing it means "never looked", nothing worse."""
        return self.folder / "looks.json"

    def looks(self) -> dict[str, LookTime]:
        """When each `source/family` was last looked at; empty when unknown."""
        try:
            return _LOOKS.decode(_read_plain(self.looks_path))
        except (OSError, msgspec.DecodeError, UnicodeDecodeError):
            return {}

    def people(self) -> People:
        """What people decided (`operator.json`). Raises StateError when the file is damaged."""
        path = self.folder / "operator.json"
        try:
            return _PEOPLE.decode(_read_plain(path))
        except FileNotFoundError:
            return People()
        except OSError as error:
            raise StateError(f"{path}: {error.strerror}") from None
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            raise StateError(f"{path}: is damaged; mend it or move it away") from None

    @contextlib.contextmanager
    def deciding(self, wait: float) -> Iterator[Callable[[People], None]]:
        """A short lock of its own, so that nobody waits for a run; yields what commits.

        Raises LockedError, StateError.
        """
        self._prepare()
        path = self.folder / "operator.json"

        def commit(people: People) -> None:
            fresh = self.folder / "operator.json.new"
            try:
                _write(fresh, msgspec.json.format(msgspec.json.encode(people), indent=1), sync=True)
                fresh.replace(path)
                _sync_folder(self.folder)
            except OSError as error:
                raise StateError(f"{path}: cannot be written: {error.strerror}") from None

        lock = filelock.FileLock(self.folder / "operator.lock", mode=0o600, poll_interval=0.02)
        try:
            with lock.acquire(timeout=wait):
                yield commit
        except filelock.Timeout:
            raise LockedError("somebody else is deciding; try again") from None

    def write_looks(self, looks: dict[str, LookTime]) -> None:
        """Replaces `looks.json`, without fsync. A failure is the caller's to ignore or tell."""
        fresh = self.folder / "looks.json.new"
        _write(fresh, msgspec.json.format(msgspec.json.encode(looks), indent=1), sync=False)
        fresh.replace(self.looks_path)


def _read_plain(path: Path) -> bytes:
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file:
        return file.read()


def _write(path: Path, raw: bytes, *, sync: bool) -> None:
    path.unlink(missing_ok=True)
    flags = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
    handle = os.open(path, flags, 0o600)
    with os.fdopen(handle, "wb") as file:
        file.write(raw)
        if sync:
            file.flush()
            os.fsync(handle)


def _sync_folder(folder: Path) -> None:
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def _name(uid: int) -> str:
    try:
        return pwd.getpwuid(uid).pw_name
    except KeyError:
        return f"user {uid}"
