"""Where the state lives: the lock, the atomic commit, the former generation, the looks.

The only room that knows files. Everything else gets a `State` and hands one back.
"""

import contextlib
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Annotated

import filelock
import msgspec

from notifier import files, migrations
from notifier.errors import LockedError, StateError
from notifier.memory import Origin, State
from notifier.model import Frozen, Moment
from notifier.people import People

VERSION = 1
# and that of operator.json
DECIDED = 1
# a longer document is no longer laid out in lines: that takes as long as all of the rest
PLAIN = 1_000_000
# what cannot be read as one of our documents
BROKEN = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
# what a step of a migration stumbles over in a document that is none
SENSELESS = (KeyError, TypeError, ValueError, AttributeError)


class LookTime(Frozen, frozen=True, kw_only=True):
    """When a (source, family) was last looked at, how long it took, and until when it rests.

    `read` is when it last could be read; None in what an older version wrote.
    """

    started: Moment
    took: float
    rest_until: Moment | None = None
    trouble: str = ""
    read: Moment | None = None

    @property
    def read_at(self) -> datetime | None:
        """When it last could be read, as far as that is known."""
        return self.read if self.trouble else self.started


class _Head(msgspec.Struct):
    version: Annotated[int, msgspec.Meta(ge=1)]


_STATE = msgspec.json.Decoder(State)
_HEAD = msgspec.json.Decoder(_Head)
_PEOPLE = msgspec.json.Decoder(People)
_LOOKS = msgspec.json.Decoder(dict[str, LookTime])


class Store:
    """The state's folder. Reading needs no lock; writing happens under `lock()`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.folder = path.parent
        self.former = files.beside(path, ".prev")
        self.looks_path = self.folder / "looks.json"
        self.people_path = self.folder / "operator.json"
        self.spool = self.folder / "spool"
        # whether what is at `path` may take the place of the former generation
        self._sound = False
        # the version of what is at `path`, where it is an older one's
        self._older = 0

    @contextlib.contextmanager
    def lock(self, wait: float) -> Iterator[bool]:
        """Holds the lock; yields whether another run had to be waited for.

        Raises LockedError after `wait` seconds, StateError where the folder is not ours to use.
        """
        path = files.beside(self.path, ".lock")
        files.prepare(self.folder, (self.path, self.former, path))
        lock = filelock.FileLock(path, mode=0o600, poll_interval=0.05)
        waited = False
        try:
            try:
                lock.acquire(timeout=0)
            except filelock.Timeout:
                waited = True
                lock.acquire(timeout=wait)
        except filelock.Timeout:
            raise LockedError(f"another run holds {path}") from None
        except (OSError, NotImplementedError) as error:
            raise StateError(f"{path}: cannot be locked: {_why(error)}") from None
        try:
            yield waited
        finally:
            lock.release()

    def load(self) -> tuple[State, Origin]:
        """The state, and where it came from.

        `former`: the current file is bad or gone, so the generation before it was taken. `lost`:
        no state, but other files of ours. Raises StateError (files untouched) when both
        generations are bad or the version is a newer one's.
        """
        current, bad = self._read(self.path)
        self._sound = current is not None
        if current is not None:
            return current, "current"
        former, former_bad = self._read(self.former)
        if former is not None:
            return former, "former"
        if bad or former_bad:
            raise StateError(
                f"{' and '.join(filter(None, (bad, former_bad)))}, and there is no other "
                "generation; nothing was touched. To begin anew: notifier state reset --yes"
            )
        # a silence may well be older than the first look, so operator.json proves nothing
        lost = self.looks_path.exists() or (self.folder / "journal.jsonl").exists()
        return _fresh(), "lost" if lost else "fresh"

    def _read(self, path: Path) -> tuple[State | None, str]:
        try:
            raw = files.read(path)
        except FileNotFoundError:
            return None, ""
        try:
            version = _version(path, raw, VERSION)
            if version == VERSION:
                return _STATE.decode(raw), ""
            document = migrations.migrated(msgspec.json.decode(raw), VERSION)
            state = _STATE.decode(msgspec.json.encode(document))
        except (*BROKEN, *SENSELESS):
            return None, f"{path} is damaged"
        self._older = version if path == self.path else self._older
        return state, ""

    def commit(self, state: State) -> None:
        """Makes `state` the current generation: all of it or nothing, also when power fails.

        A current generation that is sound becomes the former one; one of an older version is
        kept for good as well (`state.json.v1`). Raises StateError; unless only the folder's fsync
        failed, the current generation is then as it was.
        """
        if self._older:
            self._keep_older()
        self._put(self.path, state, former=self.former if self._sound else None)
        self._sound = True

    def _keep_older(self) -> None:
        """Whoever goes back to the program of that version finds the state that it left."""
        aside = files.beside(self.path, f".v{self._older}")
        try:
            files.keep(self.path, aside)
        except OSError as error:
            raise StateError(f"{aside}: cannot be written: {error.strerror}") from None
        self._older = 0

    def _put(self, path: Path, value: object, former: Path | None = None) -> None:
        try:
            files.write(path, _readable(value), former=former)
        except OSError as error:
            raise StateError(f"{path}: cannot be written: {error.strerror}") from None

    def reset(self, now: datetime) -> list[Path]:
        """Moves both generations aside and begins anew. Returns where they went."""
        moved = []
        try:
            for path in (self.path, self.former):
                aside = files.beside(path, f".{now:%Y%m%dT%H%M%SZ}")
                while aside.exists():
                    aside = files.beside(aside, "+")
                with contextlib.suppress(FileNotFoundError):
                    path.replace(aside)
                    moved.append(aside)
            self.looks_path.unlink(missing_ok=True)
        except OSError as error:
            raise StateError(f"{error.filename}: cannot be put aside: {error.strerror}") from None
        self._sound = False
        self.commit(_fresh())
        return moved

    def looks(self) -> dict[str, LookTime]:
        """When each `source/family` was last looked at; empty when unknown.

        Losing `looks.json` means "never looked", nothing worse.
        """
        try:
            return _LOOKS.decode(files.read(self.looks_path))
        except (FileNotFoundError, StateError, *BROKEN):
            return {}

    def write_looks(self, looks: dict[str, LookTime]) -> None:
        """Replaces `looks.json`, without fsync. Raises OSError, which the caller may ignore."""
        files.write(self.looks_path, _readable(looks), sync=False)

    def people(self) -> People:
        """What people decided (`operator.json`).

        Raises StateError when the file is damaged, or a newer version's.
        """
        try:
            raw = files.read(self.people_path)
            _version(self.people_path, raw, DECIDED)
            return _PEOPLE.decode(raw)
        except FileNotFoundError:
            return People()
        except BROKEN:
            raise StateError(f"{self.people_path} is damaged; mend it or move it away") from None

    @contextlib.contextmanager
    def deciding(self, wait: float) -> Iterator[Callable[[People], None]]:
        """A short lock of its own, so that nobody waits for a run; yields what commits.

        Raises LockedError, StateError.
        """
        path = self.folder / "operator.lock"
        files.prepare(self.folder, (self.people_path, path))
        lock = filelock.FileLock(path, mode=0o600, poll_interval=0.02)
        try:
            lock.acquire(timeout=wait)
        except filelock.Timeout:
            raise LockedError("somebody else is deciding; try again") from None
        except (OSError, NotImplementedError) as error:
            raise StateError(f"{path}: cannot be locked: {_why(error)}") from None
        try:
            yield lambda people: self._put(self.people_path, people)
        finally:
            lock.release()


def _fresh() -> State:
    # a first run alone needs it
    import secrets

    return State(version=VERSION, id=f"n{secrets.token_hex(4)}")


def _version(path: Path, raw: bytes, known: int) -> int:
    """The version of a document. Raises StateError for one that we cannot know yet."""
    version = _HEAD.decode(raw).version
    if version > known:
        raise StateError(
            f"{path}: written by a newer Notifier (version {version}, this one knows "
            f"{known}); it is left untouched"
        )
    return version


def _why(error: OSError | NotImplementedError) -> str:
    return getattr(error, "strerror", None) or str(error)


def _readable(value: object) -> bytes:
    raw = msgspec.json.encode(value)
    return raw if len(raw) > PLAIN else msgspec.json.format(raw, indent=1)
