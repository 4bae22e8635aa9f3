"""Reads a file on from where it was left: whole lines, each once, within bytes and time."""

import hashlib
import os
import stat
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from notifier.sources._failed import LookFailed
from notifier.sources._lucifer_memory import File

# bytes of one read, of the longest line that waits for its end, and that a hash is made of
CHUNK, LINE, HASHED = 1 << 20, 64 * 1024, 256
# not through a link, and never waiting for the other end of a FIFO
_FLAGS = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC


class Budget:
    """What is left of a look: bytes, and time until `deadline` (of time.monotonic)."""

    def __init__(self, left: int, deadline: float) -> None:
        self.left = left
        self.deadline = deadline

    @property
    def spent(self) -> bool:
        """Whether nothing more is read."""
        return self.left <= 0 or time.monotonic() > self.deadline


@contextmanager
def opened(path: str) -> Iterator[tuple[int, os.stat_result]]:
    """A regular file, and how it is now. Raises LookFailed; FileNotFoundError where none is."""
    try:
        handle = os.open(path, _FLAGS)
    except FileNotFoundError:
        raise
    except OSError as error:
        raise LookFailed("refused", (error.strerror or "cannot be opened").lower()) from None
    try:
        there = os.fstat(handle)
        if not stat.S_ISREG(there.st_mode):
            raise LookFailed("refused", "is not a file")
        yield handle, there
    except OSError as error:
        raise LookFailed("sick", (error.strerror or "cannot be read").lower()) from None
    finally:
        os.close(handle)


def mark(handle: int, offset: int) -> str:
    """What is kept of the bytes before an offset, to know them again."""
    return _digest(_before(handle, offset))


def _before(handle: int, offset: int) -> bytes:
    start = max(0, offset - HASHED)
    return os.pread(handle, offset - start, start)


def _digest(before: bytes) -> str:
    return hashlib.blake2b(before, digest_size=8).hexdigest() if before else ""


def read_on(
    handle: int, file: File, take: Callable[[list[bytes]], None], budget: Budget, most: int
) -> bool:
    """Takes the lines behind `file.offset`, at most about `most` bytes. Whether all were read.

    The last line waits where it has no end yet; `file` then says where it begins. A line longer
    than LINE is taken by its beginning, and the rest of it passed over. Where reading fails
    half-way (OSError), `file` knows what was taken.
    """
    before, position, rest = _before(handle, file.offset), file.offset, b""
    end = position + most
    try:
        while not budget.spent and position < end:
            chunk = os.pread(handle, min(CHUNK, end - position), position)
            if not chunk:
                return True
            position += len(chunk)
            budget.left -= len(chunk)
            whole = rest + chunk
            rest = _lines(whole, file, take)
            done = len(whole) - len(rest)
            before = (before + whole[max(0, done - HASHED) : done])[-HASHED:]
        return False
    finally:
        file.offset = position - len(rest)
        file.size = position
        file.hash = _digest(before)


def _lines(data: bytes, file: File, take: Callable[[list[bytes]], None]) -> bytes:
    """Takes all lines that have an end; gives the beginning of the last one."""
    if file.skip:
        _, newline, data = data.partition(b"\n")
        file.skip = not newline
    *lines, rest = data.split(b"\n")
    take(lines)
    if len(rest) > LINE:
        take([rest[:LINE]])
        file.skip = True
        return b""
    return rest
