"""What several commands need: the configuration, the store, times and tables for people."""

import sys
from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from notifier import sources
from notifier.cli import Context
from notifier.compose import Outlook
from notifier.config import Config, load
from notifier.doubts import doubts
from notifier.errors import ConfigError
from notifier.journal import Journal
from notifier.memory import State
from notifier.places import find
from notifier.poll import kinds_of
from notifier.state import Store
from notifier.tables import nearest
from notifier.words import Clock
from notifier.zone import zone_of

if TYPE_CHECKING:
    from notifier.record import Person


def configuration(context: Context) -> Config:
    """Finds and reads the configuration. Raises ConfigError."""
    path = find(context.args.config, context.environ)
    config = load(path, sources.settings_of, context.environ)
    kinds = {
        kind
        for source in config.sources.values()
        for kind in sources.module(source.type).KINDS
        # a source may be told to look at some of its kinds alone
        if kind in getattr(source, "kinds", (kind,))
    }
    return replace(config, warnings=doubts(config, kinds))


def times(config: Config, now: datetime) -> Clock:
    """Writes times as this person reads them."""
    return Clock(zone_of(config.run.timezone), now)


def loaded(context: Context, store: Store) -> State:
    """The state to be changed; says so when it is the generation before a damaged one."""
    state, origin = store.load()
    if origin == "former":
        context.log.warning("%s is damaged; the generation before it was taken", store.path)
    return state


def noted(context: Context, config: Config, before: State, after: State, did: "Person") -> None:
    """Leaves a line in the journal of what somebody did, before `after` is committed."""
    journal = Journal(config.state_path)
    journal.person(before, after, did)
    for line in journal.warnings:
        context.log.warning("%s", line)


def outlook(config: Config, store: Store, state: State, now: datetime) -> Outlook:
    """Why what waits is not due, by what people decided and the windows of today."""
    return Outlook(state, config, store.people(), kinds_of(config), now)


def the_thing(asked: str, known: Iterable[str]) -> str:
    """The thing that a person means: its whole name, or any tail that only one has.

    Raises ConfigError when none or several fit.
    """
    names = sorted(set(known))
    fitting = [name for name in names if name == asked] or [
        name for name in names if name.endswith(f"/{asked}")
    ]
    if len(fitting) == 1:
        return fitting[0]
    if fitting:
        raise ConfigError(f"'{asked}' may be any of {', '.join(fitting[:5])}: say more of it")
    raise ConfigError(f"nothing known is called '{asked}'{nearest(asked, names)}")


def coloured(context: Context) -> bool:
    """Whether to colour stdout: --color, then what the environment says, then what stdout is.

    NO_COLOR goes before FORCE_COLOR and CLICOLOR_FORCE, and these before CLICOLOR=0.
    """
    if context.args.color != "auto":
        return bool(context.args.color == "always")
    environ = context.environ
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR") or environ.get("CLICOLOR_FORCE", "0") not in ("", "0"):
        return True
    plain = environ.get("TERM") == "dumb" or environ.get("CLICOLOR") == "0"
    return sys.stdout.isatty() and not plain


def paint(text: str, severity: str, on: bool) -> str:
    """`text` in the colour of a severity, when colours are on."""
    code = {"critical": "31", "warning": "33", "info": "32"}.get(severity, "")
    return f"\x1b[{code}m{text}\x1b[0m" if on and code else text


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """Columns as wide as they have to be, harmless in a terminal."""
    # slow to import, and `check` prints no table
    from notifier.escape import one_line

    rows = [[one_line(cell) for cell in row] for row in rows]
    widths = [max(len(row[i]) for row in (head, *rows)) for i in range(len(head))]
    lines = []
    for row in (head, *rows):
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=True)]
        lines.append("  ".join(cells).rstrip())
    return lines
