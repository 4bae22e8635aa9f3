"""Takes in what lies in the spool: each file once, whatever kills the run, and blocked by none.

Its name is committed together with what it said, and only then the file goes. What cannot be
read is set aside and told.
"""

import errno
import os
import stat
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from pathlib import Path

import msgspec
from msgspec.structs import replace

from notifier import files, pushed, sources
from notifier.config import Config
from notifier.look import Look
from notifier.memory import State
from notifier.model import Frozen, Kind, Snapshot
from notifier.pushed import Batch, Parcel
from notifier.spool import FOLDER, LARGEST, NAME, SOURCE

# files and bytes that one run takes in
MOST, MOST_BYTES = 1000, 16 << 20
# seconds after which a file that never got its name is nobody's any more
STALE = 86400.0
ASIDE = "aside"
# what a file itself is to blame for; everything else may be well in the next run
_ITS_FAULT = (errno.EACCES, errno.EPERM, errno.ELOOP, errno.EISDIR, errno.ENXIO, errno.ENODEV)
_PARCEL = msgspec.json.Decoder(Parcel)


class Taken(msgspec.Struct, kw_only=True):
    """What a run found in the spool.

    `looks` are what it says, also nothing new of what was pushed before. `names` go into the
    state; `aside` has the reason for each file that cannot be taken in and was not told before.
    """

    looks: list[Look] = []
    names: dict[str, str] = {}
    aside: dict[str, str] = {}
    said: list[str] = []
    unread: bool = False


class _Odd(Exception):
    """A file that cannot be taken in; the text says why."""


class _Later(Exception):
    """The disk, and not the file, is at fault: what lies there stays for the next run."""


def take(folder: Path, state: State, config: Config, now: datetime) -> Taken:
    """What lies in the spool and was not taken in before, in order. Changes nothing there."""
    taken = Taken()
    try:
        found = _listed(folder, bool(state.spool))
    except OSError as error:
        taken.said.append(f"{folder}: cannot be read: {error.strerror}")
        taken.unread, found = True, list(state.spool)
    there = set(found)
    taken.names = {name: how for name, how in state.spool.items() if name in there}
    new = [name for name in found if name not in taken.names]
    parcels, room = [], MOST_BYTES
    for count, name in enumerate(new):
        if count == MOST or room <= 0:
            taken.said.append(f"{folder}: {len(new) - count:,} more files wait for the next run")
            break
        try:
            raw = _read(folder, name)
            parcels.append(_parcel(raw, config))
            taken.names[name] = "taken"
        except _Later as error:
            taken.said.append(f"{folder}/{name}: cannot be read: {error}; it waits")
            taken.unread = True
            continue
        except _Odd as odd:
            taken.names[name], taken.aside[name], raw = ASIDE, str(odd), b""
        room -= len(raw)
    taken.looks = _looks(state, config, parcels)
    return taken


def _listed(folder: Path, owed: bool) -> list[str]:
    """The names in it. Raises OSError. `owed`: what is gone of them must be gone for good."""
    try:
        handle = os.open(folder, FOLDER)
    except FileNotFoundError:
        return []
    try:
        if os.fstat(handle).st_mode & stat.S_IWOTH:
            raise PermissionError(1, "everybody may write here; chmod o-w it first")
        if owed:
            files.sync_names(handle)
        names = map(_key, os.listdir(handle))  # noqa: PTH208 - of an open folder
        return sorted(name for name in names if not name.startswith(".") and name != ASIDE)
    finally:
        os.close(handle)


def _key(name: str) -> str:
    """A file's name as the state can keep it: it may be no text at all."""
    return name.encode("utf-8", "backslashreplace").decode()


def _read(folder: Path, name: str) -> bytes:
    if not NAME.fullmatch(name):
        raise _Odd("not a name that `notifier emit` gives")
    flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    try:
        with os.fdopen(os.open(folder / name, flags), "rb") as file:
            if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
                raise _Odd("not a plain file")
            raw = file.read(LARGEST + 1)
    except OSError as error:
        if error.errno not in _ITS_FAULT:
            raise _Later(error.strerror) from None
        raise _Odd(f"cannot be read: {error.strerror}") from None
    if len(raw) > LARGEST:
        raise _Odd(f"larger than {LARGEST >> 20} MB")
    return raw


def _parcel(raw: bytes, config: Config) -> Parcel:
    """What one file says, cleaned once more: not only `emit` can write there."""
    # only needed where something was pushed
    from notifier.sources import _fit, _redact

    try:
        parcel = _PARCEL.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise _Odd(f"damaged: {error}") from None
    if parcel.version > 1:
        raise _Odd(f"written by a newer Notifier (version {parcel.version})")
    if not SOURCE.fullmatch(parcel.source) or parcel.source == "notifier":
        raise _Odd("no source can have such a name")
    known, redact = kinds_for(config, parcel.source), _redact.Redactor(config.run.redact)
    batches = []
    for batch in parcel.batches:
        if batch.kind not in known:
            raise _Odd(f"unknown kind '{batch.kind[:60]}'")
        changes = tuple(_fit.fit(batch.kind, one, redact) for one in batch.changes)
        if not all(one.id for one in changes):
            raise _Odd("a thing without an id")
        batches.append(Batch(kind=batch.kind, scope=_scope(batch.scope), changes=changes))
    return replace(parcel, batches=tuple(batches))


def _scope(scope: str) -> str:
    return f"{pushed.SCOPE}:{scope[:60]}" if scope else pushed.SCOPE


def kinds_for(config: Config | None, source: str) -> Mapping[str, Kind]:
    """The kinds that can be pushed for a source: everybody's, and those of its own type."""
    settings = config.sources.get(source) if config else None
    return {**pushed.KINDS, **sources.module(settings.type).KINDS} if settings else pushed.KINDS


def _looks(state: State, config: Config, parcels: Iterable[Parcel]) -> list[Look]:
    """One look for each source: what was pushed now, and that what was pushed before still holds.

    So reminders, the end of flapping and what is long past are decided in every run.
    """
    results: dict[str, list[Snapshot]] = {}
    for parcel in parcels:
        for batch in parcel.batches:
            results.setdefault(parcel.source, []).append(
                Snapshot(kind=batch.kind, scope=batch.scope, changes=batch.changes, at=parcel.at)
            )
    for key, scopes in pushed.scopes_of(state).items():
        source, kind = key.split("/", 1)
        if kind in kinds_for(config, source):
            results.setdefault(source, []).extend(
                Snapshot(kind=kind, scope=scope, changes=()) for scope in scopes
            )
    return [look(config, source, shown) for source, shown in results.items()]


def look(config: Config, source: str, results: Sequence[Snapshot]) -> Look:
    """What was pushed for a source as one look, by the words of today's configuration."""
    settings, kinds = config.sources.get(source), kinds_for(config, source)
    module = sources.module(settings.type) if settings else None

    def classify(kind: str, word: str) -> pushed.Meaning:
        if module and kind in module.KINDS:
            return module.classify(settings, kind, word)
        return pushed.meaning(kinds[kind], word)

    return Look(
        source=source,
        kinds=kinds,
        classify=classify,
        families=frozenset(kinds[one.kind].family for one in results),
        results=tuple(results),
        ignore=settings.ignore if settings else (),
        pushed=True,
    )


def clear(folder: Path, state: State, now: datetime, said: list[str]) -> State:
    """Removes the files whose names are committed; the state without those that are gone.

    What cannot be removed stays known, so that it is never applied twice; `said` tells of it.
    """
    if not state.spool:
        return state
    left = {}
    try:
        for path in list(folder.iterdir()):
            key = _key(path.name)
            try:
                _go(path, state.spool.get(key, ""))
            except OSError as error:
                said.append(f"{folder}/{key}: cannot be removed: {error.strerror}")
                left[key] = state.spool[key]
        _sweep(folder, now)
        handle = os.open(folder, FOLDER)
        try:
            files.sync_names(handle)
        finally:
            os.close(handle)
    except OSError:
        # the next run looks again which of them are gone
        return state
    return replace(state, spool=left)


def _go(path: Path, how: str) -> None:
    if how == "taken":
        path.unlink(missing_ok=True)
    if how != ASIDE:
        return
    to = path.parent / ASIDE / path.name
    to.parent.mkdir(mode=0o700, exist_ok=True)
    while os.path.lexists(to):
        to = files.beside(to, "+")
    with suppress(FileNotFoundError):
        path.rename(to)


def _sweep(folder: Path, now: datetime) -> None:
    """Removes what an `emit` that was killed had begun, after a day."""
    for path in folder.glob(".*.json.new"):
        with suppress(OSError):
            if now.timestamp() - path.lstat().st_mtime > STALE:
                path.unlink()


class Waiting(Frozen, frozen=True, kw_only=True, omit_defaults=False):
    """What lies in the spool: files for the next check, and those that were set aside."""

    files: int = 0
    aside: int = 0


def waiting(folder: Path, state: State) -> Waiting:
    """Counts them; what cannot be seen is none."""
    new, aside = [], []
    with suppress(OSError):
        new = [name for name in _listed(folder, owed=False) if name not in state.spool]
        aside = list((folder / ASIDE).iterdir())
    return Waiting(files=len(new), aside=len(aside))
