"""The configuration: what may stand in it, and whether it holds together.

Defaults live here and nowhere else; docs/config.md is generated from these structs.
"""

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal, TypeVar

import msgspec

from notifier import checks
from notifier.errors import ConfigError
from notifier.model import EventType
from notifier.places import read, state_path
from notifier.tables import Duration, Faults, nearest, read_table, read_tables

T = TypeVar("T", bound=msgspec.Struct)
Pattern = str | list[str]
# what a route without `events` takes
USUAL: tuple[EventType, ...] = ("problem", "recovery", "flapping_start", "flapping_end", "summary")


class Table(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every configuration table."""


class SourceSettings(Table, frozen=True, kw_only=True):
    """Keys that every source has."""

    # which system it is
    type: str
    # how far apart the looks at a family are; empty: at every run
    every: dict[Literal["tasks", "nodes"], Duration] = {}
    # things that are never a problem: patterns over name, id, node, owner, group, status, kind
    ignore: list[dict[str, Pattern]] = []
    # status of a task → how long it may last before it is a problem
    stuck_after: dict[str, Duration] = {}
    # a page for each thing, linked in messages: kind → URL with `{id}`, `{name}`, `{node}`
    link: dict[str, str] = {}


class ChannelSettings(Table, frozen=True, kw_only=True):
    """One destination: exactly one of `email`, `slack`, `webhook`, `url`."""

    # addresses; each is delivered on its own
    email: str | list[str] = []
    # HOST or HOST:PORT of the mail server; port 465 is implicit TLS, 587 STARTTLS
    smtp: str = "localhost"
    # who logs in there, when anybody has to
    smtp_user: str = ""
    # and with which password; never sent over clear text to another host
    smtp_password: str = ""
    # `auto`: TLS where the server offers it, and always with a password
    smtp_tls: Literal["auto", "starttls", "implicit", "none"] = "auto"
    # the sender's address, alone or as `Name <address>`; default: notifier@HOST
    sender: str = msgspec.field(default="", name="from")
    # incoming webhook URL of Slack
    slack: str = ""
    # address to which the events are POSTed as JSON (docs/webhook.md)
    webhook: str = ""
    # what a webhook is signed with; several while one takes the place of another, newest first
    secret: str | list[str] = []
    # any Apprise URL with one target
    url: str = ""
    # PEM file of the authority that signed the server's certificate
    ca_file: str = ""
    # bound of each step of an attempt: to connect, and each answer
    timeout: Duration = Duration(15)

    @property
    def kind(self) -> str:
        """Which of the four it is; empty when it is none."""
        return next((k for k in ("email", "slack", "webhook", "url") if getattr(self, k)), "")

    @property
    def addresses(self) -> list[str]:
        """The e-mail addresses, one or many."""
        return [self.email] if isinstance(self.email, str) else self.email


class Window(Table, frozen=True, kw_only=True):
    """Hours in which a route that names it in `hold` says nothing; told at its end."""

    # HH:MM; a window belongs to the day on which it starts
    begin: str = msgspec.field(name="from")
    # HH:MM; before `from` it is a time of the next day
    to: str
    # days on which it starts; default: every day
    days: list[Literal["mon", "tue", "wed", "thu", "fri", "sat", "sun"]] = []
    # IANA zone; default: `run.timezone`
    timezone: str = ""


class Route(Table, frozen=True, kw_only=True):
    """Which events go to which channels, and how. The first route that names a channel decides."""

    # stands in messages of Notifier about the route; default: its number in the file
    name: str = ""
    # field → pattern; all must match. Fields: source, kind, family (tasks, nodes), type (of the
    # event), status, health, severity, id, name, node, owner, group, labels.NAME
    match: dict[str, Pattern] = {}
    # field → pattern; none may match
    not_match: dict[str, Pattern] = {}
    # default: problem, recovery, flapping_start, flapping_end, summary
    events: list[EventType] = []
    # empty: what matches is told to nobody
    channels: list[str] | None = None
    # one message of all that a run found, one per group of things, or one per thing
    digest: Literal["run", "group", "event"] = "run"
    # how many things a message names before it counts the rest
    max_items: int = 20
    # `false`: nobody here is told of an ending
    recovery: bool = True
    # pauses before the reminders of a standing problem; the last one repeats
    remind: list[Duration] = []
    # told only when it is still open, and nobody has it in hand, after this time
    escalate_after: Duration = Duration(0)
    # windows in which nothing is said here; told at their end
    hold: list[str] = []
    # name of a template of your own, NAME.txt.j2 in the template folder
    template: str = "default"


class RunSettings(Table, frozen=True, kw_only=True):
    """The run itself."""

    # polling gets three quarters of it, delivery the rest
    deadline: Duration = Duration(120)
    # what a first look does: one summary, nothing, or everything as news
    first_run: Literal["summary", "silent", "alert"] = "summary"
    # three changes of a thing within it are flapping; it ends after as long without one
    flap_window: Duration = Duration(3600)
    # a channel that fails for so long is news, told through the others
    channel_alert_after: Duration = Duration(3600)
    # IANA zone that messages show; default: the machine's
    timezone: str = ""
    # further patterns of secrets in text from a cluster: globs over one word
    redact: list[str] = []
    # folder with templates of your own, looked at before ours
    templates: str = ""


class StateSettings(Table, frozen=True, kw_only=True):
    """Where the state lives and how long a run waits for its lock."""

    # the state's file; default: see above, it follows the configuration
    path: str = ""
    # how long a run waits for another one that is under way
    lock_wait: Duration = Duration(30)


class Destination(msgspec.Struct, frozen=True):
    """One row of the outbox: a channel, or one address of a channel with several."""

    row: str
    channel: str
    settings: ChannelSettings
    address: str = ""


class Config(msgspec.Struct, frozen=True, kw_only=True):
    """A configuration that holds together."""

    path: Path
    state_path: Path
    sources: dict[str, SourceSettings]
    channels: dict[str, ChannelSettings]
    routes: tuple[Route, ...] = ()
    default_channels: tuple[str, ...] = ()
    run: RunSettings = RunSettings()
    state: StateSettings = StateSettings()
    windows: dict[str, Window] = {}
    warnings: tuple[str, ...] = ()

    def destinations(self) -> dict[str, Destination]:
        """Every row of the outbox by its name: `ops`, or `ops/anna@example.org` for a list."""
        rows = {}
        for name, settings in self.channels.items():
            several = settings.kind == "email" and len(settings.addresses) > 1
            for address in settings.addresses if settings.kind == "email" else [""]:
                row = f"{name}/{address}" if several else name
                rows[row] = Destination(row, name, settings, address)
        return rows

    def rows_of(self, name: str) -> list[str]:
        """The rows that `name` (a channel or a row, maybe of a former list) stands for today."""
        rows = self.destinations()
        if name in rows:
            return [name]
        channel = name.split("/", 1)[0]
        return [row for row, there in rows.items() if there.channel == channel]


TOP = ("sources", "channels", "routes", "default_channels", "run", "state", "windows")
DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def load(
    path: Path, settings_of: Callable[[str], type[SourceSettings]], environ: Mapping[str, str]
) -> Config:
    """Reads and checks the file. Raises ConfigError with all its faults at once.

    `settings_of(type)` gives a source type's settings; it raises KeyError with the known types.
    """
    document = read(path)
    faults = Faults(TOP)
    for key in document:
        if key not in TOP:
            near = nearest(key, TOP)
            faults.error("top level", f"unknown key '{key[:60]}'{near}")
            # what it was meant to be is neither missing nor empty
            faults.broken |= {name for name in TOP if f"'{name}'" in near}
    config = _assemble(document, path, settings_of, environ, faults)
    checks.check(config, faults)
    if faults.errors:
        raise ConfigError(*(f"{path.name}: {line}" for line in faults.errors))
    return config


def _assemble(
    document: dict[str, Any],
    path: Path,
    settings_of: Callable[[str], type[SourceSettings]],
    environ: Mapping[str, str],
    faults: Faults,
) -> Config:
    def table(name: str, wanted: type[T]) -> T:
        return read_table(wanted, document.get(name, {}), name, faults) or wanted()

    def tables(name: str, read: Callable[[object, str], T | None]) -> dict[str, T]:
        return read_tables(document.get(name, {}), name, faults, read)

    state = table("state", StateSettings)
    return Config(
        path=path,
        state_path=_state_path(path, state, environ, faults),
        sources=tables("sources", lambda one, where: _source(one, where, settings_of, faults)),
        channels=tables("channels", lambda one, at: read_table(ChannelSettings, one, at, faults)),
        routes=_routes(document.get("routes", []), faults),
        default_channels=_names(document.get("default_channels"), faults),
        run=table("run", RunSettings),
        state=state,
        windows=tables("windows", lambda one, where: read_table(Window, one, where, faults)),
    )


def _state_path(
    path: Path, state: StateSettings, environ: Mapping[str, str], faults: Faults
) -> Path:
    try:
        return state_path(path, state.path, environ)
    except RuntimeError:
        faults.error("state", "key 'path': no such user's home; write the whole path")
        return path


def _source(
    table: object, where: str, settings_of: Callable[[str], type[SourceSettings]], faults: Faults
) -> SourceSettings | None:
    kind = table.get("type") if isinstance(table, dict) else None
    if not isinstance(kind, str):
        # without a type nothing can be said of the other keys
        head = {"type": kind} if kind is not None else {}
        return read_table(SourceSettings, head if isinstance(table, dict) else table, where, faults)
    try:
        wanted = settings_of(kind)
    except KeyError as error:
        known = list(error.args[0])
        near = nearest(kind, known) or f" (there are: {', '.join(known)})"
        faults.error(where, f"key 'type': unknown type '{kind[:60]}'{near}")
        return None
    return read_table(wanted, table, where, faults)


def _routes(tables: object, faults: Faults) -> tuple[Route, ...]:
    if not isinstance(tables, list):
        faults.error("routes", "expected [[routes]] tables")
        return ()
    routes = []
    for number, table in enumerate(tables, 1):
        named = table.get("name") if isinstance(table, dict) else None
        name = named if isinstance(named, str) and named else f"{number}"
        route = read_table(Route, table, f"routes '{name}'", faults)
        if route is not None:
            routes.append(msgspec.structs.replace(route, name=name))
    return tuple(routes)


def _names(value: object, faults: Faults) -> tuple[str, ...]:
    if value is None:
        return ()
    if isinstance(value, list) and value and all(isinstance(name, str) for name in value):
        return tuple(value)
    faults.error("default_channels", "expected a list of channels; leave it out for all of them")
    return ()
