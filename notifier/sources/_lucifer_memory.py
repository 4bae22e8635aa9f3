"""What one look at the streams of Lucifer leaves for the next: the source's cursor."""

from typing import Any

import msgspec

from notifier.sources._lucifer_task import Task


class File(msgspec.Struct, array_like=True):
    """How far one file was read.

    `offset` is where the first line begins that was not taken, `hash` that of the bytes before
    it; `size` and `mtime` (ns) are what the file had then. `skip`: the rest of a line that was
    too long is passed over. `past`: what is in it was there before anybody looked. `loose`: it was
    renamed, and no pattern fits it any more. `missing`: since when it is not found.
    """

    task: str
    host: str
    dev: int
    ino: int
    offset: int = 0
    size: int = -1
    mtime: int = 0
    hash: str = ""
    skip: bool = False
    past: bool = False
    loose: bool = False
    missing: int = 0


class Host(msgspec.Struct, array_like=True):
    """The newest event of a host, and when its file was last written (seconds since 1970)."""

    status: str
    at: int


class Owed(msgspec.Struct, omit_defaults=True):
    """Something to be said once its kind is asked for: of a host, a test, a former attempt."""

    kind: str
    id: str
    status: str
    at: int
    by: str = ""
    node: str = ""
    past: bool = False
    task: Task | None = None


class Memory(msgspec.Struct, omit_defaults=True):
    """The cursor. `files`: folder -> name -> how far it was read.

    `odd` counts the lines that were no known event. `known` are the patterns whose files were
    looked at before, `begun` the kinds of which something was handed on, `unread` what could not
    be read at the last look.
    """

    files: dict[str, dict[str, File]] = {}
    tasks: dict[str, Task] = {}
    hosts: dict[str, Host] = {}
    owed: list[Owed] = []
    odd: dict[str, int] = {}
    known: list[str] = []
    begun: list[str] = []
    unread: list[str] = []


def remembered(cursor: Any) -> Memory:
    """The cursor as a value of its own; what is none is as good as nothing."""
    try:
        return msgspec.convert(cursor or {}, Memory)
    except msgspec.ValidationError:
        return Memory()
