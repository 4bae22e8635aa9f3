"""A line on a terminal for what takes longer than two seconds; gone when it is over."""

import contextlib
import sys
import threading
import time
from collections.abc import Iterator

from notifier.cli import Context

# seconds without a word, and between two writings of the line
PATIENCE, TICK = 2.0, 1.0
_CLEAR = "\r\x1b[K"


@contextlib.contextmanager
def progress(context: Context, what: str) -> Iterator[None]:
    """Shows `what` and the seconds that it has taken, on stderr, where that is a terminal.

    Elsewhere, and with -q, nothing is written and no thread is started.
    """
    silent = context.args.quiet or context.environ.get("TERM", "dumb") == "dumb"
    if silent or not sys.stderr.isatty():
        yield
        return
    over = threading.Event()
    thread = threading.Thread(target=_show, args=(what, over), daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def _show(what: str, over: threading.Event) -> None:
    began = time.monotonic()
    if over.wait(PATIENCE):
        return
    with contextlib.suppress(OSError, ValueError):
        while True:
            sys.stderr.write(f"{_CLEAR}{what} ... {time.monotonic() - began:.0f} s")
            sys.stderr.flush()
            if over.wait(TICK):
                break
        sys.stderr.write(_CLEAR)
        sys.stderr.flush()
