"""The journal: what every run saw, decided and sent, a line each, for people who ask why.

Nothing needs it: losing it loses history and no alert. It is written before the state is, so that
what was sent is never missing in it; a run that died in between is recognised by its generation.
"""

import contextlib
import os
import stat
from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from notifier import files
from notifier.decision import Decision
from notifier.errors import StateError
from notifier.memory import State
from notifier.model import Receipt

if TYPE_CHECKING:
    from notifier import record

NAME = "journal.jsonl"
# a file that is so large or begins so long ago makes way; one former file is kept
PART, AGE = 10_000_000, timedelta(days=30)
# what one run may add, in bytes, and the incidents that a new file carries over
MOST, CARRIED = 8_000_000, 2_000


class Journal:
    """The journal beside a state. Whatever happens to it, the run goes on; `warnings` say so."""

    def __init__(self, state: Path) -> None:
        self.path = state.parent / NAME
        self.former = files.beside(self.path, ".1")
        self.warnings: list[str] = []
        self._state = state
        self._held: list[record.Entry] = []
        self._from = State()
        self._wrote = False

    def decided(self, one: Decision) -> None:
        """Notes what a run saw and decided, before that is committed."""
        if one.quiet:
            return
        # slow to import, and a quiet run has nothing to note
        from notifier import chronicle

        base = generation(self._state)
        try:
            self._held, self._from = chronicle.entries(one, base), one.before
        except Exception as error:
            # a fault of ours in telling what happened must not keep it from happening
            self.warnings.append(f"{self.path}: no history is kept of this run: a bug: {error!r}")
        if base:
            # without a state, a journal would be the sign of one that was lost
            self._flush(one.now)

    def committed(self, now: datetime) -> None:
        """Notes what could not be noted before there was a state."""
        self._flush(now)

    def attempted(
        self, receipts: Sequence[Receipt], before: State, after: State, now: datetime
    ) -> None:
        """Notes how attempts ended, before `after` is committed."""
        from notifier import chronicle

        self._held += chronicle.attempts(receipts, before, after, now)
        self._flush(now)

    def person(self, before: State, after: State, entry: "record.Person") -> None:
        """Notes what a person did, and what is to be told because of that."""
        from notifier import chronicle

        entry = replace(entry, base=generation(self._state))
        self._held, self._from = [entry, *chronicle.by_hand(before, after)], before
        self._flush(entry.at)

    def done(self, now: datetime, untried: Sequence[str] = ()) -> None:
        """Notes that the run ended by itself."""
        if self._wrote or self._held:
            from notifier import record

            self._held.append(record.Done(untried=list(untried)))
            self._flush(now)

    def _flush(self, now: datetime) -> None:
        lines, self._held = self._held, []
        if not lines or self.warnings:
            return
        try:
            if not self._wrote and self._makes_way(now):
                from notifier import chronicle

                # in one piece with what follows: a file without a beginning would explain nothing
                lines.insert(0, chronicle.begun(self._from, now, CARRIED))
            self._wrote = True
            _append(self.path, _bytes(lines))
        except (OSError, StateError) as error:
            why = error.strerror if isinstance(error, OSError) else str(error)
            self.warnings.append(f"{self.path}: no history is kept of this run: {why}")

    def _makes_way(self, now: datetime) -> bool:
        """Whether a file is to be begun: there is none, or it was large or old and makes way."""
        with contextlib.suppress(FileNotFoundError):
            if _older(datetime.fromtimestamp(self.former.lstat().st_mtime, UTC), now):
                self.former.unlink()
        with contextlib.suppress(FileNotFoundError):
            found = self.path.lstat()
            _ours(found)
            if not found.st_size:
                return True
            if found.st_size < PART and not _older(_first(self.path), now):
                return False
            self.path.replace(self.former)
        return True


def generation(state: Path) -> str:
    """Which generation of the state is there; nothing when there is none."""
    with contextlib.suppress(OSError):
        found = state.stat()
        return f"{found.st_ino:x}-{found.st_mtime_ns:x}"
    return ""


def _older(moment: datetime | None, now: datetime) -> bool:
    return moment is not None and now - moment > AGE


def _first(path: Path) -> datetime | None:
    """When a file was begun."""
    handle = os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
    with os.fdopen(handle, "rb") as file, contextlib.suppress(msgspec.MsgspecError, ValueError):
        # the time stands near the beginning of what may be a very long line
        head = file.readline(200).partition(b'"at":"')[2].partition(b'"')[0]
        return datetime.fromisoformat(head.decode())
    return None


def _ours(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        raise StateError("it is no file")


def _bytes(lines: Sequence["record.Entry"]) -> bytes:
    """The lines as they are written; what is beyond all measure is counted in a last one."""
    from notifier import record

    raw, size = [], 0
    for count, line in enumerate(lines):
        raw.append(msgspec.json.encode(line))
        size += len(raw[-1]) + 1
        if size > MOST:
            raw.append(msgspec.json.encode(record.Cut(left_out=len(lines) - count - 1)))
            break
    return b"\n".join([*raw, b""])


def _append(path: Path, raw: bytes) -> None:
    """Adds whole lines; one that a killed run left unfinished stays a line of its own."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
    handle = os.open(path, flags, 0o600)
    try:
        found = os.fstat(handle)
        _ours(found)
        if found.st_mode & 0o077:
            os.fchmod(handle, 0o600)
        if found.st_size and os.pread(handle, 1, found.st_size - 1) != b"\n":
            raw = b"\n" + raw
        left = memoryview(raw)
        while left:
            left = left[os.write(handle, left) :]
    finally:
        os.close(handle)


class Found(msgspec.Struct, kw_only=True):
    """What there is of a journal. `trouble` are sentences for people."""

    lines: list[Any] = []
    trouble: list[str] = []


def read(state: Path) -> Found:
    """All lines that can be read, the oldest first. Never raises."""
    from notifier import record

    found, decoder = Found(), msgspec.json.Decoder(record.Anything)
    path = state.parent / NAME
    for part in (files.beside(path, ".1"), path):
        try:
            raw = files.read(part)
        except FileNotFoundError:
            continue
        except StateError as error:
            found.trouble.append(str(error))
            continue
        odd, lines = 0, raw.split(b"\n")
        if lines.pop():
            found.trouble.append(f"{part}: its last line is torn: a run was ended while it wrote")
        for line in lines:
            try:
                found.lines.append(decoder.decode(line))
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
                odd += 1
        if odd:
            are = "line is" if odd == 1 else "lines are"
            found.trouble.append(f"{part}: {odd:,} {are} torn or of a newer Notifier; passed over")
    return found


def health(state: Path) -> str:
    """What is wrong with the journal of this state, in a sentence; nothing when all is well."""
    return "; ".join(read(state).trouble)


def runs(lines: Iterable["record.Entry"], generation: str = "") -> "Iterator[list[record.Entry]]":
    """The lines by run, each with what came before the next one; those that came to nothing go.

    A run that was ended before it committed is followed by one from the same generation of the
    state, or, when it is the last, by none: `generation` is the one that is there now.
    """
    from notifier import record

    group: list[record.Entry] = []
    for line in lines:
        if not isinstance(line, record.Run | record.Person | record.Begun):
            group.append(line)
            continue
        if group and not _died(group, "" if isinstance(line, record.Begun) else line.base):
            yield group
        group = [line]
    if group and not _died(group, generation):
        yield group


def _died(group: "list[record.Entry]", base: str) -> bool:
    """Whether what was done came to nothing, as the state was at `base` before and after it."""
    from notifier import record

    head = group[0]
    ended = any(isinstance(line, record.Attempt | record.Done) for line in group)
    # without a state nothing can be done by hand but to put it aside
    if isinstance(head, record.Run) or (isinstance(head, record.Person) and head.base):
        return not ended and head.base == base
    return False
