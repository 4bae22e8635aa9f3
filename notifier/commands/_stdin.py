"""What `notifier emit` reads from its stdin: a message, or a stream of events to its end."""

import sys
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any, BinaryIO

from notifier import sources
from notifier.config import Config
from notifier.errors import ConfigError
from notifier.model import Snapshot
from notifier.pushed import Batch
from notifier.sources import _text
from notifier.tables import nearest

# bytes of a line of a stream, and of a message, of which the end is kept
LINE, MESSAGE = 64 << 10, 128 << 10


def message(redact: Callable[[str], str]) -> str:
    """What comes on stdin; of much the end, which tells most of a log.

    Secrets go before it is cut: half of one is none that could be recognised.
    """
    raw = b""
    while more := _input().read(LINE):
        raw = (raw + more)[-MESSAGE:]
    read = _text.clean(raw.decode("utf-8", "replace"), MESSAGE, redact=redact)
    room = _text.LIMIT - 2
    return read if len(read) <= room else f"{_text.MARK}\n{read[-room:].partition(chr(10))[2]}"


def streamed(source: str, config: Config | None, task: str, now: datetime) -> list[Batch]:
    """What the source's own reader makes of stdin. Raises ConfigError where there is none."""
    settings = config.sources.get(source) if config else None
    if settings is None:
        near = nearest(source, config.sources) if config else ""
        raise ConfigError(
            f"--stdin: [sources.{source}] says by its type how to read the stream, and there "
            f"is no such table{near}"
        )
    stream: Any = getattr(sources.module(settings.type), "stream", None)
    if stream is None:
        raise ConfigError(f"--stdin: a source of type {settings.type} reads no stream")
    shown: Sequence[Snapshot] = stream(settings, lines(_input()), task, now)
    return [
        Batch(kind=one.kind, scope=one.scope, changes=one.changes) for one in shown if one.changes
    ]


def lines(file: BinaryIO) -> Iterator[bytes]:
    """The lines; of one that is too long the beginning."""
    while line := file.readline(LINE):
        yield line
        while len(line) == LINE and not line.endswith(b"\n"):
            line = file.readline(LINE)


def _input() -> BinaryIO:
    return sys.stdin.buffer
