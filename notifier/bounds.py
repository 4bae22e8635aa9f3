"""Holds a template of the user's to bounded time and memory: its slips must stop no message."""

import contextlib
import resource
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from types import FrameType
from typing import Any

from notifier.errors import TemplateError

STEPS = 400_000
ROOM = 512 * 1024 * 1024
SUFFIX = ".j2"

_one_at_a_time = threading.Lock()


@contextlib.contextmanager
def bounded() -> Iterator[None]:
    """Inside, this thread may take `STEPS` template lines and calls, the process `ROOM` more bytes.

    Raises TemplateError or MemoryError where that is not enough.
    """
    with _one_at_a_time, _memory():
        former = sys.gettrace()
        sys.settrace(_counter())
        try:
            yield
        finally:
            sys.settrace(former)


def _counter() -> Any:
    steps = 0

    def count(frame: FrameType, event: str, arg: object) -> Any:
        nonlocal steps
        steps += 1
        if steps > STEPS:
            raise TemplateError("takes too long (a loop over too much?)")
        # other code is counted by its calls alone
        return count if frame.f_code.co_filename.endswith(SUFFIX) else None

    return count


@contextlib.contextmanager
def _memory() -> Iterator[None]:
    soft, hard = resource.getrlimit(resource.RLIMIT_AS)
    pages = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0])
    most = pages * resource.getpagesize() + ROOM
    limits = [limit for limit in (most, soft, hard) if limit != resource.RLIM_INFINITY]
    resource.setrlimit(resource.RLIMIT_AS, (min(limits), hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_AS, (soft, hard))
