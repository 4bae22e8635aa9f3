"""What several commands need: the configuration, the store, times and tables for people."""

import sys
from collections.abc import Sequence
from datetime import datetime

from notifier import sources
from notifier.cli import Context
from notifier.config import Config, load
from notifier.places import find
from notifier.words import Clock
from notifier.zone import zone_of


def configuration(context: Context) -> Config:
    """Finds and reads the configuration. Raises ConfigError."""
    path = find(context.args.config, context.environ)
    return load(path, sources.settings_of, context.environ)


def times(config: Config, now: datetime) -> Clock:
    """Writes times as this person reads them."""
    return Clock(zone_of(config.run.timezone), now)


def coloured(context: Context) -> bool:
    """Whether to colour stdout: --color, then NO_COLOR, FORCE_COLOR, then what stdout is."""
    if context.args.color != "auto":
        return bool(context.args.color == "always")
    if context.environ.get("NO_COLOR"):
        return False
    if context.environ.get("FORCE_COLOR"):
        return True
    return sys.stdout.isatty() and context.environ.get("TERM") != "dumb"


def paint(text: str, severity: str, on: bool) -> str:
    """`text` in the colour of a severity, when colours are on."""
    code = {"critical": "31", "warning": "33", "info": "32"}.get(severity, "")
    return f"\x1b[{code}m{text}\x1b[0m" if on and code else text


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as they have to be, for a terminal."""
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines
