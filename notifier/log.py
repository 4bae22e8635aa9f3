"""Where diagnostics go: stderr, one line each, with journal priorities under systemd."""

import logging
import os
import sys
from collections.abc import Mapping

LEVELS = {logging.DEBUG: 7, logging.INFO: 6, logging.WARNING: 4, logging.ERROR: 3}
# what these libraries print at DEBUG holds tokens and bodies
LOUD = ("apprise", "urllib3", "requests", "filelock", "asyncio", "mail.log")


class _Plain(logging.Formatter):
    def __init__(self, *, journal: bool) -> None:
        super().__init__("notifier: %(message)s")
        self.journal = journal

    def format(self, record: logging.LogRecord) -> str:
        level = f"<{LEVELS.get(record.levelno, 4)}>" if self.journal else ""
        # text from a cluster may be in it: nothing that a terminal would obey
        lines = (map(_visible, line) for line in super().format(record).splitlines())
        return "\n".join(f"{level}{''.join(line)}" for line in lines)


def _visible(character: str) -> str:
    if character.isprintable():
        return character
    return character.encode("unicode_escape").decode()


def under_journal(environ: Mapping[str, str]) -> bool:
    """Whether stderr is the journal's own stream ($JOURNAL_STREAM names its device and inode)."""
    try:
        found = os.fstat(sys.stderr.fileno())
    except (OSError, ValueError):
        return False
    return environ.get("JOURNAL_STREAM") == f"{found.st_dev}:{found.st_ino}"


def set_up(verbosity: int, environ: Mapping[str, str]) -> logging.Logger:
    """The logger of this run. `verbosity`: -1 errors only, 0 warnings, 1 more, 2 everything.

    The loggers of the libraries that we send with never pass anything on, at any level.
    """
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_Plain(journal=under_journal(environ)))
    logger = logging.getLogger("notifier")
    logger.handlers = [handler]
    logger.propagate = False
    levels = {-1: logging.ERROR, 0: logging.WARNING, 1: logging.INFO}
    logger.setLevel(levels.get(verbosity, logging.DEBUG))
    for name in LOUD:
        loud = logging.getLogger(name)
        loud.handlers = [logging.NullHandler()]
        loud.propagate = False
        loud.setLevel(logging.CRITICAL)
    return logger
